"""Predictions, and the choice of examples to label next."""

import numpy as np
import pytest
import torch

from manyshot.base import InputError
from manyshot.classify.encode.encode_examples import encode_examples
from manyshot.classify.examples.read_examples import examples_from_arrays
from manyshot.classify.model.predictions import Predictions, choose_next, other_name
from small_classifiers import PARCEL, TEA, fit_small, questions


@pytest.fixture(scope="module")
def model():
    return fit_small(questions())


def test_probabilities_are_the_softmax_of_the_heads_logits(model):
    new = examples_from_arrays(["my parcel, please", "green tea"])
    features = encode_examples("ngrams", new)[:, 0].double()
    features = features.sign() * features.abs().sqrt() - model.transforms[0].mean
    features = features / features.norm(dim=1, keepdim=True)
    logits = features @ model.linear.weight[0].T + model.linear.bias[0]
    expected = torch.softmax(logits / model.temperature, 1)
    found = model.predict(new)
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-7)
    assert found.best.tolist() == [0, 1]
    assert found.words(model.class_names) == ["parcel", "tea"]


def test_the_temperature_changes_confidence_and_not_the_answer(model):
    new = examples_from_arrays([*PARCEL, *TEA])
    cold, warm = model.predict(new), fit_small(questions(), temperature=5.0).predict(new)
    assert (cold.best == warm.best).all()
    assert (cold.confidence > warm.confidence).all()


def test_many_examples_are_predicted_in_parts(model, monkeypatch):
    from manyshot.classify.model import model as module

    new = examples_from_arrays([*PARCEL, *TEA])
    whole = model.predict(new)
    monkeypatch.setattr(module, "VIEWS_AT_ONCE", 3)
    parts = model.predict(new)
    assert (whole.probabilities == parts.probabilities).all()
    assert len(parts) == 8


def test_what_is_unlike_every_class_is_unknown(model):
    found = model.predict(examples_from_arrays(["where is my parcel", "Ωμέγα ψυχή"]))
    assert found.words(model.class_names) == ["parcel", "unknown"]
    assert found.novelty[1] > found.novelty[0]


def test_examples_of_another_kind_are_refused(model):
    with pytest.raises(InputError, match="the model classifies sentences, and these are pictures"):
        model.predict(examples_from_arrays(np.zeros((1, 8, 8, 3), dtype=np.uint8)))


def test_the_nearest_training_examples_are_those_of_a_plain_search(model):
    found = model.predict(examples_from_arrays(["track my parcel", "green tea"]))
    distances, indices = model.reference.nearest(found.features, 3)
    for row, feature in enumerate(found.features.double()):
        plain = (model.reference.features.double() - feature).norm(dim=1)
        order = plain.argsort()[:3]
        assert indices[row].tolist() == order.tolist()
        torch.testing.assert_close(distances[row], plain[order])
    assert model.reference.nearest(found.features, 99)[0].shape == (2, 8)


def predictions(model, probabilities, features):
    """Predictions with these probabilities and, in the first two coordinates, features."""
    wide = torch.zeros(len(features), model.reference.features.shape[1])
    wide[:, :2] = torch.tensor(features)
    n = len(features)
    return Predictions(np.array(probabilities), np.zeros(n, dtype=bool), np.zeros(n), wide)


def test_the_next_examples_are_uncertain_and_unlike_each_other(model):
    unlabeled = examples_from_arrays(["a", "b", "c", "d"])
    uncertain, sure = [0.5, 0.5], [1.0, 0.0]
    # The second is next to the first, and the last is far away but the model is sure of it.
    given = predictions(
        model, [uncertain, [0.55, 0.45], [0.6, 0.4], sure], [[9.0, 0.0], [9.0, 0.1], [0.0, 9.0], [90.0, 0.0]]
    )
    assert choose_next(model, unlabeled, 2, given) == [0, 2]
    assert choose_next(model, unlabeled, 9, given) == [0, 2, 1]


def test_copies_of_a_chosen_example_are_not_chosen(model):
    unlabeled = examples_from_arrays(["what is this", "what is this", "and that"])
    assert sorted(choose_next(model, unlabeled, 3)) == [0, 2]


def test_a_number_of_next_examples_below_one_is_refused(model):
    with pytest.raises(InputError, match="next=0: give at least 1"):
        choose_next(model, questions(), 0)


def test_a_name_that_is_taken_gets_an_addition():
    assert other_name("probability", ["file", "prediction", "probability"], "class") == "probability (class)"


def test_the_logits_of_the_views_of_an_example_are_averaged():
    plain, viewed = fit_small(questions()), fit_small(questions(), views=(("typos", 2), ("case", 1)))
    new = examples_from_arrays(["where is my green parcel"])
    views = [encode_examples("ngrams", new)]
    views += [encode_examples("ngrams", new, plan=plan, copies=copies) for plan, copies in viewed.views]
    each = [plain.predict_features([view[None, None]]) for view in torch.cat(views, 1)[0]]
    logits = np.mean([np.log(one.probabilities[0]) for one in each], axis=0)
    expected = np.exp(logits) / np.exp(logits).sum()
    found = viewed.predict(new)
    np.testing.assert_allclose(found.probabilities[0], expected, rtol=1e-6)
    assert (found.features == plain.predict(new).features).all()
