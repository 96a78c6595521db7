"""Train the predictor of `auto` on tasks whose gains under every candidate are known."""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn import functional as F

from manyshot.base.seeds import generator
from manyshot.meta_augment.auto.bank import Looks
from manyshot.meta_augment.auto.predictor import GainPredictor

Objective = Literal["regression", "choice", "both"]


@dataclass(frozen=True, eq=False)
class KnownTasks:
    """Tasks, what is seen of them, and what every candidate gains.

    Args:
        seen: Of n tasks.
        gains: Accuracy gained over no augmentation `[n, candidates]`.
        weight: How often each is drawn, relative to the others.
    """

    seen: Looks
    gains: Float[Tensor, "n candidates"]
    weight: Float[Tensor, " n"]

    def select(self, rows: Tensor) -> "KnownTasks":
        """Some of the tasks."""
        seen = Looks(self.seen.task[rows], self.seen.moves[rows], self.seen.gains[rows])
        return KnownTasks(seen, self.gains[rows], self.weight[rows])

    def to(self, device: torch.device | str) -> "KnownTasks":
        """The same on a device."""
        seen = Looks(*(part.to(device) for part in (self.seen.task, self.seen.moves, self.seen.gains)))
        return KnownTasks(seen, self.gains.to(device), self.weight.to(device))


@dataclass(frozen=True)
class PredictorTraining:
    """How a predictor is trained.

    Args:
        objective: "regression" predicts each gain, by squared error; "choice" maximizes the expected gain under a
            softmax choice by the predictions, which is exact and differentiable since all gains are known; "both"
            adds them up.
        steps: Steps of Adam.
        batch: Tasks of a step.
        rate: Largest learning rate; it falls by a cosine.
        decay: Decoupled weight decay.
        temperature: Of the softmax choice, in accuracy.
        blind: Whether the predictor is shown nothing but shots and ways: one policy for all tasks.
        seed: Of weights and batches.
    """

    objective: Objective = "both"
    steps: int = 1500
    batch: int = 256
    rate: float = 3e-3
    decay: float = 1e-2
    temperature: float = 0.01
    blind: bool = False
    seed: int = 0


def blindfold(seen: Looks) -> Looks:
    """What is left if only the size of a task may be seen."""
    task = torch.zeros_like(seen.task)
    task[:, -6:-3] = seen.task[:, -6:-3]  # ways, shots, several shots
    return replace(seen, task=task, moves=torch.zeros_like(seen.moves), gains=torch.zeros_like(seen.gains))


def train_predictor(tasks: KnownTasks, how: PredictorTraining) -> GainPredictor:
    """Train one predictor.

    Args:
        tasks: On the device to train on.
        how: Objective and length.
    """
    random: Generator = generator(how.seed, 11)
    tasks = replace(tasks, seen=blindfold(tasks.seen)) if how.blind else tasks
    weight, device = tasks.weight.cpu(), tasks.gains.device
    with torch.random.fork_rng(devices=[]):  # weights and dropout draw from torch's own stream
        torch.manual_seed(how.seed)
        predictor = GainPredictor()
        predictor.fit_scale(tasks.seen)
        predictor.to(device).train()
        optimizer = torch.optim.AdamW(predictor.parameters(), how.rate, weight_decay=how.decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, how.rate, how.steps, pct_start=0.1)
        for _ in range(how.steps):
            rows = torch.multinomial(weight, how.batch, replacement=True, generator=random)
            part = tasks.select(rows.to(device))
            loss = predictor_loss(predictor(part.seen), part.gains, how)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    return predictor.eval()


def predictor_loss(predicted: Tensor, gains: Tensor, how: PredictorTraining) -> Tensor:
    """What training minimizes.

    Args:
        predicted: Predicted gains `[n, candidates]`.
        gains: True gains.
        how: Objective and temperature.

    Example:
        >>> gains = torch.tensor([[0.0, 0.1]])
        >>> how = PredictorTraining(objective="choice")
        >>> bool(predictor_loss(gains, gains, how) < predictor_loss(-gains, gains, how))
        True
    """
    regression = 100 * F.mse_loss(predicted, gains)
    expected = ((predicted / how.temperature).softmax(1) * gains).sum(1).mean()
    if how.objective == "regression":
        return regression
    return -10 * expected + (regression if how.objective == "both" else 0)
