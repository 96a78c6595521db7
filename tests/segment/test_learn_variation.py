"""Registration of a reference to scans, and the variation that is learned from it."""

import pytest
import torch

from manyshot.augment.masked.scan_variation import centers, nearest_at, sample_at
from manyshot.augment.masked.variation_bank import shape_field
from manyshot.segment.dice import dice
from manyshot.segment.learn_variation import (
    Registration,
    inverse,
    learn_variation,
    local_correlation,
    register,
)
from one_line_error import one_line_error


def ball(middle: tuple[float, ...], radius: float, size: tuple[int, ...]) -> torch.Tensor:
    """A bright ball with soft edges on a dark gradient, at a place from -1 to 1."""
    grid = centers(torch.zeros(1, 1, *size))[0]
    away = (grid - torch.tensor(middle)).norm(dim=-1)
    return (0.2 + 0.1 * grid[..., 0] + 0.6 * torch.sigmoid((radius - away) * 12))[None].clamp(0, 1)


@pytest.mark.parametrize("size", [(24, 20), (12, 14, 12)])
def test_a_registered_mask_covers_the_structure_that_has_moved(size):
    zeros = (0.0,) * len(size)
    there = (0.25, *zeros[1:])
    reference, scan = ball(zeros, 0.5, size), ball(there, 0.4, size)
    settings = Registration(cells=(2, 4), steps=60, window=5)
    field = shape_field(register(reference, scan[None], settings), settings.cells, size)
    masks = [(one[0] > 0.5).long()[None] for one in (reference, scan)]
    moved = nearest_at(masks[0], centers(scan[None]) + field.movedim(1, -1))
    before, after = (dice(one, masks[1], [1])[0, 0] for one in (masks[0], moved))
    assert before < 0.7
    assert after > 0.8


def test_the_inverse_of_a_field_undoes_it():
    random = torch.Generator().manual_seed(0)
    field = shape_field(0.06 * torch.randn(2, 2 * 5**2, generator=random, dtype=torch.float64), (2,), (32, 32))
    back = inverse(field)
    there_and_back = back + sample_at(field, centers(field) + back.movedim(1, -1))
    assert there_and_back[..., 6:-6, 6:-6].abs().max() < 1e-3


def test_looks_are_those_of_the_scans_in_the_frame_of_the_reference():
    reference = ball((0.0, 0.0), 0.5, (24, 24))
    scans = torch.stack([ball((0.2, 0.0), 0.5, (24, 24)) + 0.1, ball((-0.2, 0.0), 0.5, (24, 24)) - 0.05]).clamp(0, 1)
    bank = learn_variation(reference, scans, Registration(cells=(2, 4), steps=80, window=5, smoothing=1.0))
    looks = bank.look(bank.looks.scores)
    middle = looks[:, 0, 8:16, 8:16].mean((1, 2))
    assert middle[0] == pytest.approx(0.1, abs=0.03)
    assert middle[1] == pytest.approx(-0.05, abs=0.03)


def test_correlation_ignores_gain_and_offset_and_equals_a_plain_loop():
    random = torch.Generator().manual_seed(0)
    first, second = torch.rand(2, 1, 1, 8, 9, generator=random, dtype=torch.float64)
    assert local_correlation(first, 0.3 * first + 0.2, 5) > 0.99
    values = []
    for i in range(8):
        for j in range(9):
            rows = [min(max(i + d, 0), 7) for d in range(-1, 2)]
            columns = [min(max(j + d, 0), 8) for d in range(-1, 2)]
            a, b = (x[0, 0][rows][:, columns].flatten() for x in (first, second))
            cov = ((a - a.mean()) * (b - b.mean())).mean()
            values.append(cov**2 / ((a.var(correction=0) + 1e-5) * (b.var(correction=0) + 1e-5)))
    assert float(local_correlation(first, second, 3)) == pytest.approx(float(sum(values) / len(values)), rel=1e-6)


def test_too_few_scans_and_other_sizes_are_refused():
    with one_line_error("at least two scans"):
        learn_variation(torch.rand(1, 8, 8), torch.rand(1, 1, 8, 8))
    with one_line_error("at least two scans"):
        learn_variation(torch.rand(1, 8, 8), torch.rand(3, 1, 8, 9))
