"""What a support set says about ops."""

import pytest
import torch
from torch.nn import functional as F

from manyshot.classify.heads import Ridge, Transform
from manyshot.meta_augment.auto.evidence import PROBE_NAMES, SCORE_NAMES, cross_validate, folds, probe, scores
from manyshot.meta_augment.auto.menu import USES


def rows_of(ways=3, shots=3, v=3, wobble=0.3, seed=0):
    """Features `[n, v, d]` of classes, and labels: variants lie near their example."""
    random = torch.Generator().manual_seed(seed)
    labels = torch.arange(ways).repeat_interleave(shots)
    centers = torch.randn(ways, 24, generator=random, dtype=torch.float64)
    examples = centers[labels] + 0.7 * torch.randn(len(labels), 24, generator=random, dtype=torch.float64)
    variants = examples[:, None] + wobble * torch.randn(len(labels), v - 1, 24, generator=random, dtype=torch.float64)
    return torch.cat([examples[:, None], variants], 1), labels


def gram_of(rows):
    return torch.einsum("ivd,jud->ivju", rows, rows)[None]


def moves_of(rows, labels):
    return probe(gram_of(rows), labels[None])


@pytest.mark.parametrize("shots", [2, 3, 7])
def test_cross_validation_equals_fits_that_leave_the_examples_out(shots):
    rows, labels = rows_of(shots=shots)
    fold = folds(labels[None])[0]
    targets = F.one_hot(labels).double()
    found = cross_validate(gram_of(rows), labels[None])[0]

    for index, use in enumerate(USES):
        every = torch.ones(len(labels), 3).double()
        every[:, 1:] = 1 / 2
        fitted = Transform().fit(rows.flatten(0, 1), every.flatten()[None])  # once, by all rows
        logits = torch.zeros(len(labels), 3, dtype=torch.float64)
        for part in range(int(fold.max()) + 1):
            kept = fold != part
            weights = torch.ones(int(kept.sum()), 3).double()
            weights[:, 1:] = 1 / 2
            train = rows[kept].flatten(0, 1)
            head = Ridge(0.1).fit(fitted(train), targets[kept].repeat_interleave(3, 0), weights.flatten()[None])
            views = (fitted(rows[~kept].flatten(0, 1)) @ head.weight.mT + head.bias[:, None]).view(-1, 3, 3)
            logits[~kept] = views.mean(1) if use == "views" else views[:, 0]
        torch.testing.assert_close(found[index], scores(logits[None], labels[None])[0], check_dtype=False)


@pytest.mark.parametrize("shots", [1, 4])
def test_the_order_of_classes_and_examples_does_not_matter(shots):
    rows, labels = rows_of(shots=shots)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(1))
    renamed = torch.tensor([2, 0, 1])[labels]
    # Cross-validation splits examples by their order: only the measurements of movement are the same to the last bit.
    torch.testing.assert_close(moves_of(rows, labels), moves_of(rows[order], renamed[order]))


def test_everything_is_a_number_and_named():
    for shots in (1, 2, 5):
        for wobble in (0.0, 1.0):
            rows, labels = rows_of(shots=shots, wobble=wobble)
            found, tried = moves_of(rows, labels), cross_validate(gram_of(rows), labels[None])
            assert found.shape == (1, len(PROBE_NAMES))
            assert tried.shape == (1, len(USES), len(SCORE_NAMES))
            assert found.isfinite().all()
            assert tried.isfinite().all()
            assert bool((tried == 0).all()) == (shots == 1)  # there is nothing to leave out


def test_variants_that_move_further_say_so_and_keep_their_class_less_often():
    near, far = moves_of(*rows_of(wobble=0.1))[0], moves_of(*rows_of(wobble=3.0))[0]
    move, keep = PROBE_NAMES.index("move"), PROBE_NAMES.index("keep")
    assert far[move] > 3 * near[move]
    assert far[keep] < near[keep]


def test_variants_along_differences_within_classes_are_told_from_those_between():
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(4).repeat_interleave(5)
    between, within = torch.randn(2, 6, 30, generator=random, dtype=torch.float64)
    examples = torch.randn(4, 6, generator=random).double()[labels] @ between
    examples = examples + 0.5 * torch.randn(20, 6, generator=random).double() @ within

    def ratio(axes):
        steps = 0.3 * torch.randn(20, 2, 6, generator=random).double() @ axes
        rows = torch.cat([examples[:, None], examples[:, None] + steps], 1)
        return moves_of(rows, labels)[0, PROBE_NAMES.index("within over between")]

    assert ratio(within) > ratio(between) + 2


def test_folds_hold_each_class_evenly_and_are_one_where_a_class_has_one_example():
    assert folds(torch.tensor([[0, 1, 0, 1, 0, 1]])).tolist() == [[0, 0, 1, 1, 2, 2]]
    assert folds(torch.tensor([[0, 1, 1]])).tolist() == [[0, 0, 0]]
