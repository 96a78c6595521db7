"""Learned augmentation on the command line: samples of one's own pictures, judging, and export."""

import json
import time
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import manyshot as front
from manyshot.augment.ops.compose import Compose
from manyshot.augment.plan.pipeline_json import from_json
from manyshot.base import quieten
from manyshot.meta_augment.augmenter_config import AugmenterConfig
from manyshot.meta_augment.train_augmenter import train_augmenter
from manyshot.tasks import EpisodeSampler
from manyshot.training import Config, Settings, train

FIT = Settings(steps=2, meta_batch_size=1, validation_tasks=2)
AUGMENTERS = {
    "features": "hallucinator(noise=4, hidden=8)",
    "policy": "policy(rotate-elastic)",
    "context_free": "context_free(rotate-elastic)",
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """A learner of a few steps, and augmenters of as many."""
    folder = tmp_path_factory.mktemp("runs")
    quieten()
    config = Config(
        "digits", encoder="conv4(4, 4, 4, 4)", size=16, ways=2, queries=2, validation=0.3, augmenter=0.3, fit=FIT
    )
    train(config, folder / "learner")
    for name, text in AUGMENTERS.items():
        own = AugmenterConfig(str(folder / "learner"), text, copies=2, ways=2, shots=1, queries=2, fit=FIT)
        train_augmenter(own, folder / name)
    quieten(False)
    return folder


@pytest.fixture
def photos(tmp_path) -> Path:
    for c, name in enumerate(("cat", "[red] dog")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(2):
            Image.new("L", (16, 16), 60 * c + 20 * number + 20).save(tmp_path / "photos" / name / f"{number}.png")
    return tmp_path / "photos"


class TestAugment:
    def test_pictures_are_generated_and_the_command_says_where(self, manyshot, runs, photos, tmp_path):
        answer = manyshot("augment", photos, "--run", runs / "policy", "--per-class", 3, "--out", tmp_path / "out")
        assert answer.status == 0
        assert f"6 new pictures of 2 classes in {tmp_path / 'out'}" in answer.out
        assert len(list((tmp_path / "out" / "cat").glob("*.png"))) == 3

    def test_features_are_generated_and_json_says_where(self, manyshot, runs, photos, tmp_path):
        options = ("--per-class", 3, "--out", tmp_path / "out", "--json")
        answer = manyshot("augment", photos, "--run", runs / "features", *options).json
        assert load_file(answer["features"])["features"].shape == (6, 4)
        assert answer["samples"] == 6
        lines = [json.loads(line) for line in Path(answer["manifest"]).read_text(encoding="utf-8").splitlines()]
        assert {line["run"] for line in lines} == {str(runs / "features")}

    def test_adaptation_changes_what_is_generated(self, manyshot, runs, photos, tmp_path):
        generated = {}
        for name, more in {"plain": (), "adapted": ("--adapt-steps", 3)}.items():
            manyshot("augment", photos, "--run", runs / "features", "--out", tmp_path / name, *more)
            generated[name] = load_file(tmp_path / name / "features.safetensors")["features"]
        assert not torch.equal(generated["plain"], generated["adapted"])

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({}, "give one of --plan"),
            ({"--run": "policy", "--plan": "shots: flip"}, "give one of --plan"),
            ({"--run": "nowhere"}, "nowhere"),
            ({"--run": "learner"}, "holds no augmenter"),
            ({"--plan": "shots: flip", "--adapt-steps": 3}, "--adapt-steps has no effect without --run"),
            ({"--run": "policy", "--text-column": "text"}, "--text-column has no effect with --run"),
            ({"--run": "policy", "--per-class": 0}, "give 1 to 100,000"),
            ({"--plan": "shots: learned"}, "whole support set"),
        ],
    )
    def test_a_mistake_is_one_line_and_nothing_is_written(self, manyshot, runs, photos, tmp_path, options, message):
        if "--run" in options:
            options = options | {"--run": runs / options["--run"]}
        answer = manyshot("augment", photos, "--out", tmp_path / "out", *(w for one in options.items() for w in one))
        assert (answer.status, answer.out) == (2, "")
        assert answer.errors.startswith("Error: ")
        assert answer.errors.count("\n") == 1
        assert message in answer.errors
        assert [path.name for path in tmp_path.iterdir()] == ["photos"]

    def test_one_picture_a_class_is_too_few_to_adapt(self, manyshot, runs, photos, tmp_path):
        (photos / "cat" / "1.png").unlink()
        options = ("--adapt-steps", 2, "--out", tmp_path / "out")
        answer = manyshot("augment", photos, "--run", runs / "features", *options)
        assert answer.status == 2
        assert "two of each class" in answer.errors


class TestInPython:
    def test_a_run_makes_samples_of_images_and_labels(self, runs):
        generated = front.load(runs / "policy").augment(torch.rand(2, 1, 16, 16), ["a", "b"], per_class=4, seed=1)
        assert generated.items.shape == (8, 1, 16, 16)
        assert generated.labels == ["a"] * 4 + ["b"] * 4

    def test_a_five_way_task_takes_less_than_a_second(self, runs):
        run, images = front.load(runs / "policy"), torch.rand(5, 1, 16, 16)
        run.augment(images, range(5))
        began = time.process_time()
        run.augment(images, range(5))
        assert time.process_time() - began < 1


class TestEvaluate:
    PLAN = ("--plan", "shots: 4 x learned", "--tasks", 6, "--ways", 2)

    @pytest.mark.parametrize("name", ["features", "policy"])
    def test_the_word_learned_stands_for_the_augmenter(self, manyshot, runs, name):
        answer = manyshot("evaluate", runs / "learner", "digits", "--augmenter", runs / name, *self.PLAN, "--json").json
        assert answer["augmenter"] == str(runs / name)
        assert answer["plan"] == "shots: 4 x learned"
        run, learner = front.load(runs / name), front.load(runs / "learner")
        sampler = EpisodeSampler(front.load_dataset("digits", size=16), ways=2, shots=1, queries=10)
        plan = front.Plan("shots: 4 x learned").with_augmenter(run.augmenter)
        assert answer["accuracy"] == pytest.approx(front.evaluate(learner.learner, sampler.batches(6), plan).mean)

    def test_classes_that_the_augmenter_has_seen_are_reported(self, manyshot, runs):
        answer = manyshot("evaluate", runs / "learner", "digits", "--augmenter", runs / "policy", *self.PLAN)
        assert "the augmenter was trained on 3 of these classes" in answer.errors

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (("--plan", "shots: learned"), "--augmenter RUN"),
            (("--plan", "none", "--augmenter", "policy"), "has no use for an augmenter"),
            (("--plan", "shots: learned", "--augmenter", "learner"), "holds no augmenter"),
            (
                ("--plan", "support: flip; shots: learned", "--augmenter", "features"),
                "generates features, which other ops cannot change",
            ),
        ],
    )
    def test_a_mistake_is_one_line(self, manyshot, runs, monkeypatch, options, message):
        monkeypatch.chdir(runs)
        answer = manyshot("evaluate", "learner", "digits", "--ways", 2, "--tasks", 2, *options)
        assert answer.status == 2
        assert answer.errors.startswith("Error: ")
        assert message in answer.errors

    def test_features_of_another_encoder_are_refused(self, manyshot, runs, tmp_path):
        config = Config("digits", encoder="conv4(4, 4, 4, 4)", size=16, ways=2, validation=0, fit=Settings(steps=1))
        train(config.with_seed(1), tmp_path / "stranger")
        answer = manyshot("evaluate", tmp_path / "stranger", "digits", "--augmenter", runs / "features", *self.PLAN)
        assert answer.status == 2
        assert "another encoder" in answer.errors


class TestExport:
    def test_a_policy_for_all_tasks_is_written_as_json_that_reads_back(self, manyshot, runs, tmp_path):
        answer = manyshot("export", runs / "context_free", "--out", tmp_path / "policy.json", "--json").json
        assert answer["plan"].startswith("shots: 2 x affine(")
        op = from_json((tmp_path / "policy.json").read_text(encoding="utf-8"))
        assert isinstance(op, Compose)
        assert op == front.Plan(answer["plan"]).item_op()

    @pytest.mark.parametrize(("to", "word"), [("albumentations", "A.Affine("), ("torchvision", "v2.RandomAffine(")])
    def test_a_policy_that_looks_at_the_task_is_written_for_some_pictures(
        self, manyshot, runs, photos, tmp_path, to, word
    ):
        answer = manyshot("export", runs / "policy", "--to", to, "--like", photos, "--out", tmp_path / "pipeline.py")
        assert answer.status == 0
        text = (tmp_path / "pipeline.py").read_text(encoding="utf-8")
        assert word in text
        compile(text, "pipeline.py", "exec")

    @pytest.mark.parametrize(
        ("name", "options", "message"),
        [
            ("policy", (), "--like FOLDER"),
            ("features", (), "is no policy of ops"),
            ("context_free", ("--to", "jsn"), "did you mean 'json'?"),
            ("learner", (), "holds no augmenter"),
        ],
    )
    def test_a_mistake_is_one_line_and_nothing_is_written(self, manyshot, runs, tmp_path, name, options, message):
        answer = manyshot("export", runs / name, *options, "--out", tmp_path / "pipeline")
        assert (answer.status, answer.out) == (2, "")
        assert message in answer.errors
        assert not list(tmp_path.iterdir())

    def test_a_file_that_is_there_needs_overwrite(self, manyshot, runs, tmp_path):
        arguments = ("export", runs / "context_free", "--out", tmp_path / "policy.json")
        assert [manyshot(*arguments).status, manyshot(*arguments).status] == [0, 2]
        assert manyshot(*arguments, "--overwrite").status == 0
