import numpy as np
import pytest

from manyshot.classify.evaluate.accuracy_interval import accuracy_interval, interval_of_one_example
from manyshot.classify.evaluate.example_intervals import wilson


def test_more_examples_make_it_narrower_and_it_is_wider_than_that_of_independent_examples():
    widths = []
    for n in (10, 40, 160):
        found = accuracy_interval(np.array([1.0] * (7 * n // 10) + [0.0] * (3 * n // 10)), fitted=1.0)
        low, high = wilson(0.7, n)
        assert found.low < low
        assert found.high > high
        widths.append(found.high - found.low)
    assert widths == sorted(widths, reverse=True)


def test_refits_to_fewer_examples_raise_the_estimate_and_make_it_less_certain():
    correct = np.array([1.0] * 60 + [0.0] * 40)
    all_of_them, half = accuracy_interval(correct, fitted=1.0), accuracy_interval(correct, fitted=0.5)
    assert all_of_them.value == pytest.approx(0.6, abs=0.005)
    assert half.value == pytest.approx(1 / (1 + np.exp(-np.log(1.5) - 0.4)), abs=0.005)
    assert half.high - half.low > all_of_them.high - all_of_them.low
    assert half.low > all_of_them.low


@pytest.mark.parametrize("all_right", [True, False])
def test_unanimous_examples_leave_room_on_one_side(all_right):
    found = accuracy_interval(np.full(10, float(all_right)), fitted=0.8)
    assert (found.high == 1 and found.low < 0.8) if all_right else (found.low == 0 and found.high > 0.2)


def test_groups_that_agree_count_once():
    rng = np.random.default_rng(0)
    few = rng.integers(0, 2, 30).astype(float)
    many, groups = np.repeat(few, 10), np.repeat(np.arange(30), 10)
    alone, grouped = accuracy_interval(few, 0.9), accuracy_interval(many, 0.9, groups)
    assert (grouped.low, grouped.high) == pytest.approx((alone.low, alone.high), abs=0.03)
    assert accuracy_interval(np.ones(300), 0.9, groups).low == pytest.approx(accuracy_interval(np.ones(30), 0.9).low)


def test_one_example_per_class_says_little():
    assert interval_of_one_example(10) == (0.1, 0.99)
