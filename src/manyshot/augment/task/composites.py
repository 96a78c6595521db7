"""Classes put together from two classes, as new classes of a task (task mixup of Ni et al. 2021)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.op import Params, check_choice, check_number, uniform
from manyshot.augment.task.base import TaskOp, require_classes, which, with_classes
from manyshot.base import InputError
from manyshot.tasks import Episode, Examples
from manyshot.tasks.places import gather_items, place_of

LARGEST_CUT = 0.3
"""How far from the middle a picture is cut, as a share of half its side."""


@dataclass(frozen=True)
class Composites(TaskOp):
    """Add classes that are two classes of the task put together: each item shows one item of either.

    halves: one on this side of a cut, the other beyond it;   mean: (a + b) / 2;   max: the brighter of the two

    What is shared: which two classes, and where and in which direction the cut runs, are one draw a new class, the same
    for its support and query items. Item number i of the new class is made of items number i of the two.

    Args:
        how: "halves", "mean" or "max".
        count: new classes a task; pairs go round a circle of the task's classes in random order.
        p: share of tasks that get them.

    Raises:
        InputError: for a value out of range; on applying, for tasks without classes or items that are no pictures.

    Example:
        >>> dark, light = torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)
        >>> side = Examples(torch.stack([dark, light], 1), torch.eye(2)[None], torch.ones(1, 2), torch.ones(1, 2) > 0)
        >>> op = Composites("mean")
        >>> more = op.apply(Episode(side, side, torch.tensor([[3, 5]])), op.sample(1, 2, torch.Generator()))
        >>> more.support.hard.tolist(), more.query.items[0, 2].unique()
        ([[0, 1, 2]], tensor([0.5000]))
    """

    how: str = "halves"
    count: int = 1
    p: float = 1.0

    def __post_init__(self) -> None:
        check_choice(self, "how", ("halves", "mean", "max"))
        check_number(self, "count", low=1, high=20, whole=True)
        check_number(self, "p", high=1)

    def sample(self, tasks: int, ways: int, generator: Generator) -> Params:
        """Draw `on [T]`, `rank [T, ways]` (the order of the classes), `cut [T, count]`, -1 to 1, `down [T, count]`."""
        new = tasks * self.count
        return {
            "on": which(self.p, tasks, generator),
            "rank": torch.rand(tasks, ways, generator=generator),
            "cut": uniform(new, -LARGEST_CUT, LARGEST_CUT, generator).view(tasks, self.count),
            "down": (torch.rand(new, generator=generator) < 0.5).view(tasks, self.count),
        }

    def apply(self, episode: Episode, params: Params) -> Episode:
        """Put the classes together; uint8 pictures are rounded."""
        require_classes(episode, self)
        here = episode.support.present
        order = params["rank"].to(here.device).masked_fill(~here, 2).argsort(1)
        there = here.sum(1, keepdim=True)
        number = torch.arange(self.count, device=here.device)
        pair = torch.stack([order.gather(1, (number + step) % there) for step in (0, 1)])
        present = (params["on"].to(here.device)[:, None] & (number < there)) & (there > 1)
        support, query = (self._joined(side, pair, present, params) for side in (episode.support, episode.query))
        return Episode(support, query, torch.cat([episode.classes, torch.full_like(pair[0], -1)], 1))

    def most_ways(self, ways: int) -> int:
        """So many more."""
        return ways + self.count

    def _joined(self, side: Examples, pair: Tensor, present: Tensor, params: Params) -> Examples:
        if not isinstance(side.items, Tensor) or side.items.ndim != 5:
            raise InputError("Composites: only pictures can be put together; leave it out for other items")
        tasks = len(side.present)
        counts = ((side.weight > 0)[..., None] & (side.labels > 0)).sum(1)
        each = max(int(counts.max()), 1)
        # Item i of new class k stands at place k * each + i.
        number = torch.arange(each, device=pair.device).repeat(self.count).expand(tasks, -1)
        first, second = (way.repeat_interleave(each, 1) for way in pair)
        (place, _), (other, _) = (place_of(side, way, number) for way in (first, second))
        both = (number < counts.gather(1, first)) & (number < counts.gather(1, second))
        weight = side.weight.gather(1, place) * both * present.repeat_interleave(each, 1)
        made = self._together(
            gather_items(side.items, place),
            gather_items(side.items, other),
            params["cut"].to(pair.device).repeat_interleave(each, 1),
            params["down"].to(pair.device).repeat_interleave(each, 1),
        )
        labels = torch.eye(self.count, device=pair.device).repeat_interleave(each, 0).to(side.labels)
        return with_classes(side, made, labels.expand(tasks, -1, -1), weight, present, place)

    def _together(self, a: Tensor, b: Tensor, cut: Float[Tensor, "t m"], down: Tensor) -> Tensor:
        if self.how == "max":
            return torch.maximum(a, b)
        if self.how == "mean":
            return (a + b) / 2 if a.is_floating_point() else ((a.int() + b.int() + 1) // 2).to(a.dtype)
        y, x = ((2 * torch.arange(size, device=a.device) + 1) / size - 1 for size in a.shape[-2:])
        beyond = torch.where(down[..., None, None], y[:, None] > cut[..., None, None], x[None] > cut[..., None, None])
        return torch.where(beyond[:, :, None], b, a)
