import numpy as np
import pytest
from scipy.stats import binomtest

from manyshot.classify.evaluate.example_intervals import (
    Estimate,
    bounded_estimate,
    design_effect,
    mean_estimate,
    wilson,
)
from manyshot.training.seed_intervals import mean_interval


def proportion(correct, groups=None) -> Estimate:
    value = correct.mean()
    return bounded_estimate(value, (correct - value) / len(correct), len(correct), groups)


@pytest.mark.parametrize(("right", "of"), [(0, 5), (3, 7), (10, 20), (20, 20)])
def test_wilsons_interval_is_scipys(right, of):
    expected = binomtest(right, of).proportion_ci(method="wilson")
    assert wilson(right / of, of) == pytest.approx((expected.low, expected.high))


def test_a_proportion_of_independent_examples_has_wilsons_interval():
    correct = np.array([1.0] * 13 + [0.0] * 7)
    assert proportion(correct).low == pytest.approx(wilson(13 / 20, 20)[0])


def test_where_all_agree_the_interval_still_has_a_width():
    assert proportion(np.ones(20)).low == pytest.approx(wilson(1.0, 20)[0])
    groups = np.repeat(np.arange(5), 4)
    assert proportion(np.ones(20), groups).low < wilson(1.0, 5)[0]


def test_a_mean_of_independent_values_has_students_interval():
    values = np.random.default_rng(0).uniform(size=12)
    found = mean_estimate(values, 0.0, 2.0)
    assert (found.low, found.high) == pytest.approx(mean_interval(values))


def test_groups_of_one_example_change_little_and_one_group_says_nothing():
    correct = np.random.default_rng(0).integers(0, 2, 200).astype(float)
    alone, single = proportion(correct), proportion(correct, np.arange(200))
    assert (single.low, single.high) == pytest.approx((alone.low, alone.high), abs=0.01)
    assert (proportion(correct, np.zeros(200, int)).low, proportion(correct, np.zeros(200, int)).high) == (0, 1)


@pytest.mark.parametrize(("groups", "each"), [(8, 10), (25, 4)])
def test_intervals_over_groups_cover_the_truth_where_those_over_examples_do_not(groups, each):
    rng = np.random.default_rng(0)
    member = np.repeat(np.arange(groups), each)
    covered = {"groups": 0, "examples": 0}
    for _ in range(400):
        rate = rng.beta(2.0, 1.0, groups)  # groups differ: the truth is 2/3
        correct = (rng.uniform(size=len(member)) < rate[member]).astype(float)
        for name, given in (("groups", member), ("examples", None)):
            found = proportion(correct, given)
            covered[name] += found.low <= 2 / 3 <= found.high
    assert 0.92 <= covered["groups"] / 400 <= 1
    assert covered["examples"] / 400 < 0.9


def test_the_design_effect_of_equal_copies_is_their_number():
    values = np.random.default_rng(0).normal(size=300)
    copies, member = np.repeat(values - values.mean(), 4), np.repeat(np.arange(300), 4)
    assert design_effect(copies, member) == pytest.approx(4, rel=0.01)
    assert design_effect(copies, None) == 1
