"""The scikit-learn estimator on examples of several parts."""

import numpy as np
import pytest
import torch

from manyshot import FewShotClassifier, Parts
from manyshot.base import InputError

WORDS = ("purrs and meows", "barks and fetches", "moos and grazes")


def make_parts(each: int, seed: int) -> tuple[Parts, np.ndarray]:
    """Texts and a number, each missing now and then."""
    random = torch.Generator().manual_seed(seed)
    labels = torch.arange(3).repeat_interleave(each)
    texts = [f"{WORDS[label]} {number}" if number % 3 else "" for number, label in enumerate(labels.tolist())]
    size = 10.0 * labels[:, None] + torch.rand(len(labels), 1, generator=random)
    return Parts.of({"text": texts, "size": size}), np.array(["cat", "dog", "cow"])[labels.numpy()]


def test_fits_and_predicts_with_missing_parts_and_a_plan():
    train, y = make_parts(5, 0)
    test, truth = make_parts(8, 1)
    classifier = FewShotClassifier("parts(texts=ngrams)", "fusion", "shots: 2 x typos drop(0.3)", random_state=0)
    probabilities = classifier.fit(train, y).predict_proba(test)
    assert np.allclose(probabilities.sum(1), 1)
    assert (classifier.predict(test) == truth).mean() > 0.9


def test_vectors_need_no_encoder():
    train, y = make_parts(5, 0)
    sizes = train.only(["size"])
    assert (FewShotClassifier(learner="fusion").fit(sizes, y).predict(sizes) == y).all()


@pytest.mark.parametrize("encoder", [None, "ngrams"])
def test_an_encoder_that_does_not_fit_is_refused(encoder):
    with pytest.raises(InputError, match="give encoder='parts'"):
        FewShotClassifier(encoder, "fusion").fit(*make_parts(2, 0))


def test_another_kind_of_examples_is_refused():
    classifier = FewShotClassifier("parts(texts=ngrams)", "fusion").fit(*make_parts(3, 0))
    with pytest.raises(InputError, match="X holds text, and the classifier was fitted to parts"):
        classifier.predict(["a sentence"])
