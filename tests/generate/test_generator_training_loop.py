"""Generative models learn, and a stopped training resumes."""

import subprocess
import sys

import pytest
import torch

from manyshot.augment.image import Brightness
from manyshot.base.seeds import generator
from manyshot.generate import Batches
from manyshot.generate.ada import EVERY, AdaptiveProbability
from manyshot.generate.diff_augment import no_augmentation
from manyshot.generate.generator_config import GeneratorConfig, GeneratorSettings
from manyshot.generate.generator_run import train_generator
from manyshot.generate.generator_training_loop import fit_generator
from manyshot.generate.snapshots import read_snapshots
from manyshot.tasks import Source
from small_generative_models import FEW, MODEL_TEXTS, draws, pictures, small_model, two_modes


def modes_of(points: torch.Tensor) -> list[float]:
    """Share of points within a unit of each mode."""
    return [
        float(((points - torch.tensor(center)).norm(dim=1) < 1).float().mean()) for center in ((-2.0, 0.0), (2.0, 0.0))
    ]


class TestLearning:
    @pytest.mark.parametrize("text", ["gan(32, noise=4, penalty=r1)", "gan(32, noise=4, loss=hinge, spectral=yes)"])
    def test_an_adversarial_objective_learns_both_modes_of_a_mixture(self, text):
        source = two_modes()
        objective = small_model(source, text)
        fit_generator(
            objective,
            source,
            GeneratorSettings(steps=300, batch_size=64, learning_rate=3e-3, eval_every=150, ema_decay=0.97),
        )
        shares = modes_of(objective.averaged.sample(500, generator=draws()))
        assert sum(shares) > 0.8
        assert min(shares) > 0.2

    def test_a_step_moves_each_weight_by_its_own_gradient(self):
        # Convolutions give grads that lie in memory in another order than their weights.
        source = pictures(16)
        settings = GeneratorSettings(steps=1, batch_size=4, learning_rate=1e-2, eval_examples=8)
        trained, by_hand = (small_model(source, "dcgan(4, noise=4, penalty=r1, spectral=no)") for _ in range(2))
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

    def test_a_conditional_objective_makes_the_class_that_is_asked_for(self):
        label = torch.arange(200) % 2
        dark = torch.where(label[:, None, None, None] == 0, 40, 210) + torch.randint(
            -20, 20, (200, 1, 8, 8), generator=draws()
        )
        source = Source.of(dark.to(torch.uint8), [f"class {k}" for k in label.tolist()])
        objective = small_model(source, "conditional(8, noise=4, loss=non_saturating, penalty=r1, spectral=no)")
        fit_generator(
            objective,
            source,
            GeneratorSettings(steps=120, batch_size=32, learning_rate=4e-3, eval_every=60, ema_decay=0.95),
        )
        generated = objective.averaged.sample(40, label=torch.arange(40) % 2, generator=draws()).mean((1, 2, 3))
        assert generated[::2].mean() < 0.35
        assert generated[1::2].mean() > 0.65

    @pytest.mark.parametrize(
        "text", ["dagan(4, discriminator_width=8, noise=4, penalty=r1)", "cvae(4, encoder_width=8, noise=4)"]
    )
    def test_a_model_that_is_shown_items_makes_others_of_classes_that_it_never_saw(self, text):
        # A class is where its bright bar stands; items differ in brightness.
        position = torch.arange(240) % 6
        items = torch.zeros(240, 1, 8, 8)
        items[torch.arange(240), 0, position] = 0.3 + 0.7 * torch.rand(240, 1, generator=draws())
        source = Source.of(items.mul(255).to(torch.uint8), [f"bar {k}" for k in position.tolist()])
        objective = small_model(source, text)
        fit_generator(
            objective,
            source,
            GeneratorSettings(steps=200, batch_size=32, learning_rate=3e-3, eval_every=100, ema_decay=0.95),
        )
        shown = torch.zeros(20, 1, 8, 8)
        shown[:, :, 7] = 0.6
        generated = objective.averaged.sample(20, like=shown, generator=draws())
        rows = generated[:, 0].mean(2)
        assert (rows.argmax(1) == 7).float().mean() > 0.8
        assert rows[:, 7].std() > 0.01

    def test_the_augmented_fraction_adapts_to_a_discriminator_that_knows_few_items_by_heart(self):
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
        rows = fit_generator(small_model(source, "gan(64, noise=4)"), source, settings, (Brightness(),))
        shares = [row["ada_probability"] for row in rows if "ada_probability" in row]
        assert shares[0] == 0
        assert shares[-1] > 0.3

    @pytest.mark.parametrize("turns", [1, 2])
    def test_the_probability_adapts_to_the_real_items_of_all_updates_of_the_discriminator(self, turns, monkeypatch):
        source, signs, output = pictures(), [], []
        objective = small_model(source, "gan(8, noise=4)")
        side, move = objective.discriminator_loss, AdaptiveProbability.next

        def watch(*arguments):
            seen = side(*arguments)
            signs.append(seen.real.sign().mean().item())
            return seen

        def told_of(adapt, share, sign, seen):
            output.append((sign, seen))
            return move(adapt, share, sign, seen)

        monkeypatch.setattr(objective, "discriminator_loss", watch)
        monkeypatch.setattr(AdaptiveProbability, "next", told_of)
        settings = GeneratorSettings(
            steps=2 * EVERY,
            batch_size=6,
            discriminator_steps=turns,
            ada_target=0.6,
            eval_examples=8,
            learning_rate=3e-3,
        )
        fit_generator(objective, source, settings, (Brightness(),))
        each = EVERY * turns
        assert len(signs) == 2 * each
        assert [seen for _, seen in output] == [each * 6] * 2
        assert [sign for sign, _ in output] == pytest.approx([sum(signs[:each]) / each, sum(signs[each:]) / each])

    def test_each_side_has_its_own_learning_rate(self):
        source = two_modes(64)
        objective = small_model(source, "gan(8, noise=4)")
        before = {name: weight.clone() for name, weight in objective.named_parameters()}
        settings = GeneratorSettings(
            steps=1, batch_size=8, learning_rate=1e-2, discriminator_learning_rate=1e-4, eval_examples=8
        )
        fit_generator(objective, source, settings)
        # The first step of Adam moves a weight by the rate, whatever its slope.
        moved = {name: (weight - before[name]).abs().max().item() for name, weight in objective.named_parameters()}
        for side, rate in (("model.", 1e-2), ("discriminator.", 1e-4)):
            assert max(most for name, most in moved.items() if name.startswith(side)) == pytest.approx(rate, rel=0.01)


class TestResume:
    @pytest.mark.parametrize("text", MODEL_TEXTS)
    def test_goes_on_with_the_same_bits(self, text, tmp_path):
        source = pictures()
        whole, parts = tmp_path / "whole", tmp_path / "parts"
        for folder in (whole, parts):
            folder.mkdir()
        settings = GeneratorSettings(**vars(FEW) | {"ada_target": 0.5, "ada_examples": 20})
        fit_generator(small_model(source, text), source, settings, (Brightness(),), folder=whole)

        class Killed(Exception):
            pass

        def kill(looks):
            raise Killed

        # Killed within step 3, one step behind the last checkpoint.
        with pytest.raises(Killed):
            fit_generator(small_model(source, text), source, settings, (Brightness(),), folder=parts, on_snapshot=kill)
        assert len(read_snapshots(parts)) == 1
        fit_generator(small_model(source, text), source, settings, (Brightness(),), folder=parts, resume=True)
        for name in ("last.safetensors", "best.safetensors", "metrics.jsonl", "snapshots.safetensors"):
            assert (whole / name).read_bytes() == (parts / name).read_bytes(), name

    def test_a_run_killed_from_outside_goes_on_with_the_same_bits(self, tmp_path):
        config = GeneratorConfig("digits", size=8, model="dcgan(2, noise=4)", fit=FEW)
        train_generator(config, tmp_path / "whole")
        script = (
            "import os, sys, torch; from pathlib import Path; torch.set_num_threads(1)\n"
            "from manyshot.generate.generator_config import *; from manyshot.generate.generator_run import *\n"
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
