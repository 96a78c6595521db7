"""Measures of made items, on cases whose answer is known."""

import pytest
import torch
from torch import Tensor

from manyshot.meta_augment.augmenter_metrics import (
    displacement,
    noise_fraction,
    of_next_task,
    own_class_neighbor_fraction,
    policy_entropy,
    within_class_variance,
)
from manyshot.tasks import Examples

TASKS, WAYS, SHOTS, COPIES, SIZE = 3, 4, 2, 50, 6


def examples_of(each: int, weight: float = 1.0, copies: int = 1) -> Examples:
    """Items of every class; with copies, those made of items of `each` a class."""
    n = WAYS * each
    origin = torch.arange(n).repeat_interleave(copies).expand(TASKS, -1)
    return Examples(
        items=torch.zeros(TASKS, n * copies, SIZE),
        labels=torch.eye(WAYS).repeat_interleave(each * copies, 0).expand(TASKS, -1, -1),
        weight=torch.full((TASKS, n * copies), weight),
        class_mask=torch.ones(TASKS, WAYS, dtype=torch.bool),
        origin=origin if copies > 1 else None,
    )


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


SUPPORT, MADE = examples_of(SHOTS), examples_of(SHOTS, weight=0.25, copies=COPIES)
ORIGINS = normal(TASKS, WAYS * SHOTS, SIZE)
COPIED = ORIGINS.repeat_interleave(COPIES, 1)
NOISE = normal(*COPIED.shape, seed=1)
UNIT = torch.full((TASKS,), float(SIZE))


class TestVarianceWithinClasses:
    def test_is_that_of_the_distribution(self):
        many = examples_of(500)
        centers = 9 * normal(WAYS, SIZE).repeat_interleave(500, 0)
        result = within_class_variance(centers + 2 * normal(TASKS, WAYS * 500, SIZE), many)
        assert torch.allclose(result, torch.full((TASKS,), 4.0 * SIZE), rtol=0.05)

    def test_equals_a_plain_loop_over_classes(self):
        few = examples_of(5)
        z = normal(TASKS, WAYS * 5, SIZE).double()
        by_class = z.unflatten(1, (WAYS, 5))
        assert torch.allclose(within_class_variance(z, few.to("cpu", torch.float64)), by_class.var(2).sum(-1).mean(1))

    def test_does_not_depend_on_the_size_of_the_weights_nor_on_padding(self):
        light = examples_of(5, weight=0.1)
        z = normal(TASKS, WAYS * 5, SIZE)
        expected = within_class_variance(z, examples_of(5))
        assert torch.allclose(within_class_variance(z, light), expected, rtol=1e-4)
        padded = examples_of(5)
        padded.weight[:, ::5] = 0
        far = z.clone()
        far[:, ::5] = 1e3
        assert torch.allclose(within_class_variance(z, padded), within_class_variance(far, padded))

    def test_is_unknown_where_each_class_has_one_item(self):
        assert within_class_variance(normal(TASKS, WAYS, SIZE), examples_of(1)).isnan().all()


class TestDisplacement:
    def test_of_copies_is_0(self):
        assert displacement(COPIED, ORIGINS, MADE, UNIT).tolist() == [0.0] * TASKS

    def test_of_noise_as_large_as_a_class_is_1(self):
        assert torch.allclose(displacement(COPIED + NOISE, ORIGINS, MADE, UNIT), torch.ones(TASKS), atol=0.05)

    def test_an_item_of_weight_0_counts_nothing(self):
        moved = COPIED.clone()
        moved[:, -1] += 99
        padded = examples_of(SHOTS, copies=COPIES)
        padded.weight[:, -1] = 0
        assert displacement(moved, ORIGINS, padded, UNIT).tolist() == [0.0] * TASKS


class TestFractionOfNoise:
    def test_of_one_shift_for_all_copies_is_0(self):
        assert torch.allclose(noise_fraction(COPIED + 3, ORIGINS, MADE), torch.zeros(TASKS), atol=1e-5)

    def test_of_noise_around_the_item_is_1(self):
        assert torch.allclose(noise_fraction(COPIED + NOISE, ORIGINS, MADE), torch.ones(TASKS), atol=0.1)

    def test_of_a_shift_and_noise_of_the_same_size_is_a_half(self):
        result = noise_fraction(COPIED + 1 + NOISE, ORIGINS, MADE)
        assert torch.allclose(result, torch.full((TASKS,), 0.5), atol=0.1)

    def test_is_unknown_where_nothing_moves(self):
        assert noise_fraction(COPIED, ORIGINS, MADE).isnan().all()

    def test_needs_two_copies(self):
        with pytest.raises(ValueError, match="at least 2"):
            noise_fraction(ORIGINS, ORIGINS, SUPPORT)


class TestNeighbors:
    def test_of_items_near_their_class_are_its_own_and_of_swapped_ones_are_not(self):
        real = examples_of(5)
        centers = 99 * torch.eye(WAYS, SIZE).repeat_interleave(5, 0)
        z = centers + normal(TASKS, WAYS * 5, SIZE)
        generated = centers + normal(TASKS, WAYS * 5, SIZE, seed=2)
        assert own_class_neighbor_fraction(generated, real, z, real).tolist() == [1.0] * TASKS
        assert own_class_neighbor_fraction(generated.roll(5, 1), real, z, real).tolist() == [0.0] * TASKS

    def test_padding_is_nobodys_neighbor(self):
        real = examples_of(2)
        z = 9 * torch.eye(WAYS, SIZE).repeat_interleave(2, 0).expand(TASKS, -1, -1).clone()
        z[:, 0] = z[:, -1]  # a first item that lies with the last class ...
        real.weight[:, 0] = 0  # ... but is not there
        asked = examples_of(1)
        assert own_class_neighbor_fraction(z[:, 1::2], asked, z, real).tolist() == [1.0] * TASKS


def test_every_task_gets_the_support_of_the_next():
    support = examples_of(1)
    support.items[:] = torch.arange(TASKS).view(-1, 1, 1)
    assert of_next_task(support).items[:, 0, 0].tolist() == [1, 2, 0]
    assert of_next_task(support).origin is None


def test_a_policy_that_has_decided_has_no_entropy():
    chances = torch.tensor([[0.0, 1.0, 1.0], [0.5, 0.5, 0.5], [0.5, 0.0, 1.0]])
    assert torch.allclose(policy_entropy(chances), torch.tensor([0.0, 1.0, 1 / 3]))
