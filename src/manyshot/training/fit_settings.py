"""Settings of the training loop."""

import math
from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass

from torch import nn
from torch.optim import Optimizer

from manyshot.base import InputError, did_you_mean, is_whole
from manyshot.runtime.loop_settings import LoopSettings
from manyshot.training.schedule import OPTIMIZERS, SCHEDULES

MAX_TASKS = 10_000
"""Upper bound of the tasks of a step, which all lie in memory at once; catches typos."""


@dataclass(frozen=True)
class Settings(LoopSettings):
    """Settings of the training loop: steps, optimizer, learning rate, and how often to evaluate and save.

    Args:
        steps: Number of updates.
        meta_batch_size: T, number of tasks per step.
        learning_rate: Highest learning rate.
        optimizer: "adamw" or "sgd" (with Nesterov momentum 0.9).
        weight_decay: Weight decay; decoupled for AdamW, added to the gradient for SGD.
        grad_clip: Largest norm of the gradient; a larger one is scaled down to it.
        schedule: "cosine" (to 0 at the last step), "constant", or "step" (halved after each fifth of the steps).
        warmup_steps: Steps over which the learning rate grows linearly from 0.
        eval_every: Steps between two evaluations on validation tasks.
        validation_tasks: Number of validation tasks.
        save_every: Steps between two checkpoints.
        seed: Seed of the weights and of the plan's draws; a sampler has its own.
        device: "cpu", "cuda", ...

    Raises:
        InputError: If a value is out of range.
    """

    steps: int = 2000
    meta_batch_size: int = 4
    learning_rate: float = 1e-3
    _: KW_ONLY
    optimizer: str = "adamw"
    weight_decay: float = 0.0
    grad_clip: float = 10.0
    schedule: str = "cosine"
    warmup_steps: int = 50
    eval_every: int = 500
    validation_tasks: int = 200
    save_every: int = 200

    def check(self) -> None:
        """Refuse numbers that are out of range; called once all settings are plain numbers."""
        for name in ("steps", "meta_batch_size", "eval_every", "validation_tasks", "save_every"):
            if not (is_whole(getattr(self, name)) and getattr(self, name) >= 1):
                raise InputError(f"{name}={getattr(self, name)}: give a whole number, at least 1")
        if self.meta_batch_size > MAX_TASKS:
            raise InputError(f"meta_batch_size={self.meta_batch_size}: give at most {MAX_TASKS:,}")
        for name in ("learning_rate", "grad_clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise InputError(f"{name}={getattr(self, name)}: give a positive number")
        for name in ("warmup_steps", "weight_decay"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"{name}={getattr(self, name)}: give at least 0")
        for name, table in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
            if getattr(self, name) not in table:
                raise InputError(f"{name}='{getattr(self, name)}': {did_you_mean(getattr(self, name), table)}")

    def make_optimizer(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        """A new optimizer of the parameters.

        Example:
            >>> type(Settings().make_optimizer(nn.Linear(2, 1).parameters())).__name__
            'AdamW'
        """
        return OPTIMIZERS[self.optimizer](parameters, lr=self.learning_rate, weight_decay=self.weight_decay)

    def learning_rate_at(self, step: int) -> float:
        """The learning rate of a step: a linear warm-up, times the schedule.

        Args:
            step: Number of the step, from 0.

        Example:
            >>> settings = Settings(steps=100, learning_rate=1.0, warmup_steps=10)
            >>> [round(settings.learning_rate_at(step), 2) for step in (0, 9, 50, 99)]
            [0.1, 0.98, 0.5, 0.0]
        """
        warmup = min(1.0, (step + 1) / self.warmup_steps) if self.warmup_steps else 1.0
        return self.learning_rate * warmup * SCHEDULES[self.schedule](step / self.steps)
