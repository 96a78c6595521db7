"""The stages of a training on the command line: a learner, its augmenter, and both further."""

import json

import pytest

from manyshot.training import Config, Settings, train

TINY = ("--steps", 3, "--meta-batch-size", 1, "--ways", 2, "--quiet")


@pytest.fixture(scope="module")
def learner(tmp_path_factory):
    """A run that set classes aside."""
    out = tmp_path_factory.mktemp("run") / "learner"
    fit = Settings(steps=3, meta_batch_size=1, validation_tasks=2)
    train(Config("digits", learner="ridge", encoder="conv4(4, 4, 4, 4)", ways=2, augmenter=0.25, fit=fit), out)
    return out


def test_the_learners_stage_sets_classes_aside(manyshot, tmp_path):
    options = ("--stage", "learner", "--encoder", "conv4(4, 4, 4, 4)", "--out", tmp_path / "run", *TINY)
    assert manyshot("train", "digits", *options).status == 0
    assert json.loads((tmp_path / "run" / "config.json").read_text())["config"]["augmenter"] == 0.25


def test_all_three_stages(manyshot, learner, tmp_path):
    first, both = tmp_path / "augmenter", tmp_path / "both"
    answer = manyshot("train", "digits", "--stage", "augmenter", "--learner", learner, "--out", first, *TINY)
    assert answer.status == 0, answer.errors
    assert "--augmenter" in answer.out
    assert {"config.json", "best.safetensors", "metrics.jsonl", "learner", "report.html"} <= {
        file.name for file in first.iterdir()
    }
    values = json.loads((first / "config.json").read_text())
    assert values["kind"] == "augmenter"
    assert values["config"]["shots"] == [1, 5]
    answer = manyshot("train", "digits", "--stage", "joint", "--learner", first, "--out", both, *TINY, "--json")
    assert answer.json["stage"] == "joint"
    assert answer.json["steps"] == 3


def test_an_augmenter_without_weights_is_reported(manyshot, learner, tmp_path):
    options = ("--augmenter", "calibration", "--out", tmp_path / "augmenter")
    answer = manyshot("train", "digits", "--stage", "augmenter", "--learner", learner, *options, *TINY)
    assert answer.status == 0, answer.errors
    assert "statistics gathered" in answer.out


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--stage", "augmentr"), "did you mean 'augmenter'"),
        (("--stage", "augmenter"), "needs --learner RUN"),
        (
            ("--stage", "augmenter", "--learner", "LEARNER", "--plan", "handwriting"),
            "--plan is as in the run of --learner",
        ),
        (("--stage", "augmenter", "--learner", "LEARNER", "--augmenter", "halucinator"), "hallucinator"),
        (("--stage", "augmenter", "--learner", "LEARNER", "--gradient", "exat"), "exact"),
        (
            ("--stage", "augmenter", "--learner", "LEARNER", "--gradient", "implicit"),
            "choose the gradient exact (--gradient exact)",
        ),
        (("--stage", "augmenter", "--learner", "nowhere"), "holds no run"),
        (("--stage", "joint", "--learner", "LEARNER"), "holds no augmenter"),
        (("--copies", 3), "--copies has no effect"),
        (("--head", "ridge"), "--head has no effect"),
    ],
)
def test_what_cannot_be_is_one_line(manyshot, learner, tmp_path, options, named):
    words = [learner if option == "LEARNER" else option for option in options]
    answer = manyshot("train", "digits", *words, "--out", tmp_path / "run", *TINY)
    assert answer.status == 2
    assert named in answer.errors
    assert answer.errors.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_other_data_than_the_learners_are_refused(manyshot, learner, tmp_path):
    answer = manyshot("train", "glyphs", "--stage", "augmenter", "--learner", learner, "--out", tmp_path / "run", *TINY)
    assert answer.status == 2
    assert "set classes of digits aside" in answer.errors
