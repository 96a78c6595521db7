"""What a support set says about ops."""

import pytest
import torch
from torch.nn import functional as F

from manyshot.classify.heads import Ridge, Transform
from manyshot.meta_augment.auto.evidence import SHARPNESS, folds, left_out, look_at


def rows_of(ways=3, shots=3, v=3, wobble=0.3, seed=0):
    """Features `[n, v, d]` of classes, and labels: variants lie near their example, those of later ops further away."""
    random = torch.Generator().manual_seed(seed)
    labels = torch.arange(ways).repeat_interleave(shots)
    centers = torch.randn(ways, 24, generator=random, dtype=torch.float64)
    examples = centers[labels] + 0.7 * torch.randn(len(labels), 24, generator=random, dtype=torch.float64)
    steps = wobble * torch.randn(len(labels), v - 1, 24, generator=random, dtype=torch.float64)
    return torch.cat([examples[:, None], examples[:, None] + steps * torch.arange(1, v)[:, None]], 1), labels


def gram_of(rows):
    return torch.einsum("ivd,jud->ivju", rows, rows)[None]


@pytest.mark.parametrize("shots", [2, 3, 7])
def test_leaving_out_equals_fits_without_the_examples(shots):
    rows, labels = rows_of(shots=shots)
    fold = folds(labels[None])
    targets = F.one_hot(labels).double()
    every = torch.ones(len(labels), 3).double()
    every[:, 1:] = 1 / 2
    fitted = Transform().fit(rows.flatten(0, 1), every.flatten()[None])  # once, by all rows
    expected = torch.zeros(len(labels), 3, 3, dtype=torch.float64)
    for part in range(int(fold.max()) + 1):
        kept = fold[0] != part
        train = rows[kept].flatten(0, 1)
        weights = every[kept].flatten()[None]
        head = Ridge(0.1).fit(fitted(train), targets[kept].repeat_interleave(3, 0), weights)
        expected[~kept] = (fitted(rows[~kept].flatten(0, 1)) @ head.weight.mT + head.bias[:, None]).view(-1, 3, 3)
    torch.testing.assert_close(left_out(gram_of(rows), labels[None], fold)[0], expected, check_dtype=False)

    seen = look_at(gram_of(rows), labels[None])
    losses = F.cross_entropy(SHARPNESS * expected.mT, labels[:, None].expand(-1, 3), reduction="none")[:, 1:]
    excess = losses - losses.mean(1, keepdim=True)
    torch.testing.assert_close(seen.excess[0], excess.mean(0), check_dtype=False)
    torch.testing.assert_close(seen.error[0].sqrt(), excess.std(0) / len(labels) ** 0.5, check_dtype=False)
    assert seen.accuracy == pytest.approx((expected.mean(1).argmax(1) == labels).double().mean().item())


def test_everything_is_a_number_and_with_one_example_of_a_class_nothing_is_left_out():
    for shots in (1, 2, 5):
        for wobble in (0.0, 1.0):
            rows, labels = rows_of(shots=shots, wobble=wobble)
            found = look_at(gram_of(rows), labels[None])
            assert found.shots == shots
            assert found.excess.shape == found.error.shape == found.move.shape == found.keep.shape == (1, 2)
            assert all(part.isfinite().all() for part in vars(found).values())
            assert bool((found.error == 0).all()) == (shots == 1) or wobble == 0.0


def test_the_names_of_classes_and_the_tasks_beside_it_do_not_matter():
    rows, labels = rows_of(shots=4)
    other, _ = rows_of(shots=4, seed=1)
    alone = look_at(gram_of(rows), labels[None])
    renamed = torch.tensor([2, 0, 1])[labels]
    together = look_at(torch.cat([gram_of(other), gram_of(rows)]), torch.stack([labels, renamed]))
    for name, part in vars(alone).items():
        torch.testing.assert_close(getattr(together, name)[1:], part)


def test_an_op_whose_variants_leave_their_class_moves_further_keeps_it_less_often_and_has_more_loss():
    rows, labels = rows_of(shots=5, v=4, wobble=1.0)
    seen = look_at(gram_of(rows), labels[None])
    assert seen.move[0, 2] > 2 * seen.move[0, 0]
    assert seen.keep[0, 2] < seen.keep[0, 0]
    assert seen.excess[0, 2] > seen.excess[0, 0]


def test_folds_hold_each_class_evenly_and_are_one_where_a_class_has_one_example():
    assert folds(torch.tensor([[0, 1, 0, 1, 0, 1]])).tolist() == [[0, 0, 1, 1, 2, 2]]
    assert folds(torch.tensor([[0, 1, 1]])).tolist() == [[0, 0, 0]]
