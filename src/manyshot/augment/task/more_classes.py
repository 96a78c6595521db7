"""Changed classes as new classes of the same task (Liu, Chao and Lin 2020; Ni et al. 2021)."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool
from torch import Generator, Tensor

from manyshot.augment.ops.op import Op, Params, check_number, take
from manyshot.augment.ops.variants import apply_in_tasks
from manyshot.augment.task.shared_draws import class_rows
from manyshot.augment.task.task_op import TaskOp, add_classes, choose_tasks, require_classes
from manyshot.tasks import Episode, Examples


@dataclass(frozen=True)
class MoreClasses(TaskOp):
    """Add every class of a task once more, changed: a letter and the same letter on its side become two classes.

    The op is drawn once per class, for its support and query items alike. A class that the op leaves unchanged, such as
    by a rotation of 0 degrees, is not added, since the task would have it twice. Tasks can then have twice as many
    classes.

    Args:
        op: The op that changes a class, such as `turn`.
        p: Probability that a task gets new classes.

    Raises:
        InputError: For a p outside 0 to 1; on applying, for tasks without classes.

    Example:
        >>> from manyshot.augment.image import Flip
        >>> side = Examples.of(torch.rand(1, 2, 1, 8, 8), torch.arange(2))
        >>> op = MoreClasses(Flip(p=1.0))
        >>> more = op.apply(Episode(side, side, torch.tensor([[3, 5]])), op.sample(1, 2, torch.Generator()))
        >>> more.support.class_ids.tolist(), more.classes.tolist()
        ([[0, 1, 2, 3]], [[3, 5, -1, -1]])
        >>> more.query.items[:, 2:].equal(side.items.flip(-1))
        True
    """

    op: Op
    p: float = 1.0

    def __post_init__(self) -> None:
        check_number(self, "p", high=1)

    def sample(self, tasks: int, ways: int, generator: Generator) -> Params:
        """Draw `on [T]`, booleans, and the op's params of T * ways classes under `inner`."""
        return {"on": choose_tasks(self.p, tasks, generator), "inner": self.op.sample(tasks * ways, generator)}

    def apply(self, episode: Episode, params: Params) -> Episode:
        """Change the items of every class by its params, and add them as new classes."""
        require_classes(episode, self)
        sides = (episode.support, episode.query)
        generated = [
            apply_in_tasks(self.op, s.items, take(params["inner"], class_rows(s)), s.weight, False) for s in sides
        ]
        changed = torch.stack([_changed(s, items) for s, items in zip(sides, generated, strict=True)]).any(0)
        present = episode.support.class_mask & changed & params["on"].to(changed.device)[:, None]
        support, query = (_joined(s, items, present) for s, items in zip(sides, generated, strict=True))
        return Episode(support, query, torch.cat([episode.classes, torch.full_like(episode.classes, -1)], 1))

    def most_ways(self, ways: int) -> int:
        """Twice as many as before."""
        return 2 * ways


def _changed(side: Examples, items: Any) -> Bool[Tensor, "t ways"]:  # noqa: ANN401 - a tensor, or lists for text
    """Which classes have an item that changed."""
    if isinstance(items, Tensor):
        other = (items != side.items).flatten(2).any(2)
    else:
        other = torch.tensor(
            [[a != b for a, b in zip(*rows, strict=True)] for rows in zip(items, side.items, strict=True)]
        )
    other = other.to(side.weight.device) & (side.weight > 0)
    result: Tensor = ((side.labels > 0) & other[..., None]).any(1)
    return result


def _joined(side: Examples, items: Any, present: Bool[Tensor, "t ways"]) -> Examples:  # noqa: ANN401 - as above
    weight = side.weight * present.gather(1, side.class_ids)
    origin = torch.arange(weight.shape[1], device=weight.device).expand_as(weight)
    return add_classes(side, items, side.labels, weight, present, origin)
