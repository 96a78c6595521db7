"""MNIST, all digits: our DCGAN beside a textbook loop at equal CPU time, and the steps of both in a second.

The textbook loop has the layout of the common tutorials: batch normalization, labels of 1 and 0 with binary
cross-entropy, real and made pictures in passes of their own. Steps are timed in turns of a few, so that what else the
machine does falls on all alike. Writes results/gan_mnist.json; runs that are there are used.

    python experiments/gan_mnist.py --root DATA
"""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from classifier_arms import trained
from run_and_record import parse_options, write
from torch import Tensor, nn

from manyshot.base import quieten
from manyshot.datasets import load_dataset
from manyshot.generate import MODELS
from manyshot.generate.generator_config import GeneratorConfig, GeneratorSettings, data_spec_of
from manyshot.generate.generator_training_loop import fit_generator
from manyshot.runtime.clock import cpu_seconds
from manyshot.sample_metrics import kernel_distance, precision_recall
from manyshot.tasks import Source
from manyshot.training import Config, Settings, encode, load_run, train

SEEDS = (0, 1, 2)
MODEL, SAME_WIDTH = "dcgan(32)", "dcgan(64)"
STEPS, RATE = 1200, 1e-3
ENCODER_STEPS, TESTED = 200, 3000
TURNS, IN_A_TURN = 9, 20


class Textbook:
    """A DCGAN of the common layout.

    Args:
        source: real digits.
        seed: of the weights and of all draws.
    """

    def __init__(self, source: Source, seed: int) -> None:
        torch.manual_seed(seed)
        self.source = source
        self.generator = nn.Sequential(
            *(nn.ConvTranspose2d(100, 128, 7, 1, 0, bias=False), nn.BatchNorm2d(128), nn.ReLU(True)),
            *(nn.ConvTranspose2d(128, 64, 4, 2, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(True)),
            *(nn.ConvTranspose2d(64, 1, 4, 2, 1, bias=False), nn.Tanh()),
        )
        self.discriminator = nn.Sequential(
            *(nn.Conv2d(1, 64, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True)),
            *(nn.Conv2d(64, 128, 4, 2, 1, bias=False), nn.BatchNorm2d(128), nn.LeakyReLU(0.2, inplace=True)),
            *(nn.Conv2d(128, 1, 7, 1, 0, bias=False), nn.Flatten(0), nn.Sigmoid()),
        )
        for part in (self.generator, self.discriminator):
            for module in part.modules():
                if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                    nn.init.normal_(module.weight, 0.0, 0.02)
        self.criterion = nn.BCELoss()
        self.sides = [
            torch.optim.Adam(part.parameters(), lr=2e-4, betas=(0.5, 0.999))
            for part in (self.discriminator, self.generator)
        ]

    def step(self) -> None:
        """Train both sides once."""
        real = self.source.gather(torch.randint(len(self.source), (64,)).numpy()).float() / 127.5 - 1
        generated = self.generator(torch.randn(64, 100, 1, 1))
        self.discriminator.zero_grad()
        self.criterion(self.discriminator(real), torch.ones(64)).backward()
        self.criterion(self.discriminator(generated.detach()), torch.zeros(64)).backward()
        self.sides[0].step()
        self.generator.zero_grad()
        self.criterion(self.discriminator(generated), torch.ones(64)).backward()
        self.sides[1].step()

    def train(self, seconds: float) -> int:
        """Train for so many CPU seconds; returns how many steps it took."""
        began, steps = time.process_time(), 0
        while time.process_time() - began < seconds:
            self.step()
            steps += 1
        return steps

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Make digits, by the running statistics."""
        self.generator.eval()
        noise = torch.randn(n, 100, 1, 1, generator=generator)
        return (torch.cat([self.generator(part) for part in noise.split(100)]) + 1) / 2


def seconds_a_step(source: Source, turns: int) -> dict[str, float]:
    """The median over turns of the CPU seconds that a step takes, of each loop; the first turn warms up."""
    settings = GeneratorSettings(steps=IN_A_TURN, eval_every=10 * IN_A_TURN, eval_examples=8)
    textbook = Textbook(source, 0)
    loops: dict[str, Callable[[], object]] = {"textbook": lambda: [textbook.step() for _ in range(IN_A_TURN)]}
    for text in (MODEL, SAME_WIDTH):
        lesson = MODELS.parse(text).build(spec=data_spec_of(source))
        loops[text] = lambda lesson=lesson: fit_generator(lesson, source, settings)
    # What a call of `fit_generator` does beside its steps is timed with one step, and taken off.
    once = replace(settings, steps=1)
    beside = {text: MODELS.parse(text).build(spec=data_spec_of(source)) for text in (MODEL, SAME_WIDTH)}
    taken: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(turns + 1):
        for name, loop in loops.items():
            began = time.process_time()
            loop()
            whole, steps = time.process_time() - began, IN_A_TURN
            if name in beside:
                began = time.process_time()
                fit_generator(beside[name], source, once)
                whole, steps = whole - (time.process_time() - began), IN_A_TURN - 1
            taken[name].append(whole / steps)
    return {name: float(np.median(values[1:])) for name, values in taken.items()}


def main() -> None:
    """Train, evaluate, write."""
    options = parse_options(__doc__, "mnist/", "runs/gan_mnist")
    runs, tiny = options.runs, options.tiny
    quieten(True)
    steps, encoder_steps, items, turns = (4, 4, 200, 1) if tiny else (STEPS, ENCODER_STEPS, TESTED, TURNS)

    if not (runs / "encoder" / "config.json").exists():
        settings = Settings(steps=encoder_steps)
        probe = Config("mnist", root=options.root, learner="probe", validation=0.0, fit=settings)
        train(replace(probe, encoder="conv4(32, 32, 32, 32)"), runs / "encoder")
    encoder, _ = load_run(runs / "encoder").learner.on_features()
    digits, test = (load_dataset("mnist", split, root=options.root) for split in ("train", "test"))

    def evaluated(pictures: Tensor, seed: int) -> dict[str, float]:
        order = torch.randperm(len(test), generator=torch.Generator().manual_seed(seed)).numpy()
        real = encode(encoder, Source.of(test.gather(order[:items]), ["real"] * items)).store
        generated = encode(encoder, Source.of(pictures.clamp(0, 1), ["generated"] * len(pictures))).store
        result = precision_recall(real, generated)
        return {
            "kernel_distance": kernel_distance(real, generated),
            "precision": result.precision,
            "recall": result.recall,
        }

    arms: dict[str, list[dict]] = {"real": [], "ours": [], "textbook": []}
    for seed in SEEDS[:1] if tiny else SEEDS:
        fit = GeneratorSettings(steps=steps, learning_rate=RATE, eval_every=max(2, steps // 4), seed=seed)
        run = trained(GeneratorConfig("mnist", root=options.root, model=MODEL, fit=fit), runs / f"all-{seed}")
        draws = torch.Generator().manual_seed(seed)
        seconds = cpu_seconds(runs / f"all-{seed}")
        with torch.no_grad():
            generated = run.model.sample(items, generator=draws)
        arms["ours"].append(evaluated(generated, seed) | {"cpu_seconds": seconds, "steps": steps})
        other = Textbook(digits, seed)
        taken = other.train(seconds)
        arms["textbook"].append(evaluated(other.sample(items, draws), seed) | {"cpu_seconds": seconds, "steps": taken})
        fresh = digits.gather(torch.randperm(len(digits), generator=draws)[:items].numpy()).float() / 255
        arms["real"].append(evaluated(fresh, seed))
        print(seed, {name: rows[-1] for name, rows in arms.items()}, flush=True)
    speed = seconds_a_step(digits, turns)
    print({name: round(1e3 * value, 2) for name, value in speed.items()}, "ms a step")
    if not tiny:
        facts = {"seeds": len(SEEDS), "model": MODEL, "same_width": SAME_WIDTH, "examples": items, "arms": arms}
        write("gan_mnist", {"command": "python experiments/gan_mnist.py", **facts, "seconds_a_step": speed})


if __name__ == "__main__":
    main()
