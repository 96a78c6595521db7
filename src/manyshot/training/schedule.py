"""Optimizers and learning rate schedules, by the names that settings give them."""

import math
from collections.abc import Callable

from torch.optim import SGD, AdamW, Optimizer

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "adamw": AdamW,
    "sgd": lambda parameters, **options: SGD(parameters, momentum=0.9, nesterov=True, **options),
}

SCHEDULES: dict[str, Callable[[float], float]] = {
    "cosine": lambda done: 0.5 * (1 + math.cos(math.pi * done)),
    "constant": lambda done: 1.0,
    "step": lambda done: 0.5 ** math.floor(5 * done),
}
"""Learning rate, as a fraction of the highest one, once a fraction of the steps is done. These are plain functions,
so a training that resumes has no scheduler's state to restore."""
