import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp, ttest_rel

from manyshot.training import holm, mean_interval, paired_difference
from manyshot.training.seed_intervals import Difference


def test_the_interval_of_a_mean_covers_it_as_often_as_it_says():
    rng = np.random.default_rng(0)
    draws = rng.normal(0.3, 0.2, (2000, 8))
    hits = [low < 0.3 < high for low, high in map(mean_interval, draws)]
    assert 0.935 < np.mean(hits) < 0.965


def test_an_interval_ends_where_a_mean_cannot_be():
    few = np.array([0.2, 1.0])
    low, high = mean_interval(few)
    assert (low < 0, high > 1) == (True, True)
    assert mean_interval(few, 0, 1) == (0, 1)
    accuracy = np.array([[0.2, 1.0], [0.9, 0.1]])
    assert paired_difference(accuracy, np.zeros((2, 2)), most=1).high == 1


def test_one_value_has_no_interval():
    assert mean_interval(np.array([0.4])) == (0.4, 0.4)


@pytest.mark.parametrize("seeds", [1, 3, 5])
@pytest.mark.parametrize("seed_noise", [0.0, 0.005, 0.01, 0.04])
@pytest.mark.parametrize("task_noise", [0.0, 0.1])
def test_the_interval_of_a_difference_covers_it_whichever_noise_is_larger(seeds, seed_noise, task_noise):
    """And is not far too wide: half as wide, it covers it clearly less often than 95 times in 100."""
    rng = np.random.default_rng(1)
    tasks, hits, hits_of_half = 100, [], []
    for _ in range(400):
        seed_effect = rng.normal(0, seed_noise, (seeds, 1)) if seeds > 1 else 0.0  # one seed cannot tell of others
        gaps = 0.05 + seed_effect + rng.normal(0, task_noise, tasks) + rng.normal(0, 0.1, (seeds, tasks))
        result = paired_difference(gaps, np.zeros_like(gaps))
        hits.append(result.low < 0.05 < result.high)
        hits_of_half.append(abs(result.difference - 0.05) < (result.high - result.low) / 4)
    assert np.mean(hits) > 0.9
    assert np.mean(hits_of_half) < 0.9


def test_training_noise_widens_the_interval():
    rng = np.random.default_rng(0)
    gaps = rng.normal(0, 0.1, (5, 200))
    steady, noisy = (paired_difference(gaps + shift, np.zeros_like(gaps)) for shift in (0, rng.normal(0, 0.1, (5, 1))))
    assert noisy.high - noisy.low > 3 * (steady.high - steady.low)


def test_an_arm_differs_from_itself_by_nothing():
    accuracy = np.random.default_rng(0).uniform(size=(3, 50))
    assert paired_difference(accuracy, accuracy) == Difference(0.0, 0.0, 0.0, 1.0)


def test_the_sign_turns_with_the_arms():
    a, b = np.random.default_rng(0).uniform(size=(2, 3, 50))
    there, back = paired_difference(a, b), paired_difference(b, a)
    assert there.difference == -back.difference
    assert np.allclose([there.low, there.high], [-back.high, -back.low])


def test_one_seed_gives_the_t_test_of_the_tasks():
    a, b = np.random.default_rng(0).uniform(size=(2, 1, 50))
    result, oracle = paired_difference(a, b), ttest_rel(a[0], b[0])
    assert result.p_value == pytest.approx(oracle.pvalue)
    assert [result.low, result.high] == pytest.approx(list(oracle.confidence_interval()))


def test_seeds_that_differ_in_nothing_else_give_the_t_test_of_the_seeds():
    by_seed = np.array([[0.1], [0.12], [0.17]])
    result, oracle = paired_difference(by_seed.repeat(80, 1), np.zeros((3, 80))), ttest_1samp(by_seed[:, 0], 0)
    assert result.p_value == pytest.approx(oracle.pvalue)
    assert result.as_dict() == {
        "difference": pytest.approx(0.13),
        "interval": pytest.approx(list(oracle.confidence_interval())),
        "p_value": result.p_value,
    }


def test_a_difference_without_any_noise_is_sure():
    result = paired_difference(np.full((3, 50), 0.75), np.full((3, 50), 0.25))
    assert result == Difference(0.5, 0.5, 0.5, 0.0)


def test_without_a_difference_p_values_are_even():
    rng = np.random.default_rng(0)
    zeros = np.zeros((3, 60))
    result = [paired_difference(rng.normal(size=(3, 60)) + rng.normal(size=(3, 1)), zeros).p_value for _ in range(400)]
    assert 0.02 <= np.mean(np.array(result) < 0.05) <= 0.08
    assert 0.4 < np.mean(np.array(result) < 0.5) < 0.6


def test_holm_equals_its_definition():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5]) == [0.5]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_the_value_and_bonferronis_and_keeps_the_order(values):
    corrected = holm(values)
    for value, result in zip(values, corrected, strict=True):
        assert value <= result + 1e-15
        assert result <= min(1.0, len(values) * value) + 1e-15
    order = np.argsort(values)
    assert (np.diff(np.array(corrected)[order]) >= 0).all()


def test_a_handful_of_tasks_has_an_interval_that_covers_and_is_of_use():
    rng = np.random.default_rng(0)
    result = [paired_difference(rng.normal(size=(3, 3)), np.zeros((3, 3))) for _ in range(400)]
    assert np.mean([gap.low < 0 < gap.high for gap in result]) > 0.95
    assert max(gap.high - gap.low for gap in result) < 10  # of noise with a deviation of 1
