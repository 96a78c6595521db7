import json
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from manyshot.augment.image import Brightness
from manyshot.base import InputError, TrainingDiverged
from manyshot.base.seeds import generator
from manyshot.generate import MODELS, Batches, DataSpec
from manyshot.generate.ada import EVERY, AdaptiveProbability
from manyshot.generate.config import GeneratorConfig, GeneratorSettings, data_spec_of, load_generator_sources
from manyshot.generate.diff_augment import no_augmentation
from manyshot.generate.fit import fit_generator
from manyshot.generate.monitor import Snapshot, diagnose_training, evaluate_snapshot
from manyshot.generate.snapshots import read_snapshots
from manyshot.generate.train import GeneratorRun, load_generator_run, train_generator
from manyshot.runtime.checkpoint import read_progress
from manyshot.runtime.metrics_log import read_metrics
from manyshot.tasks import Source

FEW = GeneratorSettings(steps=6, batch_size=4, eval_every=3, save_every=2, eval_examples=12)
TEXTS = (
    "gan(8, noise=4)",
    "dcgan(2, noise=4)",
    "conditional(2, noise=4)",
    "dagan(2, discriminator_width=2, noise=4)",
    "cvae(2, encoder_width=2, noise=4)",
)


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def two_modes(n: int = 2000) -> Source:
    """Points about (-2, 0) and (2, 0)."""
    label = torch.arange(n) % 2
    centre = torch.stack([4.0 * label - 2, torch.zeros(n)], 1)
    return Source.of(centre + 0.3 * torch.randn(n, 2, generator=draws()), [f"mode {k}" for k in label.tolist()])


def pictures(size: int = 8) -> Source:
    items = torch.randint(256, (24, 1, size, size), generator=draws(), dtype=torch.uint8)
    return Source.of(items, [f"class {i % 3}" for i in range(24)])


def game_for(source: Source, text: str):
    torch.manual_seed(0)
    return MODELS.parse(text).build(spec=data_spec_of(source))


def modes_of(points: torch.Tensor) -> list[float]:
    """Share of points within a unit of each mode."""
    return [
        float(((points - torch.tensor(centre)).norm(dim=1) < 1).float().mean()) for centre in ((-2.0, 0.0), (2.0, 0.0))
    ]


class TestLearning:
    @pytest.mark.parametrize("text", ["gan(32, noise=4, penalty=r1)", "gan(32, noise=4, loss=hinge, spectral=yes)"])
    def test_a_game_learns_both_modes_of_a_mixture(self, text):
        source = two_modes()
        game = game_for(source, text)
        fit_generator(
            game,
            source,
            GeneratorSettings(steps=300, batch_size=64, learning_rate=3e-3, eval_every=150, ema_decay=0.97),
        )
        shares = modes_of(game.averaged.sample(500, generator=draws()))
        assert sum(shares) > 0.8
        assert min(shares) > 0.2

    def test_a_step_moves_each_weight_by_its_own_slope(self):
        # Convolutions give grads that lie in memory in another order than their weights.
        source = pictures(16)
        settings = GeneratorSettings(steps=1, batch_size=4, learning_rate=1e-2, eval_examples=8)
        trained, by_hand = (game_for(source, "dcgan(4, noise=4, penalty=r1, spectral=no)") for _ in range(2))
        fit_generator(trained, source, settings)
        noise = generator(settings.seed, "noise", 0)
        batch = Batches(source, "nothing", 4, settings.seed).batch(0)
        share = torch.rand(4, generator=noise)
        for side in (by_hand.discriminator, by_hand.model):
            z = torch.randn(4, 4, generator=noise)
            if side is by_hand.discriminator:
                loss = by_hand.discriminator_loss(batch, z, share, no_augmentation).loss
            else:
                loss = by_hand.generator_loss(batch, z, no_augmentation)
            optimizer = torch.optim.Adam(side.parameters(), lr=1e-2, betas=(0.0, 0.99), fused=False)
            loss.backward(inputs=list(side.parameters()))
            optimizer.step()
        for one, other in zip(trained.parameters(), by_hand.parameters(), strict=True):
            if one.requires_grad:
                assert one.allclose(other, atol=1e-4)

    def test_a_conditional_game_makes_the_class_that_is_asked_for(self):
        label = torch.arange(200) % 2
        dark = torch.where(label[:, None, None, None] == 0, 40, 210) + torch.randint(
            -20, 20, (200, 1, 8, 8), generator=draws()
        )
        source = Source.of(dark.to(torch.uint8), [f"class {k}" for k in label.tolist()])
        game = game_for(source, "conditional(8, noise=4, loss=non_saturating, penalty=r1, spectral=no)")
        fit_generator(
            game, source, GeneratorSettings(steps=120, batch_size=32, learning_rate=4e-3, eval_every=60, ema_decay=0.95)
        )
        made = game.averaged.sample(40, label=torch.arange(40) % 2, generator=draws()).mean((1, 2, 3))
        assert made[::2].mean() < 0.35
        assert made[1::2].mean() > 0.65

    @pytest.mark.parametrize(
        "text", ["dagan(4, discriminator_width=8, noise=4, penalty=r1)", "cvae(4, encoder_width=8, noise=4)"]
    )
    def test_a_model_that_is_shown_items_makes_others_of_classes_that_it_never_saw(self, text):
        # A class is where its bright bar stands; items differ in brightness.
        place = torch.arange(240) % 6
        items = torch.zeros(240, 1, 8, 8)
        items[torch.arange(240), 0, place] = 0.3 + 0.7 * torch.rand(240, 1, generator=draws())
        source = Source.of(items.mul(255).to(torch.uint8), [f"bar {k}" for k in place.tolist()])
        game = game_for(source, text)
        fit_generator(
            game,
            source,
            GeneratorSettings(steps=200, batch_size=32, learning_rate=3e-3, eval_every=100, ema_decay=0.95),
        )
        shown = torch.zeros(20, 1, 8, 8)
        shown[:, :, 7] = 0.6
        made = game.averaged.sample(20, like=shown, generator=draws())
        rows = made[:, 0].mean(2)
        assert (rows.argmax(1) == 7).float().mean() > 0.8
        assert rows[:, 7].std() > 0.01

    def test_the_augmented_share_adapts_to_a_discriminator_that_knows_few_items_by_heart(self):
        source = pictures().subset(classes=["class 0"])
        settings = GeneratorSettings(
            steps=100,
            batch_size=16,
            learning_rate=4e-3,
            discriminator_steps=4,
            ada_target=0.6,
            ada_examples=400,
            eval_every=100,
            eval_examples=8,
        )
        rows = fit_generator(game_for(source, "gan(64, noise=4)"), source, settings, (Brightness(),))
        shares = [row["share"] for row in rows if "share" in row]
        assert shares[0] == 0
        assert shares[-1] > 0.3

    @pytest.mark.parametrize("turns", [1, 2])
    def test_the_share_adapts_to_the_real_items_of_all_updates_of_the_discriminator(self, turns, monkeypatch):
        source, signs, told = pictures(), [], []
        game = game_for(source, "gan(8, noise=4)")
        side, move = game.discriminator_loss, AdaptiveProbability.next

        def watch(*arguments):
            seen = side(*arguments)
            signs.append(seen.real.sign().mean().item())
            return seen

        def told_of(adapt, share, sign, seen):
            told.append((sign, seen))
            return move(adapt, share, sign, seen)

        monkeypatch.setattr(game, "discriminator_loss", watch)
        monkeypatch.setattr(AdaptiveProbability, "next", told_of)
        settings = GeneratorSettings(
            steps=2 * EVERY,
            batch_size=6,
            discriminator_steps=turns,
            ada_target=0.6,
            eval_examples=8,
            learning_rate=3e-3,
        )
        fit_generator(game, source, settings, (Brightness(),))
        each = EVERY * turns
        assert len(signs) == 2 * each
        assert [seen for _, seen in told] == [each * 6] * 2
        assert [sign for sign, _ in told] == pytest.approx([sum(signs[:each]) / each, sum(signs[each:]) / each])

    def test_each_side_learns_at_its_own_rate(self):
        source = two_modes(64)
        game = game_for(source, "gan(8, noise=4)")
        before = {name: weight.clone() for name, weight in game.named_parameters()}
        settings = GeneratorSettings(
            steps=1, batch_size=8, learning_rate=1e-2, discriminator_learning_rate=1e-4, eval_examples=8
        )
        fit_generator(game, source, settings)
        # The first step of Adam moves a weight by the rate, whatever its slope.
        moved = {name: (weight - before[name]).abs().max().item() for name, weight in game.named_parameters()}
        for side, rate in (("model.", 1e-2), ("discriminator.", 1e-4)):
            assert max(most for name, most in moved.items() if name.startswith(side)) == pytest.approx(rate, rel=0.01)


class TestResume:
    @pytest.mark.parametrize("text", TEXTS)
    def test_goes_on_with_the_same_bits(self, text, tmp_path):
        source = pictures()
        whole, parts = tmp_path / "whole", tmp_path / "parts"
        for folder in (whole, parts):
            folder.mkdir()
        settings = GeneratorSettings(**vars(FEW) | {"ada_target": 0.5, "ada_examples": 20})
        fit_generator(game_for(source, text), source, settings, (Brightness(),), folder=whole)

        class Killed(Exception):
            pass

        def kill(looks):
            raise Killed

        # Killed within step 3, one step behind the last checkpoint.
        with pytest.raises(Killed):
            fit_generator(game_for(source, text), source, settings, (Brightness(),), folder=parts, on_snapshot=kill)
        assert len(read_snapshots(parts)) == 1
        fit_generator(game_for(source, text), source, settings, (Brightness(),), folder=parts, resume=True)
        for name in ("last.safetensors", "best.safetensors", "metrics.jsonl", "looks.safetensors"):
            assert (whole / name).read_bytes() == (parts / name).read_bytes(), name

    def test_a_run_killed_from_outside_goes_on_with_the_same_bits(self, tmp_path):
        config = GeneratorConfig("digits", size=8, model="dcgan(2, noise=4)", fit=FEW)
        train_generator(config, tmp_path / "whole")
        script = (
            "import os, sys, torch; from pathlib import Path; torch.set_num_threads(1)\n"
            "from manyshot.generate.config import *; from manyshot.generate.train import *\n"
            "values = GeneratorConfig.from_dict(eval(sys.argv[2]), 'here')\n"
            "train_generator(values, Path(sys.argv[1]), on_snapshot=lambda looks: os.kill(os.getpid(), 9))"
        )
        killed = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "parts"), repr(config.as_dict())], check=False
        )
        assert killed.returncode == -9
        train_generator(config, tmp_path / "parts", resume=True)
        for name in ("last.safetensors", "best.safetensors", "metrics.jsonl", "config.json"):
            assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes(), name


class TestHealth:
    def test_a_diverging_training_stops_and_gives_the_weights_of_the_last_checkpoint_back(self, tmp_path):
        source = two_modes(64)
        settings = GeneratorSettings(
            steps=400, batch_size=8, learning_rate=50.0, eval_every=400, eval_examples=8, save_every=2
        )
        on_disk, in_memory = (game_for(source, "gan(8, noise=4, loss=wasserstein)") for _ in range(2))
        with pytest.raises(TrainingDiverged, match="so training stopped"):
            fit_generator(on_disk, source, settings, folder=tmp_path)
        with pytest.raises(TrainingDiverged):
            fit_generator(in_memory, source, settings)
        # Further steps were taken, so there is something to give back.
        assert max(row["step"] for row in read_metrics(tmp_path / "metrics.jsonl")) % 2
        kept = load_file(tmp_path / "last.safetensors")
        for game in (on_disk, in_memory):
            for name, weight in game.state_dict().items():
                assert torch.equal(weight, kept[f"learner.{name}"]), name

    @pytest.mark.parametrize(
        ("more", "kept"),
        [
            ({}, "nothing was learned before"),
            ({"save_every": 1}, "the last good weights are kept"),
            ({"eval_every": 1}, "the last good weights are kept"),
        ],
    )
    @pytest.mark.parametrize("on_disk", [False, True])
    def test_weights_are_said_to_be_kept_only_where_something_was_learned(self, more, kept, on_disk, tmp_path):
        source = two_modes(64)
        settings = GeneratorSettings(steps=400, batch_size=8, learning_rate=50.0, eval_examples=8, **more)
        game = game_for(source, "gan(8, noise=4, loss=wasserstein)")
        before = {name: tensor.clone() for name, tensor in game.state_dict().items()}
        with pytest.raises(TrainingDiverged, match=f"so training stopped; {kept}. Lower the learning rate"):
            fit_generator(game, source, settings, folder=tmp_path if on_disk else None)
        if not on_disk:
            untrained = all(before[name].equal(tensor) for name, tensor in game.state_dict().items())
            assert untrained == kept.startswith("nothing")

    def test_trouble_before_any_look_was_kept_does_not_speak_of_a_better_one(self, capsys, monkeypatch):
        monkeypatch.setattr("manyshot.generate.fit.evaluate_snapshot", lambda *arguments: None)
        source = two_modes(64)
        settings = GeneratorSettings(steps=2, batch_size=4, eval_every=1, eval_examples=8)
        fit_generator(game_for(source, "gan(8, noise=4)"), source, settings)
        said = capsys.readouterr().err
        assert "generated examples are not finite; no weights have been kept yet, and training goes on" in " ".join(
            said.split()
        )

    def test_a_lost_mode_is_said_noted_and_its_weights_are_not_kept(self, tmp_path, capsys, monkeypatch):
        source = two_modes(400)
        game = game_for(source, "gan(16, noise=4)")
        seen = []

        def look(model, *arguments):
            seen.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
            return Snapshot(0.5 if len(seen) == 1 else 0.1, 0.9, 0.8 if len(seen) == 1 else 0.0)

        monkeypatch.setattr("manyshot.generate.fit.evaluate_snapshot", look)
        settings = GeneratorSettings(steps=9, batch_size=4, eval_every=3, eval_examples=8)
        rows = fit_generator(game, source, settings, folder=tmp_path)
        assert [row["step"] for row in rows if "trouble" in row] == [6, 9]
        assert capsys.readouterr().err.count("mode collapse") == 1
        assert all(seen[0][name].equal(tensor) for name, tensor in game.averaged.state_dict().items())

    def test_looks_see_a_real_collapse(self):
        source = two_modes(400)
        game = game_for(source, "gan(16, noise=4)")
        with torch.no_grad():
            for weight in game.averaged.parameters():
                weight.zero_()
        found = evaluate_snapshot(game.averaged, source, 100, seed=0)
        assert found.recall == 0
        assert diagnose_training(found, 0.7, 0.5, True).startswith("mode collapse")

    def test_made_items_that_are_no_numbers_are_noted_and_their_weights_are_not_kept(
        self, tmp_path, capsys, monkeypatch
    ):
        source = two_modes(64)
        game = game_for(source, "gan(8, noise=4)")
        looked = []

        def look(model, *arguments):
            looked.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
            if len(looked) == 1:
                return evaluate_snapshot(model, *arguments)
            broken = MODELS.parse("gan(8, noise=4)").build(spec=data_spec_of(source)).averaged
            broken.body[-1].bias.fill_(float("nan"))
            return evaluate_snapshot(broken, *arguments)

        monkeypatch.setattr("manyshot.generate.fit.evaluate_snapshot", look)
        rows = fit_generator(game, source, GeneratorSettings(**vars(FEW) | {"steps": 9}), folder=tmp_path)
        assert [row for row in rows if "trouble" in row] == [
            {"step": step, "trouble": "generated examples are not finite"} for step in (6, 9)
        ]
        assert [row["step"] for row in rows if "recall" in row] == [3]
        assert capsys.readouterr().err.count("generated examples are not finite") == 1
        assert all(looked[0][name].equal(tensor) for name, tensor in game.averaged.state_dict().items())

    @pytest.mark.parametrize(("loss", "said"), [("minimax", True), ("non_saturating", False)])
    def test_a_discriminator_that_is_soon_sure_is_seen_where_that_leaves_no_slope(self, loss, said):
        # So far off that a discriminator tells them apart within a few steps; the generator hardly moves.
        source = Source.of(50 + torch.rand(40, 2, generator=draws()), ["here"] * 40)
        game = game_for(source, f"gan(16, noise=4, loss={loss})")
        settings = GeneratorSettings(
            steps=60, batch_size=8, learning_rate=1e-6, discriminator_learning_rate=1e-2, eval_every=60, eval_examples=8
        )
        rows = fit_generator(game, source, settings)
        assert rows[0]["discriminator_loss"] > 0.1 > 0.02 > rows[30]["discriminator_loss"]
        told = [row["trouble"] for row in rows if "trouble" in row]
        assert [trouble.startswith("the discriminator is sure of nearly every example") for trouble in told] == [
            True
        ] * said

    def test_looks_are_taken_beside_what_is_held_out(self, monkeypatch):
        beside = []

        def look(model, source, *arguments):
            beside.append(source)
            return Snapshot(0.1, 0.5, 0.5)

        monkeypatch.setattr("manyshot.generate.fit.evaluate_snapshot", look)
        dark = Source.of(torch.zeros(6, 1, 8, 8, dtype=torch.uint8), ["ay", "bee"] * 3)
        shown = []
        for held_out in (dark, None):
            source = pictures()
            game = game_for(source, "dagan(2, discriminator_width=2, noise=4)")
            fit_generator(
                game, source, FEW, held_out=held_out, on_snapshot=lambda looks: shown.append(looks.conditions)
            )
            assert all(one is (held_out or source) for one in beside[-2:])
        assert [bool(items.any()) for items in shown] == [False, False, True, True]

    @pytest.mark.parametrize(("saturates", "said"), [(True, True), (False, False)])
    def test_saturation_is_said_where_the_loss_saturates(self, saturates, said):
        found = diagnose_training(Snapshot(0.1, 0.5, 0.5), 0.5, unsure=0.001, saturates=saturates)
        assert (found is not None) == said

    def test_a_first_look_without_recall_is_no_collapse(self):
        assert diagnose_training(Snapshot(0.1, 0.0, 0.0), 0.0, 0.5, True) is None

    def test_collapse_from_the_beginning_is_told_once_something_was_kept(self):
        narrow = Snapshot(0.1, 0.9, 0.0)
        assert diagnose_training(narrow, 0.0, 0.5, saturates=True).startswith(
            "mode collapse: generated examples lie among real ones"
        )
        assert diagnose_training(narrow, 0.0, 0.5, saturates=True, first=True) is None

    def test_the_weights_of_the_nearest_look_are_kept(self, monkeypatch):
        distances = iter([0.3, 0.1, 0.2])
        seen = []

        def look(model, *arguments):
            seen.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
            return Snapshot(next(distances), 0.5, 0.5)

        monkeypatch.setattr("manyshot.generate.fit.evaluate_snapshot", look)
        source = two_modes(64)
        game = game_for(source, "gan(8, noise=4)")
        fit_generator(game, source, GeneratorSettings(steps=9, batch_size=4, eval_every=3, eval_examples=8))
        assert all(seen[1][name].equal(tensor) for name, tensor in game.averaged.state_dict().items())


class TestRun:
    def test_its_best_look_is_the_nearest_at_which_nothing_was_wrong(self):
        def run(*troubled):
            near = {3: 0.5, 6: 0.3, 9: 0.1}
            rows = [
                {"step": step, "kernel_distance": far, "precision": 0.9, "recall": 0.4} for step, far in near.items()
            ]
            rows += [{"step": step, "generator_loss": 0.0} for step in range(10)]
            rows += [{"step": step, "trouble": "mode collapse"} for step in troubled]
            config = GeneratorConfig("digits", model="gan(4)")
            return GeneratorRun(config, MODELS.parse("gan(4)").build(spec=DataSpec((2,))).averaged, (), rows)

        assert run().best["step"] == 9
        assert run(9).best["step"] == 6
        assert run(3, 9).best["step"] == 6
        assert run(3, 6, 9).best is None

    def test_its_best_look_is_that_of_the_weights_that_it_kept(self, tmp_path, monkeypatch):
        found = iter(
            [Snapshot(0.5, 0.5, 0.5), Snapshot(0.1, 0.9, 0.0), Snapshot(0.3, 0.5, 0.5), Snapshot(0.4, 0.5, 0.5)]
        )
        monkeypatch.setattr("manyshot.generate.fit.evaluate_snapshot", lambda *arguments: next(found))
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

    @pytest.mark.parametrize("text", TEXTS)
    def test_looks_at_colour_pictures_are_kept(self, text, tmp_path):
        items = torch.randint(256, (24, 3, 16, 16), generator=draws(), dtype=torch.uint8)
        source = Source.of(items, [f"class {i % 3}" for i in range(24)])
        told = []
        fit_generator(
            game_for(source, text), source, FEW, folder=tmp_path, on_snapshot=lambda looks: told.append(looks)
        )
        kept = read_snapshots(tmp_path)
        assert kept[6].shape == (16, 3, 16, 16)
        assert kept[6].allclose(told[-1].generated[6], atol=0.5 / 255 + 1e-6)

    def test_looks_are_kept_and_told(self, tmp_path):
        told = []
        config = GeneratorConfig("digits", size=8, model="dcgan(2, noise=4)", fit=FEW)
        train_generator(config, tmp_path / "run", on_snapshot=lambda looks: told.append(list(looks.generated)))
        assert told == [[3], [3, 6]]
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

    def test_features_of_a_run_can_be_made(self, tmp_path):
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

    def test_another_kind_of_run_is_told(self, tmp_path):
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
    def test_damaged_settings_are_told(self, harm, tmp_path):
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
    def test_wrong_settings_are_told(self, settings, named):
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
    def test_wrong_values_are_told(self, values, named):
        with pytest.raises(InputError, match=named):
            GeneratorConfig("digits", **values)

    def test_fewer_items_or_classes_than_asked_for_are_told(self):
        with pytest.raises(InputError, match=r"per_class=999.* has \d+"):
            load_generator_sources(GeneratorConfig("digits", per_class=999), "nothing")
        with pytest.raises(InputError, match="classes=11"):
            load_generator_sources(GeneratorConfig("digits", classes=11), "nothing")

    def test_models_that_are_shown_items_are_judged_on_other_classes_and_others_on_other_items(self):
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
