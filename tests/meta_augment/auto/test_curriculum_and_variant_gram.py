"""Curriculum sets with nuisances, and tasks drawn from the inner products of features."""

import numpy as np
import pytest
import torch

from manyshot.classify.heads import Ridge, Transform
from manyshot.meta_augment.auto.candidate_ops import OPS, SIDE, VARIANTS, OpShares, allot, build_ops
from manyshot.meta_augment.auto.curriculum import TELLING, VARYING, make_curriculum_set
from manyshot.meta_augment.auto.variant_gram import (
    VariantGram,
    accuracies,
    draw_tasks,
    encode_variants,
    gather_evidence,
    loss_slopes,
    query_logits,
)

COPIES = 2


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
    of_task = (drawn.support.numpy(), drawn.query.numpy(), drawn.labels.numpy(), drawn.of_query.numpy())
    for support, query, own, of_query in zip(*of_task, strict=True):
        assert not set(support) & set(query)
        for index in range(5):
            assert len({*labels[support[own == index]], *labels[query[of_query == index]]}) == 1
    assert not len(draw_tasks(labels, 5, 6, 10, 20, np.random.default_rng(0)))


@pytest.fixture(scope="module")
def encoded():
    images, labels = pictures(each=5)
    filled = encode_variants(images, pool, COPIES, torch.Generator().manual_seed(0))
    return filled, draw_tasks(labels, 2, 2, 3, 4, np.random.default_rng(0))


def test_evidence_and_accuracy_of_drawn_tasks(encoded):
    filled, tasks = encoded
    seen = gather_evidence(filled, tasks.support, tasks.labels)
    assert seen.excess.shape == (4, len(OPS))
    assert seen.accuracy.mean() > 0.9  # the bars are easy
    alone = gather_evidence(filled, tasks.support[2:3], tasks.labels[2:3])
    torch.testing.assert_close(seen.excess[2:3], alone.excess, rtol=1e-3, atol=1e-3)
    assert accuracies(filled, tasks, torch.zeros(4, 1, dtype=torch.long)).mean() > 0.9
    parts = [accuracies(filled, part, torch.zeros(len(part), 1, dtype=torch.long)) for part in tasks.split(3)]
    torch.testing.assert_close(torch.cat(parts), accuracies(filled, tasks, torch.zeros(4, 1, dtype=torch.long)))


def test_logits_of_a_mix_are_those_of_the_head_with_features():
    images = torch.rand(12, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    filled = encode_variants(images, pool, COPIES, torch.Generator().manual_seed(0))
    random = torch.Generator().manual_seed(0)
    twice = images.repeat_interleave(COPIES, 0)
    variants = [pool(build_ops(row)(twice, random)).view(12, COPIES, -1) for row in OPS]
    counts = torch.zeros(1, len(OPS), dtype=torch.long)
    counts[0, [0, 4]] = torch.tensor([2, 1])
    features = torch.cat([pool(images)[:, None], variants[0], variants[4][:, :1]], 1)
    weights = torch.tensor([1.0, 1 / 3, 1 / 3, 1 / 3]).double().expand(6, -1)
    tasks = draw_tasks(np.arange(12) % 2, 2, 3, 3, 1, np.random.default_rng(0))
    train = features[tasks.support[0]].flatten(0, 1)
    fitted = Transform(power=0.5).fit(train, weights.flatten()[None])
    targets = torch.nn.functional.one_hot(tasks.labels[0]).double().repeat_interleave(4, 0)
    head = Ridge(0.1).fit(fitted(train), targets, weights.flatten()[None])
    logits = (fitted(features[tasks.query[0]].flatten(0, 1)) @ head.weight.mT + head.bias[:, None]).view(6, 4, 2)
    found = query_logits(filled, tasks, filled.columns(counts))
    torch.testing.assert_close(found[0], logits.mean(1).to(found), rtol=1e-3, atol=1e-3)


def test_copies_are_taken_in_turn_and_again():
    images, _ = pictures(each=1)
    filled = encode_variants(images, pool, COPIES, torch.Generator().manual_seed(0))
    counts = torch.zeros(2, len(OPS), dtype=torch.long)
    counts[0, 0], counts[1, 1], counts[1, 2] = 3, 2, 1
    assert filled.columns(counts).tolist() == [[0, 1, 2, 1], [0, 3, 4, 5]]
    assert filled.columns(counts, first=1).tolist() == [[0, 2, 1, 2], [0, 4, 3, 6]]


def test_logits_with_other_ops_than_those_of_the_menu():
    plain, *variants = torch.rand(4, 12, 6, generator=torch.Generator().manual_seed(0))
    tasks = draw_tasks(np.arange(12) % 2, 2, 3, 3, 2, np.random.default_rng(0))
    one, two = (VariantGram.of(plain, [torch.stack(part, 1)]) for part in (variants[:1], variants[1:]))
    both = VariantGram.of(plain, [torch.stack(variants[1:], 1), torch.stack(variants[:1] * 2, 1)])
    assert (two.copies, two.ops, both.ops) == (2, 1, 2)
    for alone, counts in ((one, [[0, 1]] * 2), (two, [[2, 0]] * 2)):
        whole = alone.columns(torch.full((2, 1), alone.copies))
        found = query_logits(both, tasks, both.columns(torch.tensor(counts)))
        torch.testing.assert_close(found, query_logits(alone, tasks, whole))


def test_slopes_are_how_the_loss_changes_with_a_weight():
    images = torch.rand(12, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    filled = encode_variants(images, pool, COPIES, torch.Generator().manual_seed(0))
    tasks = draw_tasks(np.arange(12) % 2, 2, 3, 3, 2, np.random.default_rng(0))
    columns = filled.columns(torch.ones(2, len(OPS), dtype=torch.long))
    slopes = loss_slopes(filled, tasks)
    torch.testing.assert_close(slopes.mean(1), torch.zeros(2), rtol=0, atol=1e-5)

    def loss(step):
        shares = torch.full((2, len(OPS)), 1 / len(OPS))
        shares[:, 0] += step
        shares[:, 1] -= step
        logits = query_logits(filled, tasks, columns, shares)
        return torch.nn.functional.cross_entropy(8 * logits.mT, tasks.of_query, reduction="none").mean(1)

    found = (loss(0.02) - loss(-0.02)) / 0.04
    torch.testing.assert_close(found, slopes[:, 0] - slopes[:, 1], rtol=0.05, atol=1e-3)


def test_variants_are_shared_by_weight_and_the_plan_has_them():
    weights = torch.softmax(torch.randn(5, len(OPS), generator=torch.Generator().manual_seed(0)), 1)
    counts = allot(weights)
    assert counts.sum(1).tolist() == [VARIANTS] * 5
    assert ((counts - VARIANTS * weights).abs() < 1).all()
    plan = OpShares(tuple(counts[0].tolist())).plan
    assert str(type(plan)(str(plan))) == str(plan)
    made = plan.item_op()(torch.rand(2, 3, SIDE, SIDE), torch.Generator().manual_seed(0))
    assert made.shape == (2, 3, SIDE, SIDE)
