"""Dice and surface distance against plain loops; the loss against its formula."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from manyshot.segment.dice import dice, segmentation_loss
from manyshot.segment.surface_distance import hausdorff_95


def masks(seed: int, size: tuple[int, ...], share: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.random(size) < share, random.random(size) < share


def plain_surface(mask: np.ndarray) -> list[tuple[int, ...]]:
    """Pixels of a mask with a neighbor beside a side that is not in it, or none at all."""
    places = []
    for place in zip(*mask.nonzero(), strict=True):
        for axis in range(mask.ndim):
            for step in (-1, 1):
                beside = list(place)
                beside[axis] += step
                outside = not 0 <= beside[axis] < mask.shape[axis]
                if outside or not mask[tuple(beside)]:
                    places.append(place)
    return sorted(set(places))


def plain_hausdorff_95(predicted: np.ndarray, true: np.ndarray, spacing: tuple[float, ...]) -> float:
    """MONAI's formula: percentile 95 of the distances from one surface to the other, the larger of both ways."""
    surfaces = [plain_surface(mask) for mask in (predicted, true)]
    ways = []
    for here, there in (surfaces, surfaces[::-1]):
        scaled = [np.array(places) * spacing for places in (here, there)]
        distances = [min(math.dist(a, b) for b in scaled[1]) for a in scaled[0]]
        ways.append(np.percentile(distances, 95))
    return float(max(ways))


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), size=st.sampled_from([(5, 7), (4, 5, 3)]))
def test_surface_distance_equals_a_plain_loop_over_pairs_of_surface_pixels(seed, size):
    predicted, true = masks(seed, size)
    if predicted.any() and true.any():
        spacing = (0.5, 2.0, 1.25)[: len(size)]
        assert hausdorff_95(predicted, true, spacing) == pytest.approx(plain_hausdorff_95(predicted, true, spacing))


def test_surface_distance_of_empty_masks_is_zero_or_unknown():
    empty, full = np.zeros((4, 4), bool), np.ones((4, 4), bool)
    assert hausdorff_95(empty, empty, (1, 1)) == 0
    assert hausdorff_95(empty, full, (1, 1)) is None
    assert hausdorff_95(full, empty, (1, 1)) is None


@given(seed=st.integers(0, 1000))
def test_dice_equals_counting_pixels_case_by_case(seed):
    random = np.random.default_rng(seed)
    predicted, true = random.integers(0, 3, (2, 3, 4, 5))
    found = dice(torch.from_numpy(predicted), torch.from_numpy(true), [1, 2, 7])
    for case in range(3):
        for column, label in enumerate((1, 2)):
            a, b = predicted[case] == label, true[case] == label
            expected = 2 * (a & b).sum() / (a.sum() + b.sum()) if a.any() or b.any() else 1.0
            assert found[case, column] == pytest.approx(expected)
        assert found[case, 2] == 1.0


def test_the_loss_is_cross_entropy_plus_one_minus_the_mean_soft_dice_of_the_foreground():
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 4, 5, generator=random, dtype=torch.float64)
    true = torch.randint(3, (2, 4, 5), generator=random)
    chance = logits.softmax(1)
    entropy = (
        -sum(chance[n, true[n, i, j], i, j].log() for n in range(2) for i in range(4) for j in range(5)) / true.numel()
    )
    overlaps = []
    for label in (1, 2):
        member = (true == label).double()
        overlaps.append((2 * (chance[:, label] * member).sum() + 1e-5) / (chance[:, label].sum() + member.sum() + 1e-5))
    expected = entropy + 1 - sum(overlaps) / 2
    assert segmentation_loss(logits, true) == pytest.approx(float(expected))
