import numpy as np
import pytest
import sklearn.metrics as skl

from manyshot.base import InputError
from manyshot.classify.calibrate.operating_points import called_across, choose_points, points_as_dict, points_of
from manyshot.classify.evaluate.metrics import measure


def people(n=600, classes=3, seed=0):
    """Probabilities, labels and patients (three examples each, of one class) of a fair classifier."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(n // 3), 3)
    labels = rng.integers(classes, size=n // 3)[person]
    logits = rng.normal(size=(n, classes)) + rng.normal(size=(n // 3, classes))[person] + 2 * np.eye(classes)[labels]
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True), labels, person


def best_sensitivity(positive, scores, specificity):
    """By scikit-learn: the largest sensitivity of all thresholds with at least that specificity."""
    false_alarms, found, _ = skl.roc_curve(positive, scores, drop_intermediate=False)
    return found[1 - false_alarms >= specificity - 1e-12].max()


def test_a_threshold_is_the_best_of_the_roc_curve_where_it_was_chosen():
    probabilities, labels, _ = people()
    for point in choose_points(probabilities, labels):
        found = measure(probabilities, labels, called={point.specificity: point.called(probabilities)})
        one = found.sensitivity[point.specificity]
        expected = [best_sensitivity(labels == c, probabilities[:, c], point.specificity) for c in range(3)]
        assert [estimate.value for estimate in one.found] == pytest.approx(expected)
        assert one.mean.value == pytest.approx(np.mean(expected))
        assert all(estimate.value >= point.specificity for estimate in one.spared)


def test_thresholds_of_other_people_keep_the_specificity_about():
    probabilities, labels, person = people(3000)
    first = person < 500
    for point in choose_points(probabilities[first], labels[first]):
        called = point.called(probabilities[~first])
        one = measure(probabilities[~first], labels[~first], person[~first], {point.specificity: called})
        spared = one.sensitivity[point.specificity].specificity
        assert spared == pytest.approx(point.specificity, abs=0.03)
        assert one.groups == 500


def test_thresholds_across_folds_are_those_of_a_loop():
    probabilities, labels, person = people(300)
    fold = person % 5
    called = called_across(probabilities, labels, fold)
    for row in (0, 17, 299):
        others = fold != fold[row]
        for point in choose_points(probabilities[others], labels[others]):
            assert (called[point.specificity][row] == point.called(probabilities[row])).all()


def test_too_few_others_give_no_thresholds():
    probabilities, labels, _ = people(24)
    assert choose_points(probabilities, labels) == ()
    assert called_across(probabilities, labels, np.arange(24) % 2) == {}


def test_points_survive_the_folder_and_damage_is_one_error():
    probabilities, labels, _ = people()
    points = choose_points(probabilities, labels)
    assert points_of({"operating_points": points_as_dict(points)}, 3) == points
    for damaged in ({"0.9": [0.1]}, {"x": [0.1] * 3}, {"0.9": "high"}, [1]):
        with pytest.raises(InputError, match="operating_points"):
            points_of({"operating_points": damaged}, 3)
