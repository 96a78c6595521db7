"""Curriculum sets with nuisances, and tasks drawn from the inner products of features."""

import numpy as np
import pytest
import torch

from manyshot.classify.heads import Ridge, Transform
from manyshot.meta_augment.auto.curriculum import TELLING, VARYING, make_curriculum_set
from manyshot.meta_augment.auto.menu import (
    CANDIDATES,
    COPIES,
    MIXED,
    MIXES,
    OPS,
    SIDE,
    USES,
    Candidate,
    build_ops,
)
from manyshot.meta_augment.auto.traits import TASK_NAMES, describe_task, picture_traits
from manyshot.meta_augment.auto.variant_gram import draw_tasks, encode_variants, gather_evidence, measure_gains


def pictures(classes=2, each=6):
    """Bright bars at the place of their class."""
    images = torch.rand(classes * each, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) * 0.2
    labels = np.repeat(np.arange(classes), each)
    for row, label in enumerate(labels):
        images[row, :, 10 + 14 * label : 20 + 14 * label, 8:30] = 0.9
    return images, labels


def pool(images):
    return torch.nn.functional.avg_pool2d(images, 8).flatten(1)


def test_a_curriculum_set_is_a_function_of_its_seed():
    images, labels = pictures()
    one, again, other = (make_curriculum_set(images, labels, seed) for seed in (3, 3, 4))
    assert one.nuisances == again.nuisances
    assert torch.equal(one.pictures, again.pictures)
    assert one.nuisances != other.nuisances


def test_seeds_bring_every_kind_of_nuisance_and_classes_that_are_told_apart_double():
    images, labels = pictures()
    sets = [make_curriculum_set(images[:, :, ::4, ::4], labels, seed) for seed in range(120)]
    named = " ".join(name for data in sets for name in data.nuisances)
    assert all(op.split("(")[0].split("{")[0] in named for op in VARYING)
    assert "told apart" in named
    for data in sets:
        told = any("told apart" in name for name in data.nuisances)
        assert 1 <= len(data.nuisances) <= 3
        assert data.labels.max() + 1 == (4 if told else 2)
        assert data.pictures.isfinite().all()
    assert len(TELLING) == len(set(TELLING))


def test_drawn_tasks_share_no_picture_between_support_and_query():
    labels = np.repeat(np.arange(6), 7)
    drawn = draw_tasks(labels, 5, 3, 10, 20, np.random.default_rng(0))
    assert drawn.support.shape == (20, 15)
    assert drawn.query.shape == (20, 20)
    for support, query, own, of_query in zip(drawn.support, drawn.query, drawn.labels, drawn.of_query, strict=True):
        assert not set(support) & set(query)
        for index in range(5):
            assert len({*labels[support[own == index]], *labels[query[of_query == index]]}) == 1
    assert not len(draw_tasks(labels, 5, 6, 10, 20, np.random.default_rng(0)).support)


@pytest.fixture(scope="module")
def variants():
    images, labels = pictures(each=5)
    return encode_variants(images, pool, COPIES, torch.Generator().manual_seed(0)), labels


def test_inner_products_give_evidence_and_the_accuracy_of_every_candidate(variants):
    filled, labels = variants
    drawn = draw_tasks(labels, 2, 2, 3, 4, np.random.default_rng(0))
    support, query, own, of_query = (
        torch.from_numpy(part.copy()) for part in (drawn.support, drawn.query, drawn.labels, drawn.of_query)
    )
    seen = gather_evidence(filled, support, own)
    right = measure_gains(filled, support, query, own, of_query)
    assert seen.task.shape == (4, len(TASK_NAMES))
    assert seen.op_effects.shape[:2] == (4, len(OPS))
    assert right.shape == (4, len(CANDIDATES))
    assert seen.scores.shape[:2] == (4, len(CANDIDATES) - 1)
    assert len(CANDIDATES) == 1 + len(OPS) * len(USES) + len(MIXES)
    assert all(part.isfinite().all() for part in (seen.task, seen.op_effects, seen.scores, right))
    assert right[:, 0].mean() > 0.9  # the bars are easy


@pytest.mark.parametrize("rows", [OPS[:1], OPS[:2]])
def test_the_accuracy_of_a_candidate_is_that_of_the_head_with_features(rows):
    images = torch.rand(12, 3, 16, 16, generator=torch.Generator().manual_seed(1))  # nothing tells the classes apart
    filled = encode_variants(images, pool, COPIES, torch.Generator().manual_seed(0))
    random = torch.Generator().manual_seed(0)
    each = COPIES if len(rows) == 1 else MIXED // len(rows)
    variants = [
        pool(build_ops(row)(images.repeat_interleave(COPIES, 0), random)).view(12, COPIES, -1)[:, :each] for row in rows
    ]
    features = torch.cat([pool(images)[:, None], *variants], 1)
    count = features.shape[1] - 1
    support, query, labels = torch.arange(6), torch.arange(6, 12), torch.arange(6) % 2
    candidates = [Candidate(rows, use) for use in USES]
    found = measure_gains(filled, support[None], query[None], labels[None], labels[None], candidates)[0]
    for index, use in enumerate(USES):
        weights = torch.ones(6, 1 + count).double()
        weights[:, 1:] = 1 / count
        train = features[support].flatten(0, 1)
        fitted = Transform(power=0.5).fit(train, weights.flatten()[None])
        targets = torch.nn.functional.one_hot(labels).double().repeat_interleave(1 + count, 0)
        head = Ridge(0.1).fit(fitted(train), targets, weights.flatten()[None])
        logits = (fitted(features[query].flatten(0, 1)) @ head.weight.mT + head.bias[:, None]).view(6, 1 + count, 2)
        own = logits.mean(1) if use == "views" else logits[:, 0]
        assert found[index] == (own.argmax(1) == labels).float().mean()


def test_a_task_looks_the_same_whatever_stands_beside_it(variants):
    filled, labels = variants
    drawn = draw_tasks(labels, 2, 2, 3, 4, np.random.default_rng(0))
    support, own = torch.from_numpy(drawn.support), torch.from_numpy(drawn.labels.copy())
    together, alone = gather_evidence(filled, support, own), gather_evidence(filled, support[2:3], own[2:3])
    torch.testing.assert_close(together.op_effects[2:3], alone.op_effects, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(together.task[2:3], alone.task, rtol=1e-3, atol=1e-3)


def test_traits_say_what_varies_by_class():
    dark, bright = torch.full((4, 3, 16, 16), 0.2), torch.full((4, 3, 16, 16), 0.8)
    traits = picture_traits(torch.cat([dark, bright]))[None]
    apart = describe_task(traits, torch.tensor([[0, 0, 0, 0, 1, 1, 1, 1]]), torch.zeros(1, 3))[0]
    mixed = describe_task(traits, torch.tensor([[0, 1, 0, 1, 0, 1, 0, 1]]), torch.zeros(1, 3))[0]
    share = TASK_NAMES.index("brightness by class")
    assert apart[share] > 0.8 > 0.1 > mixed[share]
    assert apart[TASK_NAMES.index("brightness")] == pytest.approx(0.5)


def test_every_candidate_is_a_plan_whose_text_is_its_own():
    plans = [candidate.plan for candidate in CANDIDATES]
    assert len({str(plan) for plan in plans}) == len(CANDIDATES)
    assert all(str(type(plan)(str(plan))) == str(plan) for plan in plans[::7])
