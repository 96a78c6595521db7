import numpy as np
import pytest
import sklearn.metrics as skl

from manyshot.base import InputError
from manyshot.classify.evaluate.metrics import measure


def classifier(n=120, classes=4, skill=1.5, seed=0):
    """Probabilities and labels of a calibrated classifier: labels are drawn from its probabilities."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, classes)) * skill
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = (rng.uniform(size=(n, 1)) > probabilities.cumsum(1)).sum(1)
    return probabilities, labels.astype(np.int64)


def test_measures_are_scikit_learns():
    probabilities, labels = classifier()
    found, answers = measure(probabilities, labels), probabilities.argmax(1)
    assert found.accuracy.value == pytest.approx(skl.accuracy_score(labels, answers))
    assert found.balanced_accuracy.value == pytest.approx(skl.balanced_accuracy_score(labels, answers))
    assert [r.value for r in found.recall] == pytest.approx(skl.recall_score(labels, answers, average=None))
    assert [p.value for p in found.precision] == pytest.approx(skl.precision_score(labels, answers, average=None))
    assert (found.confusion == skl.confusion_matrix(labels, answers)).all()
    assert found.auroc.value == pytest.approx(skl.roc_auc_score(labels, probabilities, multi_class="ovr"))
    expected = skl.average_precision_score(np.eye(4)[labels], probabilities)
    assert found.average_precision.value == pytest.approx(expected)
    assert found.brier.value == pytest.approx(skl.brier_score_loss(labels, probabilities, labels=range(4)))


def test_equal_scores_count_half_in_the_area():
    probabilities, labels = classifier()
    rounded = probabilities.round(1)
    expected = np.mean([skl.roc_auc_score(labels == c, rounded[:, c]) for c in range(4)])
    assert measure(rounded, labels).auroc.value == pytest.approx(expected)


def test_the_calibration_error_is_that_of_a_loop_over_bins():
    probabilities, labels = classifier()
    confidence, correct = probabilities.max(1), probabilities.argmax(1) == labels
    gap = 0.0
    for b in range(15):
        inside = (confidence >= b / 15) & (confidence < (b + 1) / 15)
        if inside.any():
            gap += inside.mean() * abs(confidence[inside].mean() - correct[inside].mean())
    assert measure(probabilities, labels).calibration_error.value == pytest.approx(gap)


def test_classes_without_examples_are_left_out_of_means():
    probabilities, labels = classifier(classes=3)
    keep = labels != 1
    found = measure(probabilities[keep], labels[keep])
    recall = skl.recall_score(labels[keep], probabilities[keep].argmax(1), average=None, labels=[0, 2])
    assert found.recall[1] is None
    assert found.balanced_accuracy.value == pytest.approx(recall.mean())
    assert found.auroc is not None
    assert measure(probabilities[labels == 1], labels[labels == 1]).auroc is None
    assert found.as_dict(("a", "b", "c"))["per_class"]["b"]["recall"] is None


def test_a_class_that_no_answer_names_has_no_precision():
    found = measure(np.array([[0.9, 0.1], [0.8, 0.2]]), np.array([0, 1]))
    assert found.precision[1] is None
    assert found.recall[1].value == 0


def test_a_perfect_classifier_of_few_examples_is_not_certain_to_be_perfect():
    found = measure(np.eye(2)[[0, 1] * 5], np.array([0, 1] * 5))
    for estimate in (found.accuracy, found.balanced_accuracy, found.auroc, *found.recall):
        assert estimate.value == 1
        assert estimate.high == 1
        assert 0.4 < estimate.low < 0.8


@pytest.mark.parametrize("examples", [20, 100])
@pytest.mark.parametrize("sharpness", [1.0, 2.5])  # calibrated, and overconfident
def test_intervals_cover_the_measure_of_many_examples(examples, sharpness):
    def measured(n, seed):
        probabilities, labels = classifier(n, seed=seed)
        powers = probabilities**sharpness
        return measure(powers / powers.sum(1, keepdims=True), labels)

    names = ("accuracy", "balanced_accuracy", "auroc", "average_precision", "brier", "calibration_error")
    many, draws = measured(60_000, 1), 150
    covered = dict.fromkeys(names, 0)
    for seed in range(draws):
        found = measured(examples, 100 + seed)
        for name in names:
            estimate = getattr(found, name)
            covered[name] += estimate.low <= getattr(many, name).value <= estimate.high
    assert {name: share for name, share in covered.items() if share < 0.91 * draws} == {}


def test_groups_widen_the_interval():
    probabilities, labels = classifier(40)
    copies = np.repeat(np.arange(40), 5)
    few, many = measure(probabilities, labels), measure(probabilities[copies], labels[copies])
    grouped = measure(probabilities[copies], labels[copies], copies)
    for name in ("accuracy", "balanced_accuracy", "auroc", "average_precision", "brier"):
        narrow, wide, right = (getattr(m, name) for m in (many, grouped, few))
        assert narrow.high - narrow.low < 0.6 * (wide.high - wide.low)
        assert wide.high - wide.low == pytest.approx(right.high - right.low, rel=0.1)
    assert grouped.groups == 40
    assert grouped.as_dict(tuple("abcd"))["interval_over"] == "groups"


def test_no_examples_are_one_clear_line():
    with pytest.raises(InputError, match="no labeled examples"):
        measure(np.zeros((0, 3)), np.zeros(0, np.int64))
