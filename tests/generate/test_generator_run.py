"""Folders of generator runs, and the settings that they are trained with."""

import json

import pytest
import torch
from safetensors.torch import load_file

from manyshot.base import InputError
from manyshot.generate import MODELS, DataSpec
from manyshot.generate.generator_config import GeneratorConfig, GeneratorSettings, data_spec_of, load_generator_sources
from manyshot.generate.generator_run import GeneratorRun, load_generator_run, train_generator
from manyshot.generate.generator_training_loop import fit_generator
from manyshot.generate.monitor import Snapshot
from manyshot.generate.snapshots import read_snapshots
from manyshot.runtime.checkpoint import read_progress
from manyshot.runtime.metrics_log import read_metrics
from manyshot.tasks import Source
from small_generative_models import FEW, MODEL_TEXTS, draws, pictures, small_model


class TestRun:
    def test_its_best_snapshot_is_the_nearest_at_which_nothing_was_wrong(self):
        def run(*troubled):
            near = {3: 0.5, 6: 0.3, 9: 0.1}
            rows = [
                {"step": step, "kernel_distance": far, "precision": 0.9, "recall": 0.4} for step, far in near.items()
            ]
            rows += [{"step": step, "generator_loss": 0.0} for step in range(10)]
            rows += [{"step": step, "problem": "mode collapse"} for step in troubled]
            config = GeneratorConfig("digits", model="gan(4)")
            return GeneratorRun(config, MODELS.parse("gan(4)").build(spec=DataSpec((2,))).averaged, (), rows)

        assert run().best["step"] == 9
        assert run(9).best["step"] == 6
        assert run(3, 9).best["step"] == 6
        assert run(3, 6, 9).best is None

    def test_its_best_snapshot_is_that_of_the_weights_that_it_kept(self, tmp_path, monkeypatch):
        result = iter(
            [Snapshot(0.5, 0.5, 0.5), Snapshot(0.1, 0.9, 0.0), Snapshot(0.3, 0.5, 0.5), Snapshot(0.4, 0.5, 0.5)]
        )
        monkeypatch.setattr(
            "manyshot.generate.generator_training_loop.evaluate_snapshot", lambda *arguments: next(result)
        )
        fit = GeneratorSettings(**vars(FEW) | {"steps": 12})
        run = train_generator(GeneratorConfig("digits", size=8, model="gan(4)", fit=fit), tmp_path / "run")
        kept = load_file(tmp_path / "run" / "best.safetensors")
        assert run.best["step"] == 9 == load_generator_run(tmp_path / "run").best["step"]
        assert read_progress(tmp_path / "run" / "best.safetensors")["best_step"] == 9
        assert all(kept[f"learner.averaged.{name}"].equal(one) for name, one in run.model.state_dict().items())

    @pytest.mark.parametrize("name", MODELS)
    def test_settings_keep_every_option_of_the_model(self, name):
        config = GeneratorConfig("digits", model=name)
        assert MODELS.parse(config.model) == MODELS.parse(name)
        assert all(f"{option}=" in config.model for option in MODELS.options(name))
        assert GeneratorConfig("digits", model=config.model) == config

    def test_options_by_position_and_by_name_are_the_same_settings(self):
        first, second = (GeneratorConfig("digits", model=text) for text in ("dagan(16)", "dagan( width = 16 )"))
        assert first == second != GeneratorConfig("digits", model="dagan(8)")
        assert first.as_dict()["model"] == (
            "dagan(width=16, noise=32, loss=hinge, penalty=none, spectral=yes, discriminator_width=16, redraw=1)"
        )

    def test_a_run_stays_what_it_was_when_a_default_changes(self, tmp_path, monkeypatch):
        run = train_generator(GeneratorConfig("digits", size=8, model="dcgan(2, noise=4)", fit=FEW), tmp_path / "run")

        class Changed(MODELS["dcgan"]):
            def __init__(
                self,
                spec: DataSpec,
                width: int = 32,
                noise: int = 9,
                loss: str = "minimax",
                penalty: str = "none",
                spectral: bool = False,
            ) -> None:
                super().__init__(spec, width, noise, loss, penalty, spectral)

        monkeypatch.setattr(MODELS, "_entries", {**MODELS._entries, "dcgan": Changed})
        assert MODELS.parse("dcgan(2)").options["spectral"] is False
        again = load_generator_run(tmp_path / "run")
        assert again.config == run.config
        first, second = (one.model.sample(2, generator=draws()) for one in (run, again))
        assert first.equal(second)

    @pytest.mark.parametrize("model", ["dagan(2, discriminator_width=2, noise=4)", "cvae(2, encoder_width=2, noise=4)"])
    def test_a_run_whose_settings_have_the_model_as_typed_loads_and_goes_on(self, model, tmp_path):
        config = GeneratorConfig("digits", size=8, model=model, fit=FEW)
        train_generator(config, tmp_path / "whole")

        class Killed(Exception):
            pass

        def kill(looks):
            raise Killed

        with pytest.raises(Killed):
            train_generator(config, tmp_path / "parts", on_snapshot=kill)
        path = tmp_path / "parts" / "config.json"
        values = json.loads(path.read_text())
        values["config"]["model"] = model
        path.write_text(json.dumps(values))
        assert load_generator_run(tmp_path / "parts").config == config
        train_generator(config, tmp_path / "parts", resume=True)
        for name in ("last.safetensors", "best.safetensors", "config.json"):
            assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes(), name

    def test_is_read_back_as_it_was(self, tmp_path):
        config = GeneratorConfig("digits", size=8, model="conditional(2, noise=4)", per_class=6, classes=4, fit=FEW)
        run = train_generator(config, tmp_path / "run")
        again = load_generator_run(tmp_path / "run")
        label = torch.arange(4)
        first, second = (r.model.sample(4, label=label, generator=draws()) for r in (run, again))
        assert first.equal(second)
        assert again.config == run.config
        assert len(again.class_names) == 4
        assert again.rows == run.rows == read_metrics(tmp_path / "run" / "metrics.jsonl")

    @pytest.mark.parametrize("text", MODEL_TEXTS)
    def test_snapshots_of_color_pictures_are_kept(self, text, tmp_path):
        items = torch.randint(256, (24, 3, 16, 16), generator=draws(), dtype=torch.uint8)
        source = Source.of(items, [f"class {i % 3}" for i in range(24)])
        recorded = []
        fit_generator(
            small_model(source, text), source, FEW, folder=tmp_path, on_snapshot=lambda looks: recorded.append(looks)
        )
        kept = read_snapshots(tmp_path)
        assert kept[6].shape == (16, 3, 16, 16)
        assert kept[6].allclose(recorded[-1].generated[6], atol=0.5 / 255 + 1e-6)

    def test_snapshots_are_kept_and_reported(self, tmp_path):
        recorded = []
        config = GeneratorConfig("digits", size=8, model="dcgan(2, noise=4)", fit=FEW)
        train_generator(config, tmp_path / "run", on_snapshot=lambda looks: recorded.append(list(looks.generated)))
        assert recorded == [[3], [3, 6]]
        kept = read_snapshots(tmp_path / "run")
        assert list(kept) == [3, 6]
        assert kept[3].shape == (16, 1, 8, 8)
        assert not kept[3].equal(kept[6])

    def test_the_seed_decides_weights_items_and_classes(self):
        def made(seed):
            fit = GeneratorSettings(**vars(FEW) | {"seed": seed})
            run = train_generator(GeneratorConfig("digits", size=8, model="dcgan(2, noise=4)", classes=3, fit=fit))
            return run.model.sample(2, generator=draws()), run.class_names

        first, again, other = made(0), made(0), made(1)
        assert first[0].equal(again[0])
        assert not first[0].equal(other[0])
        assert first[1] == again[1] != other[1]

    def test_features_of_a_run_can_be_generated(self, tmp_path):
        from manyshot.training import Config, Settings, train

        train(
            Config("digits", size=16, encoder="conv4(4, 4, 4, 4)", validation=0.0, fit=Settings(steps=1)),
            tmp_path / "encoder",
        )
        config = GeneratorConfig(
            "digits", size=16, model="afhn(8, noise=4)", encoder=str(tmp_path / "encoder"), fit=FEW
        )
        run = train_generator(config)
        assert run.model.sample(3, like=torch.rand(3, *run.model.shape), generator=draws()).shape == (3, 4)

    def test_does_not_write_over_a_run_and_resumes_only_with_its_settings(self, tmp_path):
        config = GeneratorConfig("digits", size=8, model="gan(4)", fit=FEW)
        train_generator(config, tmp_path)
        with pytest.raises(InputError, match="--resume"):
            train_generator(config, tmp_path)
        other = GeneratorConfig("digits", size=8, model="gan(5)", fit=FEW)
        with pytest.raises(InputError, match="model=gan"):
            train_generator(other, tmp_path, resume=True)

    def test_another_kind_of_run_is_reported(self, tmp_path):
        from manyshot.training import Config, Settings, train

        train(Config("digits", encoder="conv4(4, 4, 4, 4)", validation=0.0, fit=Settings(steps=1)), tmp_path / "run")
        with pytest.raises(InputError, match="holds no generative model"):
            load_generator_run(tmp_path / "run")
        with pytest.raises(InputError, match="holds no run"):
            load_generator_run(tmp_path)

    @pytest.mark.parametrize(
        "harm",
        [
            lambda v: v | {"shape": "wide"},
            lambda v: v | {"shape": [1, 10**6, 10**6]},
            lambda v: v | {"classes": 3},
            lambda v: v | {"config": {}},
            lambda v: v | {"config": v["config"] | {"model": "dcgn"}},
            lambda v: v | {"config": v["config"] | {"stpes": 3}},
            lambda v: [],
        ],
    )
    def test_damaged_settings_are_reported(self, harm, tmp_path):
        train_generator(GeneratorConfig("digits", size=8, model="gan(4)", fit=FEW), tmp_path)
        path = tmp_path / "config.json"
        path.write_text(json.dumps(harm(json.loads(path.read_text()))))
        with pytest.raises(InputError) as error:
            load_generator_run(tmp_path)
        assert "\n" not in str(error.value)


class TestConfig:
    @pytest.mark.parametrize(
        ("settings", "named"),
        [
            ({"steps": 0}, "steps=0"),
            ({"batch_size": 0}, "batch_size=0"),
            ({"learning_rate": -1.0}, "learning_rate=-1.0"),
            ({"discriminator_learning_rate": 0.0}, "discriminator_learning_rate=0.0"),
            ({"ema_decay": 1.0}, "ema_decay=1.0"),
            ({"ada_target": 2.0}, "ada_target=2.0"),
            ({"eval_examples": 3}, "eval_examples=3"),
        ],
    )
    def test_wrong_settings_are_reported(self, settings, named):
        with pytest.raises(InputError, match=named):
            GeneratorSettings(**settings)

    @pytest.mark.parametrize(
        ("values", "named"),
        [
            ({"model": "dcgn"}, "did you mean 'dcgan'"),
            ({"plan": "support: afine"}, "affine"),
            ({"validation": 0.5, "test": 0.5}, "leave something"),
            ({"per_class": 0}, "per_class=0"),
            ({"fit": GeneratorSettings(ada_target=0.6)}, "nothing to adapt"),
            ({"model": "cvae", "plan": "support: affine"}, "plan: cvae has no discriminator"),
            ({"model": "cvae", "fit": GeneratorSettings(discriminator_steps=2)}, "discriminator_steps: cvae has no"),
            ({"plan": "support: affine", "encoder": "run"}, "cannot change features"),
        ],
    )
    def test_wrong_values_are_reported(self, values, named):
        with pytest.raises(InputError, match=named):
            GeneratorConfig("digits", **values)

    def test_fewer_items_or_classes_than_asked_for_are_reported(self):
        with pytest.raises(InputError, match=r"per_class=999.* has \d+"):
            load_generator_sources(GeneratorConfig("digits", per_class=999), "nothing")
        with pytest.raises(InputError, match="classes=11"):
            load_generator_sources(GeneratorConfig("digits", classes=11), "nothing")

    def test_models_that_are_shown_items_are_evaluated_on_other_classes_and_others_on_other_items(self):
        config = GeneratorConfig("digits", size=8, validation=0.2, test=0.2)
        by_class, by_item = load_generator_sources(config, "item"), load_generator_sources(config, "label")
        assert not set(by_class.training.class_names) & set(by_class.test.class_names)
        assert set(by_item.training.class_names) == set(by_item.test.class_names)
        assert not set(by_item.training.rows) & set(by_item.test.rows)

    def test_fewer_items_are_among_more(self):
        few, more = (
            set(load_generator_sources(GeneratorConfig("digits", size=8, per_class=n), "nothing").training.rows)
            for n in (3, 9)
        )
        assert few < more

    def test_kinds_are_read_from_the_items(self):
        assert data_spec_of(pictures()) == DataSpec((1, 8, 8), 3)
        with pytest.raises(InputError, match="no images"):
            data_spec_of(Source.of(["a", "b"], ["x", "y"]))
