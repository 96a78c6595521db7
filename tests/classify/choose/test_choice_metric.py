import numpy as np
import pytest
import sklearn.metrics as skl

from manyshot.base import InputError
from manyshot.classify import examples_from_arrays, fit_model
from manyshot.classify.choose.choice_metric import METRICS, values_of


def oracle(metric, labels, logits):
    odds = np.exp(logits)
    probabilities = odds / odds.sum(1, keepdims=True)
    return {
        "accuracy": lambda: skl.accuracy_score(labels, logits.argmax(1)),
        "balanced-accuracy": lambda: skl.balanced_accuracy_score(labels, logits.argmax(1)),
        "auroc": lambda: skl.roc_auc_score(labels, probabilities, multi_class="ovr"),
    }[metric]()


@pytest.mark.parametrize("metric", METRICS)
def test_the_mean_over_a_training_set_is_the_measure_of_scikit_learn(metric):
    rng = np.random.default_rng(0)
    labels = rng.choice(3, size=90, p=[0.7, 0.2, 0.1])
    training = np.stack([np.ones(90), (np.arange(90) % 4 > 0) * 1.0])
    logits = rng.normal(size=(2, 90, 3)) + 1.5 * np.eye(3)[labels]
    values = values_of(logits, labels, training, metric)
    for b in range(2):
        rows = training[b] > 0
        assert values[b, rows].mean() == pytest.approx(oracle(metric, labels[rows], logits[b, rows]))
        assert not values[b, ~rows].any()


def test_a_class_that_a_fit_has_not_seen_gives_no_nan():
    logits = np.array([[[0.0, -np.inf], [1.0, -np.inf], [1.0, -np.inf]]])
    for metric in METRICS:
        assert np.isfinite(values_of(logits, np.array([0, 0, 1]), np.ones((1, 3)), metric)).all()


def test_a_fit_says_what_it_compared_by():
    texts = [f"{word} number {i}" for word in ("hello", "goodbye") for i in range(5)]
    examples = examples_from_arrays(texts, ["greet"] * 5 + ["leave"] * 5)
    _, report = fit_model(examples, encoder="ngrams", head="ridge", metric="balanced-accuracy")
    assert report.as_dict()["metric"] == "balanced-accuracy"
    assert "balanced accuracy" in report.why
    with pytest.raises(InputError, match="did you mean 'auroc'"):
        fit_model(examples, encoder="ngrams", metric="auc")
