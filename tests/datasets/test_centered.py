"""Drawings in the middle, at one size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyshot.base import InputError
from manyshot.datasets import load_dataset
from manyshot.datasets.centered import FRAME_STDS, center, center_source


def drawing(height: int, width: int, top: int, left: int, tall: int, broad: int) -> np.ndarray:
    """A filled box on paper."""
    page = np.zeros((1, 1, height, width), dtype=np.uint8)
    page[..., top : top + tall, left : left + broad] = 255
    return page


def moments(image: np.ndarray) -> tuple[float, float, float, float]:
    """Center of mass and spread along the axes, in shares of the side."""
    ink = image.astype(np.float64) / image.sum()
    y, x = ((np.arange(n) + 0.5) / n for n in ink.shape)
    cy, cx = ink.sum(1) @ y, ink.sum(0) @ x
    return cy, cx, (ink.sum(1) @ (y - cy) ** 2) ** 0.5, (ink.sum(0) @ (x - cx) ** 2) ** 0.5


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 60), st.integers(0, 60), st.integers(8, 40), st.integers(8, 40))
def test_the_ink_stands_in_the_middle_with_one_spread(top: int, left: int, tall: int, broad: int) -> None:
    cy, cx, sy, sx = moments(center(drawing(105, 105, top, left, tall, broad), 60)[0, 0])
    assert abs(cy - 0.5) < 0.02
    assert abs(cx - 0.5) < 0.02
    assert max(sy, sx) == pytest.approx(1 / FRAME_STDS, rel=0.08)


def test_proportions_stay() -> None:
    _, _, sy, sx = moments(center(drawing(105, 105, 10, 30, 60, 20), 90)[0, 0])
    assert sy / sx == pytest.approx(3, rel=0.1)


def test_position_and_size_do_not_matter() -> None:
    small, large = drawing(96, 96, 3, 60, 12, 24), drawing(96, 96, 40, 10, 24, 48)
    difference = center(small, 32).astype(int) - center(large, 32)
    assert abs(difference).mean() < 4


def test_an_empty_sheet_a_dot_and_a_wide_sheet_are_no_trouble() -> None:
    assert center(np.zeros((2, 3, 20, 30), dtype=np.uint8), 16).shape == (2, 3, 16, 16)
    dot = center(drawing(20, 30, 0, 29, 1, 1), 16)[0, 0]
    assert 0 < dot.astype(int).sum() < 255 * 16 * 16
    assert center(np.zeros((0, 1, 9, 9), dtype=np.uint8), 4).shape == (0, 1, 4, 4)


def test_a_source_keeps_its_classes() -> None:
    plain, moved = load_dataset("digits", size=24), load_dataset("digits", size=24, centered=True)
    assert moved.class_names == plain.class_names
    assert moved.store.shape == plain.store.shape
    assert not bool((moved.store == plain.store).all())
    assert bool((moved.store == center_source(load_dataset("digits", size=72), 24).store).all())


@pytest.mark.parametrize("name", ["fashion-mnist", "cifar-fs", "some/folder"])
def test_what_is_not_known_to_be_ink_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"only drawings can be centered.*leave centered"):
        load_dataset(name, centered=True)
