"""The plain objective: the loss of the learner."""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.learners import Learner
from manyshot.objectives.objective import StepTasks


@dataclass(frozen=True)
class Plain:
    """The loss of the learner on the augmented tasks.

    Example:
        >>> import torch
        >>> from manyshot.augment import Plan
        >>> from manyshot.learners import Prototypes
        >>> from manyshot.tasks import EpisodeSampler, Source
        >>> source = Source.of(torch.rand(80, 6), [f"class {i % 4}" for i in range(80)])
        >>> tasks = StepTasks(EpisodeSampler(source, ways=3).batch(0, 2), Plan(), (0,))
        >>> loss = Plain().loss(Prototypes(torch.nn.Linear(6, 6)), tasks, torch.Generator())
        >>> loss.shape
        torch.Size([])
    """

    needs_plan: ClassVar[bool] = False

    def loss(self, learner: Learner, tasks: StepTasks, generator: Generator) -> Float[Tensor, ""]:
        """The loss of the learner, without random numbers of its own."""
        return learner.loss(tasks.own(tasks.draw()))
