import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from manyshot.base import InputError
from manyshot.estimators import FewShotClassifier
from manyshot.learners import Ridge
from manyshot.tasks import Examples

CHECKS = """
import sys
from sklearn.utils.estimator_checks import check_estimator
from manyshot.estimators import FewShotClassifier
for learner in ("logistic", "ridge", "prototypes"):
    check_estimator(FewShotClassifier(learner=learner), on_skip=None)
"""


def digits(n: int = 60, first: int = 0):
    """Scanned digits `[n, 8, 8]` from 0 to 1, and their labels as words."""
    images, labels = load_digits(return_X_y=True)
    names = np.array(["zero", "one", "two", "three"])
    few = np.flatnonzero(labels < 4)[first : first + n]
    return (images[few] / 16).reshape(-1, 8, 8).astype(np.float32), names[labels[few]]


def test_it_passes_the_checks_of_scikit_learn():
    """In a process of its own, because here every function checks the types of its arguments."""
    done = subprocess.run([sys.executable, "-c", CHECKS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_probabilities_are_those_of_the_learner():
    X, y = digits()
    vectors = X.reshape(len(X), -1)
    classifier = FewShotClassifier(learner="ridge").fit(vectors[:40], y[:40])
    ids = torch.as_tensor(np.unique(y[:40], return_inverse=True)[1])
    support = Examples(
        torch.from_numpy(vectors[None, :40]).double(),
        torch.eye(4).double()[ids][None],
        torch.ones(1, 40).double(),
        torch.ones(1, 4, dtype=torch.bool),
    )
    with torch.no_grad():
        logits = Ridge(nn.Identity()).double().adapt(support)(torch.from_numpy(vectors[None, 40:]).double())
    assert np.allclose(classifier.predict_proba(vectors[40:]), logits[0].softmax(-1).numpy())
    assert classifier.classes_.tolist() == ["one", "three", "two", "zero"]


def same_digits(way: str, tmp_path):
    X, y = digits()
    levels = (X * 255).round().astype(np.uint8)
    if way == "array":
        return levels, y
    if way == "color array":
        return levels[..., None].repeat(3, -1), y
    if way == "tensor":
        return torch.from_numpy(levels)[:, None], y
    pictures = [Image.fromarray(image) for image in levels]
    if way == "pictures":
        return pictures, y
    for number, picture in enumerate(pictures):
        picture.save(tmp_path / f"{number}.png")
    return [tmp_path / f"{number}.png" for number in range(len(pictures))], y


@pytest.mark.parametrize("way", ["array", "color array", "tensor", "pictures", "paths"])
def test_images_may_be_given_in_any_form(way, tmp_path):
    X, y = same_digits(way, tmp_path)
    classifier = FewShotClassifier(learner="ridge", augment="shots: 2 x affine(5)", random_state=0)
    assert classifier.fit(X[:40], y[:40]).score(X[40:], y[40:]) > 0.8


@pytest.mark.parametrize("encoder", [nn.Flatten(), nn.Sequential(nn.Flatten(), nn.Linear(64, 64)), "function"])
def test_an_encoder_is_a_module_or_a_function(encoder):
    X, y = digits()
    if encoder == "function":
        encoder = lambda images: images.flatten(1).numpy()  # noqa: E731
    classifier = FewShotClassifier(encoder, "ridge").fit(X[:40], y[:40])
    assert classifier.score(X[40:], y[40:]) > 0.8


def test_training_the_given_module_later_does_not_change_the_classifier():
    X, y = digits()
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.Dropout())
    classifier = FewShotClassifier(encoder, "ridge").fit(X, y)
    before = classifier.predict_proba(X)
    assert encoder.training
    assert all(weight.requires_grad for weight in encoder.parameters())
    nn.init.zeros_(encoder[1].weight)
    assert np.array_equal(before, classifier.predict_proba(X))


def test_sentences_are_encoded_by_name_or_by_a_function():
    X = ["play some jazz", "play a song", "turn the song up", "pay my bill", "what is my balance", "pay the rent"]
    y = ["music"] * 3 + ["money"] * 3
    words = sorted({word for text in X for word in text.split()})

    def count(texts):
        return np.array([[text.split().count(word) for word in words] for text in texts])

    for encoder in ("ngrams(256)", count):
        classifier = FewShotClassifier(encoder, "prototypes", augment="shots: 2 x swap-words", random_state=0).fit(X, y)
        assert classifier.predict(["play the song", "pay my balance"]).tolist() == ["music", "money"]


def test_variants_of_a_query_are_averaged():
    X, y = digits()
    plain = FewShotClassifier(learner="ridge").fit(X, y).predict_proba(X)
    classifier = FewShotClassifier(learner="ridge", augment="query: 4 x affine(5)", random_state=0).fit(X, y)
    averaged = classifier.predict_proba(X)
    assert averaged.shape == plain.shape
    assert np.allclose(averaged.sum(1), 1)
    assert not np.allclose(averaged, plain)
    assert np.array_equal(averaged, classifier.predict_proba(X))


def test_more_shots_change_the_support_and_follow_the_seed():
    X, y = digits(20)
    first, again, other = (
        FewShotClassifier(learner="ridge", augment="shots: 4 x affine(20)", random_state=seed)
        .fit(X, y)
        .predict_proba(X)
        for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)
    assert not np.allclose(first, FewShotClassifier(learner="ridge").fit(X, y).predict_proba(X))


def test_balanced_shots_find_more_of_a_rare_class():
    images, labels = load_digits(return_X_y=True)
    found = {"shots: 2 x affine(10)": 0.0, "shots: balanced 2 x affine(10)": 0.0}
    for seed in range(3):
        random = np.random.default_rng(seed)
        rare, common = (random.permutation(np.flatnonzero(labels == label)) for label in (3, 8))
        few = np.concatenate([rare[:3], common[:60]])
        for plan in found:
            classifier = FewShotClassifier(learner="ridge", augment=plan, random_state=0)
            classifier.fit((images[few] / 16).reshape(-1, 8, 8), labels[few])
            answers = classifier.predict((images[rare[60:]] / 16).reshape(-1, 8, 8))
            found[plan] += float((answers == 3).mean()) / 3
    plain, balanced = found.values()
    assert balanced > plain + 0.05


def test_it_can_be_cloned_and_pickled():
    X, y = digits()
    classifier = FewShotClassifier(nn.Flatten(), "ridge", "shots: 2 x affine", random_state=0).fit(X, y)
    assert np.array_equal(pickle.loads(pickle.dumps(classifier)).predict_proba(X), classifier.predict_proba(X))
    assert np.array_equal(clone(classifier).fit(X, y).predict_proba(X), classifier.predict_proba(X))


def test_it_works_in_pipelines_and_searches():
    X, y = digits()
    vectors = X.reshape(len(X), -1)
    assert cross_val_score(make_pipeline(StandardScaler(), FewShotClassifier()), vectors, y, cv=3).mean() > 0.8
    grid = {"learner": ["ridge", "prototypes"], "augment": ["none", "shots: 2 x affine(5)"]}
    search = GridSearchCV(FewShotClassifier(random_state=0), grid, cv=2).fit(X, y)
    assert search.best_score_ > 0.8


def test_a_weight_of_two_is_an_example_given_twice():
    X, y = digits(24)
    weight = np.arange(24) % 3
    weighted = FewShotClassifier(learner="ridge").fit(X, y, sample_weight=weight).predict_proba(X)
    repeated = FewShotClassifier(learner="ridge").fit(X.repeat(weight, 0), y.repeat(weight)).predict_proba(X)
    assert np.allclose(weighted, repeated)


IMAGES, LABELS = np.zeros((4, 8, 8)), [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("options", "X", "message"),
    [
        ({"encoder": "conv4"}, np.zeros((4, 16, 16)), "encoder='conv4' has no pre-trained weights"),
        ({"encoder": "conv5"}, IMAGES, "did you mean 'conv4'"),
        ({"encoder": "efficientnet-lite0"}, np.zeros((4, 3)), "takes images, and X holds vectors"),
        ({"learner": "maml"}, IMAGES, "have to be meta-trained first"),
        ({"learner": "ridgee"}, IMAGES, "did you mean 'ridge'"),
        ({"augment": "task: turn"}, IMAGES, "leave out the 'task:' clause"),
        ({"augment": "shots: afine"}, IMAGES, "did you mean 'affine'"),
        ({}, IMAGES + 16, "images of values from 16 to 16"),
        ({}, np.zeros((4, 8, 8, 7)), "7"),
        ({}, ["no.png"] * 4, "no.png: no such file"),
        ({}, [np.zeros((8, 8)), np.zeros((9, 9))] * 2, "images differ in shape"),
    ],
)
def test_what_cannot_be_fitted_is_reported_in_one_line(options, X, message):
    with pytest.raises(InputError, match=message) as caught:
        FewShotClassifier(**options).fit(X, LABELS)
    assert "\n" not in str(caught.value)


def test_other_items_than_those_fitted_are_refused():
    X, y = digits()
    classifier = FewShotClassifier(learner="ridge").fit(X, y)
    with pytest.raises(InputError, match="fitted to"):
        classifier.predict(X[:, :6])
    with pytest.raises(InputError, match="X holds vectors"):
        classifier.predict(X.reshape(len(X), -1))


def test_features_are_encoded_once():
    """The learner sees features, so that repeated predictions encode the queries alone."""
    calls = []

    def encode(images):
        calls.append(len(images))
        return images.flatten(1)

    X, y = digits()
    classifier = FewShotClassifier(encode, "ridge").fit(X[:40], y[:40])
    classifier.predict(X[40:])
    assert calls == [40, len(X) - 40]
