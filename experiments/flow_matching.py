"""A flow-matching model of characters never seen, beside DAGAN and an autoencoder at like CPU times.

The model (Lipman et al. 2023; Liu, Gong and Liu 2023) is shown an item x of a class, as DAGAN is, and moves a start x_0
along a field v to another item x_1 of the class:

    minimize E || v(x_t, t, x) - (x_1 - x_0) ||^2,     x_t = (1 - t) x_0 + t x_1,   t uniform

It starts from noise, or from noise about x itself. The better start, by classifiers of the validation characters, is
judged on the unseen ones as in dagan_omniglot.py, beside short trainings of both. Writes results/flow_matching.json.

    python experiments/flow_matching.py --root DATA
"""

import math
import time
from copy import deepcopy
from typing import ClassVar

import numpy as np
import torch
from classifier import best_given
from classifier_arms import compared, evaluated, trained
from dagan_omniglot import CLASSES, MADE, MODELS, SEEDS, config_of, shots_of
from run_and_record import parse_options, write
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.augment import Op, Plan
from manyshot.base import quieten
from manyshot.generate import Batches, GenerativeModel
from manyshot.generate.generative_model import Code, Condition, Conditioning
from manyshot.generate.generator_config import load_generator_sources
from manyshot.generate.networks import norm_relu
from manyshot.runtime.clock import cpu_seconds
from manyshot.tasks import Source

SHOTS, CLASSIFIERS, CLASSIFIER_STEPS = 1, 3, 300
FEW_STEPS = 2500
"""Of DAGAN and of the autoencoder."""
STARTS = {"noise": (0.0, 1.0), "noise about the item shown": (1.0, 0.2)}
"""How much of the item shown, and of noise, a start has."""
WIDTH, BATCH, RATE, INTEGRATION_STEPS = 32, 64, 1e-3, 8
WAVES = 16


class Block(nn.Module):
    """Two convolutions beside the identity, told the time between them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.tint, self.norm = nn.Linear(2 * WAVES, width), norm_relu(width)
        self.last = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.last.weight)

    def forward(self, maps: Tensor, waves: Tensor) -> Tensor:
        """Look, and add."""
        changed: Tensor = self.last(self.norm(self.first(maps) + self.tint(waves)[:, :, None, None]))
        return maps + changed


class Field(nn.Module):
    """v(x_t, t, x): a small U-Net on 2 x 2 pixels as channels, with a fully connected layer at its bottom."""

    def __init__(self, channels: int, size: int, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(8 * channels, width, 3, padding=1)
        self.large = nn.ModuleList([Block(width), Block(width)])
        self.down, self.up = nn.Conv2d(width, 2 * width, 4, 2, 1), nn.ConvTranspose2d(2 * width, width, 4, 2, 1)
        self.small = nn.ModuleList([Block(2 * width), Block(2 * width)])
        bottom = 2 * width * (size // 4) ** 2
        self.whole = nn.Sequential(nn.Flatten(), nn.Linear(bottom, 256), nn.ReLU(), nn.Linear(256, bottom))
        self.last = nn.Conv2d(width, 4 * channels, 3, padding=1)
        self.register_buffer("rates", torch.logspace(0, 2, WAVES))

    def forward(self, x: Tensor, t: Tensor, shown: Tensor) -> Tensor:
        """Where to go from x at time t."""
        angles = t[:, None] * self.rates
        waves = torch.cat([angles.sin(), angles.cos()], 1)
        both = torch.cat([F.pixel_unshuffle(x, 2), F.pixel_unshuffle(shown, 2)], 1)
        large = self.large[0](self.first(both.contiguous(memory_format=torch.channels_last)), waves)
        small = self.down(large)
        for block in self.small:
            small = block(small, waves)
        small = small + self.whole(small).view_as(small)
        return F.pixel_shuffle(self.last(self.large[1](large + self.up(small), waves)), 2)


class Flow(GenerativeModel):
    """Another item of the class of one that is shown, at the end of a path that begins at noise."""

    conditioning: ClassVar[Conditioning] = "item"

    def __init__(self, shape: tuple[int, ...], start: tuple[float, float]) -> None:
        super().__init__(shape, math.prod(shape))
        self.field, self.parts = Field(shape[0], shape[1], WIDTH), start

    def start(self, noise: Tensor, shown: Tensor) -> Tensor:
        """x_0."""
        return self.parts[0] * shown + self.parts[1] * noise.view_as(shown)

    def code(self, condition: Condition) -> Code:
        """The item shown, from -1 to 1."""
        assert condition.like is not None
        return (2 * condition.like - 1,)

    def decode(self, noise: Tensor, code: Code) -> Tensor:
        """Follow the field by the midpoint rule."""
        (shown,) = code
        x, length = self.start(noise, shown), 1 / INTEGRATION_STEPS
        for step in range(INTEGRATION_STEPS):
            t = x.new_full((len(x),), step * length)
            middle = x + length / 2 * self.field(x, t, shown)
            x = x + length * self.field(middle, t + length / 2, shown)
        return ((x + 1) / 2).clamp(0, 1)


def learned(source: Source, start: tuple[float, float], seed: int, seconds: float) -> tuple[GenerativeModel, int]:
    """Train for so many CPU seconds; returns the model with averaged weights, and how many steps it took."""
    torch.manual_seed(seed)
    model = Flow(tuple(source.store.shape[1:]), start)
    averaged = deepcopy(model).eval().requires_grad_(False)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE, betas=(0.9, 0.99))
    batches, draws = Batches(source, "item", BATCH, seed), torch.Generator().manual_seed(seed)
    began, steps = time.process_time(), 0
    while (spent := time.process_time() - began) < seconds:
        for group in optimizer.param_groups:
            group["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * spent / seconds))
        batch = batches.batch(steps)
        (shown,), goal = model.code(batch.condition), 2 * batch.items - 1
        begin = model.start(torch.randn(BATCH, model.noise, generator=draws), shown)
        t = torch.rand(BATCH, generator=draws)
        at = torch.lerp(begin, goal, t[:, None, None, None])
        loss = F.mse_loss(model.field(at, t, shown), goal - begin)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        steps += 1
        torch._foreach_lerp_([*averaged.parameters()], [*model.parameters()], 1 - min(0.999, steps / (9 + steps)))
    return averaged, steps


def main() -> None:
    """Train, choose, evaluate, write."""
    options = parse_options(__doc__, "omniglot/", "runs/few_steps", "the trainings of DAGAN and the autoencoder")
    tiny = options.tiny
    quieten(True)
    seeds, classifiers, classes, classifier_steps = (
        ((0,), 1, 10, 4) if tiny else (SEEDS, CLASSIFIERS, CLASSES, CLASSIFIER_STEPS)
    )

    def by_arm(source: Source, models: dict[str, GenerativeModel], op: Op, seed: int) -> dict[str, np.ndarray]:
        rows = []
        for number in range(classifiers):
            real, test = shots_of(source, SHOTS, number)
            rows.append(evaluated(real, test, models, op, MADE, number, 1000 * seed + number, classifier_steps))
        # Too few classifiers to tell their noise from that of the seeds: intervals are over the means of seeds.
        return {arm: np.array([np.mean([row[arm] for row in rows])]) for arm in rows[0]}

    right: dict[str, list[np.ndarray]] = {}
    seconds: dict[str, list[float]] = {name: [] for name in MODELS}
    steps, by_start, chosen, given = [], {}, "", ""
    for seed in seeds:
        models = {}
        for name in MODELS:
            folder = options.runs / f"{name}-{seed}"
            models[name] = trained(config_of(name, options.root, seed, tiny, FEW_STEPS), folder).model
            seconds[name].append(cpu_seconds(folder))
        parts = load_generator_sources(config_of("dagan", options.root, seed, tiny, FEW_STEPS), "item")
        flows = {}
        if not chosen:
            given = best_given(*shots_of(parts.validation, SHOTS, 0), seed, classifier_steps)
            flows = {name: learned(parts.training, start, seed, seconds["dagan"][0]) for name, start in STARTS.items()}
            result = by_arm(
                parts.validation, {name: model for name, (model, _) in flows.items()}, Plan(given).item_op(), seed
            )
            by_start = {start: float(result[start].mean()) for start in STARTS}
            chosen = max(by_start, key=by_start.get)
            print(by_start, flush=True)
        flow, taken = flows.get(chosen) or learned(parts.training, STARTS[chosen], seed, seconds["dagan"][-1])
        steps.append(taken)
        unseen = parts.test.subset(classes=parts.test.class_names[:classes])
        for arm, rows in by_arm(unseen, {"flow": flow, **models}, Plan(given).item_op(), seed).items():
            right.setdefault(arm, []).append(rows)
        print(seed, {arm: round(rows[-1].mean(), 3) for arm, rows in right.items()}, flush=True)
    if not tiny:
        facts = {
            "seeds": len(seeds),
            "classes": CLASSES,
            "classifiers": classifiers,
            "generated": MADE,
            "augmented": given,
        }
        facts |= {"start": chosen, "validation": by_start, "cpu_seconds": seconds, "steps": steps}
        facts |= {"classifier_steps": classifier_steps, "other_steps": FEW_STEPS}
        result = {str(SHOTS): compared(right, "nothing", "augmented", "dagan")}
        write("flow_matching", {"command": "python experiments/flow_matching.py", **facts, "shots": result})


if __name__ == "__main__":
    main()
