import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import manyshot as ms
from manyshot.base import InputError
from manyshot.estimators.auto_classifier import AutoFewShotClassifier
from small_classifiers import PARCEL, TEA

TEXTS, LABELS = [*PARCEL, *TEA], np.array(["parcel"] * len(PARCEL) + ["tea"] * len(TEA))


@pytest.fixture(scope="module")
def fitted():
    return ms.FewShotClassifier.auto(encoder="ngrams", head="ridge", random_state=3).fit(TEXTS, LABELS)


def test_probabilities_are_those_of_the_classes_in_order_and_the_largest_is_the_prediction(fitted):
    probabilities = fitted.predict_proba(TEXTS)
    assert fitted.classes_.tolist() == ["parcel", "tea"]
    assert probabilities.sum(1) == pytest.approx(1)
    assert fitted.predict(TEXTS).tolist() == fitted.classes_[probabilities.argmax(1)].tolist()
    assert fitted.score(TEXTS, LABELS) == 1


def test_labels_keep_their_type_and_sorted_order_beyond_nine():
    numbers = np.where(LABELS == "tea", 2, 10)
    classifier = AutoFewShotClassifier("ngrams", "ridge", random_state=3).fit(TEXTS, numbers)
    assert classifier.classes_.tolist() == [2, 10]
    assert classifier.predict(TEXTS).tolist() == numbers.tolist()


def test_what_is_unlike_every_class_is_unknown_but_not_the_examples_themselves(fitted):
    assert not fitted.is_unknown(TEXTS).any()
    assert fitted.is_unknown(["0x7f ###", "zzzz qqqq"]).all()


def test_a_clone_has_the_options_and_fits_the_same_model(fitted):
    other = clone(fitted)
    assert other.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        other.predict(TEXTS)
    assert other.fit(TEXTS, LABELS).predict_proba(TEXTS) == pytest.approx(fitted.predict_proba(TEXTS))


def test_the_report_is_that_of_the_command(fitted):
    assert fitted.report_.chosen == fitted.model_.candidate
    assert fitted.report_.examples == len(TEXTS)
    assert fitted.report_.interval[0] <= fitted.report_.accuracy <= fitted.report_.interval[1]


def test_a_saved_one_is_a_model_of_the_library_and_is_not_replaced_unasked(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    assert ms.load(tmp_path / "model").class_names == ("parcel", "tea")
    with pytest.raises(InputError, match="holds a model already"):
        fitted.save(tmp_path / "model")
    fitted.save(tmp_path / "model", overwrite=True)


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        (TEXTS, LABELS[:-1], "inconsistent numbers of samples"),
        (TEXTS, ["tea"] * len(TEXTS), "one class"),
        (TEXTS, np.linspace(0, 1, len(TEXTS)), "continuous"),
    ],
)
def test_what_cannot_be_fitted_is_said(texts, labels, message):
    with pytest.raises(ValueError, match=message):
        AutoFewShotClassifier("ngrams", "ridge").fit(texts, labels)
