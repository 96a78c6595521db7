"""The interface of objectives, the losses of training steps."""

from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment import Plan
from manyshot.base import seeds
from manyshot.learners import Learner
from manyshot.tasks import Episode


@dataclass(frozen=True, eq=False)
class StepTasks:
    """The tasks of a training step and the plan that augments them, as often as an objective needs.

    Args:
        clean: T tasks as they were sampled.
        plan: Plan that augments them.
        address: Address of the random numbers, such as (seed, "plan", step); its last element is the step.
        task_slice: Slice of the T tasks that this process trains on, if several processes share a step; None for all.

    Example:
        >>> from manyshot.tasks import EpisodeSampler, Source
        >>> import torch
        >>> images, labels = torch.zeros(40, 1, 8, 8, dtype=torch.uint8), [f"class {i % 4}" for i in range(40)]
        >>> clean = EpisodeSampler(Source.of(images, labels), ways=3, shots=1, queries=2).batch(0, 2)
        >>> tasks = StepTasks(clean, Plan("query: noise"), (0, "plan", 7))
        >>> first, second = tasks.draw().query.items, tasks.draw(1).query.items
        >>> first.equal(second), first.equal(tasks.draw().query.items)
        (False, True)
    """

    clean: Episode
    plan: Plan
    address: tuple[int | str, ...]
    task_slice: slice | None = None

    @property
    def step(self) -> int:
        """The number of training steps before this one."""
        return int(self.address[-1])

    def draw(self, number: int = 0) -> Episode:
        """The tasks, augmented by a draw of the plan.

        Args:
            number: Index of the draw; the plain objective uses draw 0.
        """
        words = self.address if number == 0 else (*self.address, number)
        return self.plan.apply(self.clean, seeds.generator(*words))

    def own(self, episode: Episode) -> Episode:
        """The tasks that this process trains on; call it after all random draws and all mixing among tasks.

        Every process draws for all T tasks, so that the draws do not depend on the number of processes.

        Args:
            episode: All T tasks.
        """
        return episode if self.task_slice is None else episode[self.task_slice]


@runtime_checkable
class Objective(Protocol):
    """A loss that meta-training minimizes. Every objective is a frozen dataclass of plain values.

    `loss` depends on its arguments alone: all randomness comes from the plan's draws and the generator, so that a step
    can be repeated and an interrupted run continues identically. The episode that the learner takes goes through
    `StepTasks.own`, so that several processes can share a step.
    """

    needs_plan: ClassVar[bool]
    """Whether it has no effect without a random plan."""

    def loss(self, learner: Learner, tasks: StepTasks, generator: Generator) -> Float[Tensor, ""]:
        """The loss of one step, the mean over the tasks of this process.

        Args:
            learner: Learner that is trained.
            tasks: Tasks of the step.
            generator: Random number generator of the step, for the objective's own draws.

        Raises:
            InputError: If the objective does not support this learner or these tasks.
        """
        ...
