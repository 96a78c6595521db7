"""Runs that earlier versions wrote are read as if this version had written them."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.generate.generator_run import load_generator_run, train_generator
from manyshot.generate.snapshots import SNAPSHOTS, read_snapshots, write_snapshots
from manyshot.meta_augment.augmenter_run import load_augmenter_run
from manyshot.runtime.run_folder import CONFIG, read_config
from manyshot.runtime.upgrade import FORMAT, upgrade, upgrade_methods
from manyshot.training import evaluate_tasks, load_run, load_sources
from manyshot.training import train as train_learner
from manyshot.training.splits import samplers

RUNS = Path(__file__).parents[1] / "data" / "runs_of_0_1"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return Path(shutil.copytree(RUNS, tmp_path / "runs"))


def test_values_by_position_keep_the_order_of_format_1():
    old = {"config": {"data": "digits", "learner": "meta_sgd(3, 0.05)", "head": "ridge(2)"}}
    new = upgrade(old, "config.json")["config"]
    assert (new["learner"], new["head"]) == ("meta_sgd(steps=3, step_size=0.05)", "ridge(2)")


@pytest.mark.parametrize(("setting", "old", "new"), [
    ("model", "dagan(8, judge=4)", "dagan(8, discriminator_width=4)"),
    ("model", "cvae(reader=4, strength=3)", "cvae(encoder_width=4, kl_weight=3)"),
    ("augmenter", 'policy(begin="support: blur(1, p=0.5)")', 'policy(initial_plan="support: blur(1, p=0.5)")'),
    ("augmenter", "policy(spin-recolour, temperature=0.5)", "policy(spin-recolor, temperature=0.5)"),
    ("objective", "protaugment(unlabelled=3)", "protaugment(unlabeled=3)"),
    ("augmenter", "hallucinator(strength=0.3)", "hallucinator(strength=0.3)"),
])  # fmt: skip
def test_renamed_options_of_models_and_augmenters_are_read(setting, old, new):
    assert upgrade({"config": {setting: old}}, "config.json")["config"][setting] == new


def test_a_bandit_of_format_2_keeps_its_discount_and_nothing_else_of_that_format_changes():
    config = {"world": "leap", "choose": "bandit(crop(0.25), flip, memory=0.9)", "fit": {"clip": 0.1}}
    new = upgrade({"format": 2, "config": config}, "config.json")
    assert new == {"format": FORMAT, "config": config | {"choose": "bandit(crop(0.25), flip, discount=0.9)"}}


class TestRunsOfFormat1:
    def test_a_learner_loads_and_is_as_accurate_as_when_it_was_trained(self, runs):
        run = load_run(runs / "learner")
        _, validation = samplers(run.config, load_sources(run.config))
        accuracy = evaluate_tasks(run.learner, validation, 200).mean
        assert accuracy == pytest.approx(max(row.get("validation_accuracy", 0) for row in run.rows), abs=1e-3)
        assert (run.config.fit.schedule, run.config.fit.optimizer, run.config.fit.eval_every) == ("step", "adamw", 1)

    def test_an_augmenter_loads_with_its_learner_and_augments(self, runs):
        run = load_augmenter_run(runs / "augmenter")
        samples = run.augment(torch.rand(4, 1, 16, 16), ["a", "a", "b", "b"], per_class=3)
        assert len(samples.labels) == 6
        assert run.config.fit.grad_clip == 10.0

    def test_a_generative_model_loads_and_generates(self, runs):
        run = load_generator_run(runs / "gan")
        images = run.model.sample(3, like=torch.rand(3, 1, 16, 16), generator=torch.Generator().manual_seed(0))
        assert images.shape == (3, 1, 16, 16)
        assert (run.config.fit.batch_size, run.config.fit.ada_target) == (4, 0.6)
        assert [row["ada_probability"] for row in run.rows if "generator_loss" in row] == [0.0, 0.0]

    def test_snapshots_of_a_generative_model_are_read_under_the_old_name_of_their_file(self, tmp_path):
        write_snapshots(tmp_path, {3: torch.zeros(1, 1, 2, 2)})
        (tmp_path / SNAPSHOTS).rename(tmp_path / "looks.safetensors")
        assert list(read_snapshots(tmp_path)) == [3]

    @pytest.mark.parametrize(("name", "load", "train"), [
        ("learner", load_run, train_learner),
        ("gan", load_generator_run, train_generator),
    ])  # fmt: skip
    def test_a_training_resumes_and_its_settings_are_written_in_the_new_format(self, name, load, train, runs):
        run = load(runs / name)
        before = [row for row in run.rows if "loss" in row or "generator_loss" in row]
        resumed = train(run.config, runs / name, resume=True)
        assert [row for row in resumed.rows if "loss" in row or "generator_loss" in row] == before
        written = json.loads((runs / name / CONFIG).read_text(encoding="utf-8"))
        assert written["format"] == FORMAT
        assert "rate" not in written["config"]["fit"]
        assert load(runs / name).config == run.config

    def test_other_settings_are_still_refused(self, runs):
        config = load_run(runs / "learner").config
        with pytest.raises(InputError, match=r"^seed=5, but the run in .* has 0"):
            train_learner(replace(config, fit=replace(config.fit, seed=5)), runs / "learner", resume=True)


@pytest.mark.parametrize("number", [FORMAT + 1, 0, "new", None, 1.5])
@pytest.mark.parametrize(("name", "load"), [
    ("learner", load_run),
    ("augmenter", load_augmenter_run),
    ("gan", load_generator_run),
])  # fmt: skip
def test_a_format_of_a_later_version_is_refused_in_one_line(name, load, number, runs):
    path = runs / name / CONFIG
    values = json.loads(path.read_text(encoding="utf-8")) | {"format": number}
    path.write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(InputError, match=rf"config\.json: format {number} is not known .* update Manyshot$") as error:
        load(runs / name)
    assert "\n" not in str(error.value)


def test_settings_of_this_format_stay_as_they_are(tmp_path):
    (tmp_path / CONFIG).write_text(json.dumps({"format": FORMAT, "config": {"data": "x", "fit": {"rate": 1}}}))
    assert read_config(tmp_path)["config"]["fit"] == {"rate": 1}


@pytest.mark.parametrize("content", ["[]", '"format"', "3"])
def test_a_file_that_holds_no_settings_is_refused(content, tmp_path):
    (tmp_path / CONFIG).write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="not a run's settings"):
        read_config(tmp_path)


@pytest.mark.parametrize("config", [None, [], {"fit": None}, {"fit": [1]}, {"learner": 3, "fit": {"optimizer": "sgd"}}])
def test_settings_of_the_wrong_kind_are_left_to_whoever_reads_them(config):
    assert upgrade({"config": config}, "config.json")["config"] == config


class TestUpgradeMethods:
    METHODS = {"old": "new"}  # noqa: RUF012
    OPTIONS = {"new": {"steps": "inner_steps"}, "*": {"edge": "padding_mode"}}  # noqa: RUF012

    @pytest.mark.parametrize(
        ("text", "upgraded"),
        [
            ("old", "new"),
            ("older(steps=3)", "older(steps=3)"),
            ("old(5, steps=3)", "new(5, inner_steps=3)"),
            ("other(steps=3, edge=border)", "other(steps=3, padding_mode=border)"),
            ("other(edge = zero, steps=3)", "other(padding_mode=zeros, steps=3)"),
            ("new( steps = 3 )", "new( inner_steps = 3 )"),
            ("other(old(steps=1), steps=2)", "other(new(inner_steps=1), steps=2)"),
            (
                "support: flip old(steps=1); query: other(steps=2)",
                "support: flip new(inner_steps=1); query: other(steps=2)",
            ),
            ("", ""),
        ],
    )
    def test_names_change_where_they_stand_as_names(self, text, upgraded):
        assert upgrade_methods(text, self.METHODS, self.OPTIONS) == upgraded


def test_options_of_ops_in_a_plan_have_the_names_of_today():
    plan = (
        "support: affine(10, edge=zero) salt_pepper(share=0.1); "
        'shots: 4 x eda(share=0.2) oneof(typos(share=0.1) aeda) back_translate("de", back="en", top=5)'
    )
    values = upgrade({"config": {"plan": plan}}, "config.json")
    new = (
        "support: affine(10, padding_mode=zeros) salt_pepper(fraction=0.1); "
        'shots: 4 x eda(fraction=0.2) oneof(typos(fraction=0.1) aeda) back_translate("de", backward="en", top_k=5)'
    )
    assert values["config"]["plan"] == str(Plan(new))
