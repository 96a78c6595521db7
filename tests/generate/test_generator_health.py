"""Trainings of generative models that go wrong say so, and the best weights are kept."""

import pytest
import torch
from safetensors.torch import load_file

from manyshot.base import TrainingDiverged
from manyshot.generate import MODELS
from manyshot.generate.generator_config import GeneratorSettings, data_spec_of
from manyshot.generate.generator_training_loop import fit_generator
from manyshot.generate.monitor import Snapshot, diagnose_training, evaluate_snapshot
from manyshot.runtime.metrics_log import read_metrics
from manyshot.tasks import Source
from small_generative_models import FEW, draws, pictures, small_model, two_modes


class TestHealth:
    def test_a_diverging_training_stops_and_gives_the_weights_of_the_last_checkpoint_back(self, tmp_path):
        source = two_modes(64)
        settings = GeneratorSettings(
            steps=400, batch_size=8, learning_rate=50.0, eval_every=400, eval_examples=8, save_every=2
        )
        on_disk, in_memory = (small_model(source, "gan(8, noise=4, loss=wasserstein)") for _ in range(2))
        with pytest.raises(TrainingDiverged, match="so training stopped"):
            fit_generator(on_disk, source, settings, folder=tmp_path)
        with pytest.raises(TrainingDiverged):
            fit_generator(in_memory, source, settings)
        # Further steps were taken, so there is something to give back.
        assert max(row["step"] for row in read_metrics(tmp_path / "metrics.jsonl")) % 2
        kept = load_file(tmp_path / "last.safetensors")
        for objective in (on_disk, in_memory):
            for name, weight in objective.state_dict().items():
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
        objective = small_model(source, "gan(8, noise=4, loss=wasserstein)")
        before = {name: tensor.clone() for name, tensor in objective.state_dict().items()}
        with pytest.raises(TrainingDiverged, match=f"so training stopped; {kept}. Lower the learning rate"):
            fit_generator(objective, source, settings, folder=tmp_path if on_disk else None)
        if not on_disk:
            untrained = all(before[name].equal(tensor) for name, tensor in objective.state_dict().items())
            assert untrained == kept.startswith("nothing")

    def test_trouble_before_any_snapshot_was_kept_does_not_speak_of_a_better_one(self, capsys, monkeypatch):
        monkeypatch.setattr("manyshot.generate.generator_training_loop.evaluate_snapshot", lambda *arguments: None)
        source = two_modes(64)
        settings = GeneratorSettings(steps=2, batch_size=4, eval_every=1, eval_examples=8)
        fit_generator(small_model(source, "gan(8, noise=4)"), source, settings)
        said = capsys.readouterr().err
        assert "generated examples are not finite; no weights have been kept yet, and training continues" in " ".join(
            said.split()
        )

    def test_a_lost_mode_is_said_noted_and_its_weights_are_not_kept(self, tmp_path, capsys, monkeypatch):
        source = two_modes(400)
        objective = small_model(source, "gan(16, noise=4)")
        seen = []

        def look(model, *arguments):
            seen.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
            return Snapshot(0.5 if len(seen) == 1 else 0.1, 0.9, 0.8 if len(seen) == 1 else 0.0)

        monkeypatch.setattr("manyshot.generate.generator_training_loop.evaluate_snapshot", look)
        settings = GeneratorSettings(steps=9, batch_size=4, eval_every=3, eval_examples=8)
        rows = fit_generator(objective, source, settings, folder=tmp_path)
        assert [row["step"] for row in rows if "problem" in row] == [6, 9]
        assert capsys.readouterr().err.count("mode collapse") == 1
        assert all(seen[0][name].equal(tensor) for name, tensor in objective.averaged.state_dict().items())

    def test_snapshots_show_a_real_collapse(self):
        source = two_modes(400)
        objective = small_model(source, "gan(16, noise=4)")
        with torch.no_grad():
            for weight in objective.averaged.parameters():
                weight.zero_()
        result = evaluate_snapshot(objective.averaged, source, 100, seed=0)
        assert result.recall == 0
        assert diagnose_training(result, 0.7, 0.5, True).startswith("mode collapse")

    def test_generated_items_that_are_no_numbers_are_noted_and_their_weights_are_not_kept(
        self, tmp_path, capsys, monkeypatch
    ):
        source = two_modes(64)
        objective = small_model(source, "gan(8, noise=4)")
        looked = []

        def look(model, *arguments):
            looked.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
            if len(looked) == 1:
                return evaluate_snapshot(model, *arguments)
            broken = MODELS.parse("gan(8, noise=4)").build(spec=data_spec_of(source)).averaged
            broken.body[-1].bias.fill_(float("nan"))
            return evaluate_snapshot(broken, *arguments)

        monkeypatch.setattr("manyshot.generate.generator_training_loop.evaluate_snapshot", look)
        rows = fit_generator(objective, source, GeneratorSettings(**vars(FEW) | {"steps": 9}), folder=tmp_path)
        assert [row for row in rows if "problem" in row] == [
            {"step": step, "problem": "generated examples are not finite"} for step in (6, 9)
        ]
        assert [row["step"] for row in rows if "recall" in row] == [3]
        assert capsys.readouterr().err.count("generated examples are not finite") == 1
        assert all(looked[0][name].equal(tensor) for name, tensor in objective.averaged.state_dict().items())

    @pytest.mark.parametrize(("loss", "said"), [("minimax", True), ("non_saturating", False)])
    def test_a_discriminator_that_is_soon_sure_is_seen_where_that_leaves_no_gradient(self, loss, said):
        # So far off that a discriminator tells them apart within a few steps; the generator hardly moves.
        source = Source.of(50 + torch.rand(40, 2, generator=draws()), ["here"] * 40)
        objective = small_model(source, f"gan(16, noise=4, loss={loss})")
        settings = GeneratorSettings(
            steps=60, batch_size=8, learning_rate=1e-6, discriminator_learning_rate=1e-2, eval_every=60, eval_examples=8
        )
        rows = fit_generator(objective, source, settings)
        assert rows[0]["discriminator_loss"] > 0.1 > 0.02 > rows[30]["discriminator_loss"]
        output = [row["problem"] for row in rows if "problem" in row]
        assert [trouble.startswith("the discriminator is sure of nearly every example") for trouble in output] == [
            True
        ] * said

    def test_snapshots_are_taken_beside_what_is_held_out(self, monkeypatch):
        beside = []

        def look(model, source, *arguments):
            beside.append(source)
            return Snapshot(0.1, 0.5, 0.5)

        monkeypatch.setattr("manyshot.generate.generator_training_loop.evaluate_snapshot", look)
        dark = Source.of(torch.zeros(6, 1, 8, 8, dtype=torch.uint8), ["ay", "bee"] * 3)
        shown = []
        for held_out in (dark, None):
            source = pictures()
            objective = small_model(source, "dagan(2, discriminator_width=2, noise=4)")
            fit_generator(
                objective, source, FEW, held_out=held_out, on_snapshot=lambda looks: shown.append(looks.conditions)
            )
            assert all(one is (held_out or source) for one in beside[-2:])
        assert [bool(items.any()) for items in shown] == [False, False, True, True]

    @pytest.mark.parametrize(("saturates", "said"), [(True, True), (False, False)])
    def test_saturation_is_said_where_the_loss_saturates(self, saturates, said):
        result = diagnose_training(Snapshot(0.1, 0.5, 0.5), 0.5, discriminator_loss=0.001, saturates=saturates)
        assert (result is not None) == said

    def test_a_first_snapshot_without_recall_is_no_collapse(self):
        assert diagnose_training(Snapshot(0.1, 0.0, 0.0), 0.0, 0.5, True) is None

    def test_collapse_from_the_beginning_is_reported_once_something_was_kept(self):
        narrow = Snapshot(0.1, 0.9, 0.0)
        assert diagnose_training(narrow, 0.0, 0.5, saturates=True).startswith(
            "mode collapse: generated examples lie among real ones"
        )
        assert diagnose_training(narrow, 0.0, 0.5, saturates=True, first=True) is None

    def test_the_weights_of_the_nearest_snapshot_are_kept(self, monkeypatch):
        distances = iter([0.3, 0.1, 0.2])
        seen = []

        def look(model, *arguments):
            seen.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
            return Snapshot(next(distances), 0.5, 0.5)

        monkeypatch.setattr("manyshot.generate.generator_training_loop.evaluate_snapshot", look)
        source = two_modes(64)
        objective = small_model(source, "gan(8, noise=4)")
        fit_generator(objective, source, GeneratorSettings(steps=9, batch_size=4, eval_every=3, eval_examples=8))
        assert all(seen[1][name].equal(tensor) for name, tensor in objective.averaged.state_dict().items())
