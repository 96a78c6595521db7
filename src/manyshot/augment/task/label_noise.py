"""Noise on targets, shared by a task (Rajendran, Irpan and Jang 2020)."""

from dataclasses import dataclass, replace

import torch
from torch import Generator

from manyshot.augment.ops.op import Params, check_choice, check_number
from manyshot.augment.task.task_op import TaskOp, choose_tasks
from manyshot.base import InputError
from manyshot.tasks import Episode


@dataclass(frozen=True)
class LabelNoise(TaskOp):
    """Add one number to all targets of a task, in support and query alike.

    y' = y + strength * e_t,   e_t ~ U(-1, 1) or N(0, 1), one draw per task and output

    All items of support and query share the draw. The target of an item can then not be predicted without the support,
    so that a learner that memorized its training tasks instead of adapting is wrong: the op raises the entropy of the
    targets given the items. For regression; `permute_labels` does the same to classes.

    Args:
        strength: Factor of the noise.
        kind: Distribution of the noise, "uniform" or "normal".
        p: Probability that a task is changed.

    Raises:
        InputError: For a value out of range; on applying, for tasks with classes.

    Example:
        >>> from manyshot.tasks import Examples
        >>> side = Examples(torch.rand(1, 2, 1), torch.zeros(1, 2, 1), torch.ones(1, 2), torch.ones(1, 1) > 0)
        >>> params = {"on": torch.tensor([True]), "noise": torch.tensor([[0.5]])}
        >>> moved = LabelNoise(2.0).apply(Episode(side, side, torch.tensor([[0]])), params)
        >>> moved.support.labels.flatten(), moved.query.labels.flatten()
        (tensor([1., 1.]), tensor([1., 1.]))
    """

    strength: float = 1.0
    kind: str = "uniform"
    p: float = 1.0

    def __post_init__(self) -> None:
        check_number(self, "strength", high=1e6)
        check_choice(self, "kind", ("uniform", "normal"))
        check_number(self, "p", high=1)

    def sample(self, tasks: int, ways: int, generator: Generator) -> Params:
        """Draw `on [T]`, booleans, and `noise [T, outputs]`."""
        on = choose_tasks(self.p, tasks, generator)
        if self.kind == "normal":
            return {"on": on, "noise": torch.randn(tasks, ways, generator=generator)}
        return {"on": on, "noise": 2 * torch.rand(tasks, ways, generator=generator) - 1}

    def apply(self, episode: Episode, params: Params) -> Episode:
        """Add the noise to the targets of both sides."""
        if episode.has_classes:
            raise InputError(
                "LabelNoise is for targets of a regression, and these tasks have classes; use permute_labels"
            )
        noise = self.strength * params["noise"] * params["on"][:, None]
        support, query = (
            replace(side, labels=side.labels + noise.to(side.labels)[:, None])
            for side in (episode.support, episode.query)
        )
        return replace(episode, support=support, query=query)
