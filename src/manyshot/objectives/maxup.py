"""Meta-MaxUp: the hardest of several augmentations (Ni, Goldblum, Sharaf, Kong and Goldstein 2021)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.ops.op import check_number
from manyshot.base import InputError
from manyshot.learners import Learner
from manyshot.learners.learner import weighted_mean
from manyshot.objectives.objective import StepTasks


@dataclass(frozen=True)
class MaxUp:
    """Minimize the largest loss of each query example over several draws of the plan (Meta-MaxUp).

    L = 1/T sum_t sum_i w_i max over j of l(learner adapted to S_tj; q_tij) / sum_i w_i,   S_tj, q_tij drawn by the plan

    Every draw applies all placements of the plan, so support, query and classes vary together; query example i of one
    draw is compared with example i of the others. It needs the time and memory of `draws` plain steps.

    Where it differs from the paper: each draw in the paper uses one augmentation of a pool for all tasks of a step;
    here a pool is `oneof(...)` in the plan, which chooses for each example.

    Args:
        draws: Number of draws of the plan.

    Raises:
        InputError: If `draws` is not from 2 to 64.

    Example:
        >>> from manyshot.augment import Plan
        >>> from manyshot.learners import Prototypes
        >>> from manyshot.tasks import EpisodeSampler, Source
        >>> source = Source.of(torch.rand(80, 1, 8, 8), [f"class {i % 4}" for i in range(80)])
        >>> tasks = StepTasks(EpisodeSampler(source, ways=3).batch(0, 2), Plan("query: noise(0.5)"), (0,))
        >>> learner = Prototypes(torch.nn.Flatten())
        >>> bool(MaxUp(4).loss(learner, tasks, torch.Generator()) > learner.loss(tasks.draw()))
        True
    """

    draws: int = 4

    needs_plan: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_number(self, "draws", low=2, high=64, whole=True)

    def loss(self, learner: Learner, tasks: StepTasks, generator: Generator) -> Float[Tensor, ""]:
        """The mean of the largest losses; random numbers come from the plan's draws only."""
        if not learner.has_query_losses:
            raise InputError(f"maxup: {type(learner).__name__} has no loss of each query example; use another learner")
        losses, weights = [], []
        for index in range(self.draws):
            episode = tasks.own(tasks.draw(index))
            weight = episode.query.weight
            losses.append(learner.query_losses(episode).masked_fill(weight <= 0, -torch.inf))
            weights.append(weight)
        largest, hardest = torch.stack(losses).max(0)
        return weighted_mean(largest, torch.stack(weights).gather(0, hardest[None])[0]).mean()
