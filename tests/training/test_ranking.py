import numpy as np
import pytest
import sklearn.metrics as skl

from manyshot.training.ranking import average_precision, placements, threshold_at


@pytest.mark.parametrize("digits", [1, 8])
def test_areas_are_scikit_learns_with_and_without_ties(digits):
    rng = np.random.default_rng(0)
    positive = rng.uniform(size=200) < 0.2
    scores = (rng.normal(size=200) + positive).round(digits)
    assert average_precision(scores, positive)[0] == pytest.approx(skl.average_precision_score(positive, scores))
    placed = placements(scores, positive)
    area = skl.roc_auc_score(positive, scores)
    assert placed[positive].mean() == pytest.approx(area)
    assert placed[~positive].mean() == pytest.approx(area)


@pytest.mark.parametrize("digits", [1, 8])
def test_the_influence_on_average_precision_is_its_derivative_by_weights(digits):
    rng = np.random.default_rng(1)
    positive = rng.uniform(size=60) < 0.3
    scores = (rng.normal(size=60) + positive).round(digits)
    value, influence = average_precision(scores, positive)
    step = 1e-6
    for i in range(60):
        weight = np.ones(60)
        weight[i] += step
        moved = skl.average_precision_score(positive, scores, sample_weight=weight)
        assert influence[i] == pytest.approx((moved - value) / step, abs=1e-5)


def test_a_threshold_leaves_the_specificity_and_no_lower_one_does():
    rng = np.random.default_rng(2)
    for n in (1, 7, 20, 101):
        scores = rng.normal(size=n)
        for specificity in (0.5, 0.9, 0.95, 1.0):
            threshold = threshold_at(scores, specificity)
            assert (scores <= threshold).mean() >= specificity
            lower = scores[scores < threshold]
            assert len(lower) == 0 or (scores <= lower.max()).mean() < specificity
