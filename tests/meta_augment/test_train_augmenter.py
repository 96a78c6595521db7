"""Stage one: an augmenter trained through a frozen learner, killed and resumed, stored and refused."""

from dataclasses import replace

import pytest
import torch

from manyshot.base import InputError, quieten
from manyshot.meta_augment.augmenter_config import AugmenterConfig
from manyshot.meta_augment.augmenter_run import is_augmenter_run, load_augmenter_run
from manyshot.meta_augment.train_augmenter import augmenter_tasks, train_augmenter
from manyshot.runtime.metrics_log import MetricsLog, read_metrics
from manyshot.training import Config, Settings, load_run, load_sources, train

FIT = Settings(
    steps=8, meta_batch_size=2, eval_every=4, validation_tasks=4, save_every=3, learning_rate=0.01, warmup_steps=2
)


@pytest.fixture(scope="module", autouse=True)
def _quiet():
    quieten(True)
    yield
    quieten(False)


@pytest.fixture(scope="module")
def learner(tmp_path_factory):
    """A run with classes set aside for an augmenter."""
    folder = tmp_path_factory.mktemp("learner") / "run"
    config = Config("digits", learner="ridge", encoder="conv4(4, 4, 4, 4)", ways=2, augmenter=0.3)
    train(replace(config, fit=replace(FIT, steps=30)), folder)
    return folder


def config(learner, **options) -> AugmenterConfig:
    return AugmenterConfig(str(learner), **{"ways": 2, "queries": 4, "copies": 2, "fit": FIT} | options)


def weights(folder) -> bytes:
    return (folder / "last.safetensors").read_bytes()


class Killed(RuntimeError):
    pass


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"augmenter": "feature_vae"},
        {"augmenter": "deformation"},
        {"joint": True},
        {"augmenter": "modals"},
        {"augmenter": "lemda(adversarial=yes)"},
    ],
    ids=["features", "own loss", "items", "joint", "simple changes", "adversarial"],
)
def test_a_killed_training_ends_with_the_same_bits(options, learner, tmp_path, monkeypatch):
    moment = 5
    if options.get("joint"):
        train_augmenter(config(learner), tmp_path / "first")
        learner = tmp_path / "first"
    train_augmenter(config(learner, **options), tmp_path / "whole")

    write = MetricsLog.write

    def killed(self, row):
        if row["step"] == moment and "loss" in row:
            raise Killed
        write(self, row)

    with monkeypatch.context() as patched:
        patched.setattr(MetricsLog, "write", killed)
        with pytest.raises(Killed):
            train_augmenter(config(learner, **options), tmp_path / "parts")
    train_augmenter(config(learner, **options), tmp_path / "parts", resume=True)
    assert weights(tmp_path / "whole") == weights(tmp_path / "parts")
    assert read_metrics(tmp_path / "whole" / "metrics.jsonl") == read_metrics(tmp_path / "parts" / "metrics.jsonl")


def test_what_is_stored_is_what_was_trained(learner, tmp_path):
    generated = train_augmenter(config(learner), tmp_path / "run")
    read = load_augmenter_run(tmp_path / "run")
    assert read.config == generated.config
    assert read.shape == generated.shape
    assert read.rows == generated.rows
    for name, tensor in generated.augmenter.state_dict().items():
        assert read.augmenter.state_dict()[name].equal(tensor), name
    episode = augmenter_tasks(generated.config, generated.run)[0].batch(0, 2).as_float()
    first, second = (run.augmented.adapt(episode.support)(episode.query.items) for run in (generated, read))
    torch.testing.assert_close(first, second)


def test_the_augmenter_changes_and_the_learner_does_not(learner, tmp_path):
    generated = train_augmenter(config(learner), tmp_path / "run")
    before, after = load_run(learner).learner.state_dict(), generated.learner.state_dict()
    assert all(before[name].equal(after[name]) for name in before)
    fresh = train_augmenter(config(learner, fit=replace(FIT, steps=1, learning_rate=1e-12)))
    changed = [
        not torch.allclose(tensor, fresh.augmenter.state_dict()[name])
        for name, tensor in generated.augmenter.state_dict().items()
    ]
    assert all(changed)


def test_the_joint_stage_changes_both_and_keeps_the_new_learner(learner, tmp_path):
    train_augmenter(config(learner), tmp_path / "first")
    train_augmenter(config(tmp_path / "first", joint=True), tmp_path / "joint")
    before, after = load_augmenter_run(tmp_path / "first"), load_augmenter_run(tmp_path / "joint")
    for part in ("augmenter", "learner"):
        old, new = getattr(before, part).state_dict(), getattr(after, part).state_dict()
        assert any(not old[name].equal(new[name]) for name in old), part
    kept = load_run(tmp_path / "joint" / "learner").learner.state_dict()
    assert all(kept[name].equal(tensor) for name, tensor in after.learner.state_dict().items())


def test_it_learns_from_classes_that_the_learner_never_saw(learner):
    run = load_run(learner)
    sources = load_sources(run.config)
    tasks, held_out = augmenter_tasks(config(learner), run)
    assert set(tasks.source.class_names) == set(sources.augmenter.class_names)
    parts = [sources.training, sources.validation, sources.augmenter]
    assert sum(len(part.class_names) for part in parts) == len({n for part in parts for n in part.class_names}) == 10
    assert set(held_out.source.class_names) == set(sources.validation.class_names)


def test_a_learner_that_set_nothing_aside_is_refused(tmp_path):
    train(Config("digits", encoder="conv4(4, 4, 4, 4)", ways=2, fit=replace(FIT, steps=1)), tmp_path / "run")
    with pytest.raises(InputError, match="--stage learner, which sets some aside"):
        train_augmenter(config(tmp_path / "run"), tmp_path / "augmenter")
    assert not (tmp_path / "augmenter").exists()


def test_constant_inner_gradients_are_refused_before_anything_is_written(tmp_path):
    folder = tmp_path / "maml"
    train(
        Config(
            "digits",
            learner="maml(order=1)",
            encoder="conv4(4, 4, 4, 4)",
            ways=2,
            augmenter=0.3,
            fit=replace(FIT, steps=1),
        ),
        folder,
    )
    with pytest.raises(InputError, match="no gradient through them"):
        train_augmenter(config(folder, augmenter="deformation"), tmp_path / "augmenter")
    with pytest.raises(InputError, match="no fixed features"):
        train_augmenter(config(folder), tmp_path / "augmenter")
    assert not (tmp_path / "augmenter").exists()


@pytest.mark.parametrize("gradient", ["implicit(terms=3)", "implicit(neumann, 3)", "finite-difference"])
def test_the_gradient_can_be_chosen(gradient, learner):
    exact, other = (
        train_augmenter(config(learner, head="probe(steps=30)", gradient=way, fit=replace(FIT, steps=2)))
        for way in ("exact", gradient)
    )
    assert exact.rows[0]["loss"] == pytest.approx(other.rows[0]["loss"], rel=1e-3)
    assert any(not exact.augmenter.state_dict()[n].equal(t) for n, t in other.augmenter.state_dict().items())


def test_folders_are_distinguished(learner, tmp_path):
    train_augmenter(config(learner), tmp_path / "run")
    assert is_augmenter_run(tmp_path / "run")
    assert not is_augmenter_run(learner)
    with pytest.raises(InputError, match="holds an augmenter"):
        load_run(tmp_path / "run")
    with pytest.raises(InputError, match="holds no augmenter"):
        load_augmenter_run(learner)
    with pytest.raises(InputError, match="--resume"):
        train_augmenter(config(learner), tmp_path / "run")
    with pytest.raises(InputError, match="copies=3, but the run"):
        train_augmenter(config(learner, copies=3), tmp_path / "run", resume=True)
    with pytest.raises(InputError, match="--stage joint"):
        train_augmenter(config(tmp_path / "run"))
    with pytest.raises(InputError, match="begins with one"):
        train_augmenter(config(learner, joint=True))


def test_an_augmenter_of_statistics_is_stored_without_steps(learner, tmp_path):
    generated = train_augmenter(config(learner, augmenter="calibration"), tmp_path / "run")
    assert [set(row) for row in generated.rows] == [{"step", "validation_accuracy"}]
    read = load_augmenter_run(tmp_path / "run")
    assert all(read.augmenter.state_dict()[n].equal(t) for n, t in generated.augmenter.state_dict().items())


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"copies": 0}, "copies=0"),
        ({"augmenter": "halucinator"}, "hallucinator"),
        ({"gradient": "exactly"}, "exact"),
        ({"head": "rige"}, "ridge"),
        ({"shots": (0, 5)}, "shots"),
    ],
)
def test_wrong_settings_are_named(options, named):
    with pytest.raises(InputError, match=named):
        AugmenterConfig("run", **options)


def test_damaged_settings_are_named(learner, tmp_path):
    train_augmenter(config(learner), tmp_path / "run")
    path = tmp_path / "run" / "config.json"
    text = path.read_text()
    for wrong, named in (
        (text.replace('"shape": [', '"shape": [0, '), "shape"),
        (text.replace('"copies"', '"copise"'), "did you mean 'copies'"),
        (text.replace('"copies": 2', '"copies": "two"'), "wrong type"),
    ):
        path.write_text(wrong)
        with pytest.raises(InputError, match=named):
            load_augmenter_run(tmp_path / "run")
