"""What an objective is: the loss of a training step, where it is more than the learner's own."""

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
    """The tasks of a training step and the plan that augments them, as often as an objective asks.

    Args:
        clean: T tasks as they were sampled.
        plan: their augmentation.
        address: words that the draws are made from, such as (seed, "plan", step); the last one is the step's number.
        share: which of the T tasks this process learns from, where several processes share a step; all otherwise.

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
    share: slice | None = None

    @property
    def step(self) -> int:
        """How many steps the training has taken before this one."""
        return int(self.address[-1])

    def draw(self, number: int = 0) -> Episode:
        """The tasks, augmented by draw `number` of the plan; draw 0 is the one that a plain training sees."""
        words = self.address if number == 0 else (*self.address, number)
        return self.plan.apply(self.clean, seeds.generator(*words))

    def own(self, episode: Episode) -> Episode:
        """This process's share of the step's tasks, once nothing more is drawn for them or mixed among them.

        Every process draws for all T tasks, so that the draws do not depend on the number of processes.
        """
        return episode if self.share is None else episode[self.share]


@runtime_checkable
class Objective(Protocol):
    """What meta-training minimises. Every objective is a frozen dataclass of plain values.

    `loss` is a function of its arguments alone: all randomness comes from the plan's draws and from the generator, so
    that a step can be repeated, and a killed run goes on with the same bits. What the learner is given last goes
    through `StepTasks.own`, so that several processes can share a step.
    """

    needs_plan: ClassVar[bool]
    """Whether it would change nothing without a plan that draws."""

    def loss(self, learner: Learner, tasks: StepTasks, generator: Generator) -> Float[Tensor, ""]:
        """The loss of one step, the mean over the tasks of this process's share.

        Args:
            learner: what is trained.
            tasks: of the step.
            generator: of the step; gives the objective's own draws.

        Raises:
            InputError: if it cannot be used with this learner or these tasks.
        """
        ...
