"""New classes of a task, composed of two of its classes (task mixup of Ni et al. 2021)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Generator, Tensor
from torch.nn import functional as F

from manyshot.augment.ops.op import Params, check_choice, check_number, uniform
from manyshot.augment.task.task_op import TaskOp, add_classes, choose_tasks, require_classes
from manyshot.base import InputError
from manyshot.tasks import Episode, Examples
from manyshot.tasks.class_index import gather_items, index_of

LARGEST_CUT = 0.3
"""Largest distance of a cut from the center of an image, as a fraction of half its side."""


@dataclass(frozen=True)
class Composites(TaskOp):
    """Add classes that combine two classes of the task: each item shows one item of each.

    halves: one on each side of a cut;   mean: (a + b) / 2;   max: the pixelwise maximum
    arranged: both whole, scaled down and moved: beside, above or over each other, or one small inside the other;
    the pixelwise maximum where they overlap. For drawings, since some letters are composed of other letters.

    The two classes and the cut or arrangement are drawn once per new class, for its support and query items alike. Item
    i of the new class combines items i of the two classes.

    Args:
        how: How the items are combined: "halves", "mean", "max" or "arranged".
        count: Number of new classes per task; they combine neighbors of the task's classes in a random circular order.
        p: Probability that a task gets new classes.

    Raises:
        InputError: For a value out of range; on applying, for tasks without classes or items that are not images.

    Example:
        >>> dark, light = torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)
        >>> side = Examples.of(torch.stack([dark, light], 1), torch.arange(2))
        >>> op = Composites("mean")
        >>> more = op.apply(Episode(side, side, torch.tensor([[3, 5]])), op.sample(1, 2, torch.Generator()))
        >>> more.support.class_ids.tolist(), more.query.items[0, 2].unique()
        ([[0, 1, 2]], tensor([0.5000]))
    """

    how: str = "halves"
    count: int = 1
    p: float = 1.0

    def __post_init__(self) -> None:
        check_choice(self, "how", ("halves", "mean", "max", "arranged"))
        check_number(self, "count", low=1, high=20, whole=True)
        check_number(self, "p", high=1)

    def sample(self, tasks: int, ways: int, generator: Generator) -> Params:
        """Draw `on [T]`, `rank [T, ways]` (the order of the classes), `cut [T, count]`, -1 to 1, `down [T, count]`.

        For "arranged" also `maps [T, count, 2, 2, 3]`: from the coordinates of the composite to those of each class.
        """
        new = tasks * self.count
        drawn = {
            "on": choose_tasks(self.p, tasks, generator),
            "rank": torch.rand(tasks, ways, generator=generator),
            "cut": uniform(new, -LARGEST_CUT, LARGEST_CUT, generator).view(tasks, self.count),
            "down": (torch.rand(new, generator=generator) < 0.5).view(tasks, self.count),
        }
        if self.how == "arranged":
            drawn["maps"] = _arrangements(new, generator).view(tasks, self.count, 2, 2, 3)
        return drawn

    def apply(self, episode: Episode, params: Params) -> Episode:
        """Combine the classes; uint8 images are rounded."""
        require_classes(episode, self)
        present = episode.support.class_mask
        order = params["rank"].to(present.device).masked_fill(~present, 2).argsort(1)
        counts = present.sum(1, keepdim=True)
        number = torch.arange(self.count, device=present.device)
        pair = torch.stack([order.gather(1, (number + step) % counts) for step in (0, 1)])
        added = (params["on"].to(present.device)[:, None] & (number < counts)) & (counts > 1)
        support, query = (self._combined(side, pair, added, params) for side in (episode.support, episode.query))
        return Episode(support, query, torch.cat([episode.classes, torch.full_like(pair[0], -1)], 1))

    def most_ways(self, ways: int) -> int:
        """`count` more than before."""
        return ways + self.count

    def _combined(self, side: Examples, pair: Tensor, added: Tensor, params: Params) -> Examples:
        if not isinstance(side.items, Tensor) or side.items.ndim != 5:
            raise InputError("Composites: only images can be combined; leave it out for other items")
        tasks = len(side.class_mask)
        counts = ((side.weight > 0)[..., None] & (side.labels > 0)).sum(1)
        each = max(int(counts.max()), 1)
        # Item i of new class k has index k * each + i.
        number = torch.arange(each, device=pair.device).repeat(self.count).expand(tasks, -1)
        first, second = (way.repeat_interleave(each, 1) for way in pair)
        (first_index, _), (second_index, _) = (index_of(side, way, number) for way in (first, second))
        both = (number < counts.gather(1, first)) & (number < counts.gather(1, second))
        weight = side.weight.gather(1, first_index) * both * added.repeat_interleave(each, 1)
        parts = gather_items(side.items, first_index), gather_items(side.items, second_index)
        if self.how == "arranged":
            maps = params["maps"].to(pair.device).repeat_interleave(each, 1)
            items = torch.maximum(*(_moved(part, maps[:, :, number]) for number, part in enumerate(parts)))
        else:
            cut, down = (params[name].to(pair.device).repeat_interleave(each, 1) for name in ("cut", "down"))
            items = self._blend(*parts, cut, down)
        labels = torch.eye(self.count, device=pair.device).repeat_interleave(each, 0).to(side.labels)
        return add_classes(side, items, labels.expand(tasks, -1, -1), weight, added, first_index)

    def _blend(self, a: Tensor, b: Tensor, cut: Float[Tensor, "t m"], down: Tensor) -> Tensor:
        if self.how == "max":
            return torch.maximum(a, b)
        if self.how == "mean":
            return (a + b) / 2 if a.is_floating_point() else ((a.int() + b.int() + 1) // 2).to(a.dtype)
        y, x = ((2 * torch.arange(size, device=a.device) + 1) / size - 1 for size in a.shape[-2:])
        beyond = torch.where(down[..., None, None], y[:, None] > cut[..., None, None], x[None] > cut[..., None, None])
        return torch.where(beyond[:, :, None], b, a)


def _arrangements(n: int, generator: Generator) -> Float[Tensor, "n 2 2 3"]:
    """Two maps per arrangement, from the coordinates (-1 to 1) of the composite to those of its two parts."""

    def draw(low: float, high: float) -> Tensor:
        return uniform(n, low, high, generator)

    kind = torch.randint(4, (n,), generator=generator)
    beside, above, within = kind == 0, kind == 1, kind == 3
    apart = draw(0.3, 0.5)
    both = []
    for sign in (1, -1):
        second = sign < 0
        size = torch.where(within, draw(0.3, 0.5) if second else draw(0.9, 1.0), draw(0.75, 1.0))
        size = torch.where(beside | above, draw(0.55, 0.8), size)
        narrow, near = draw(0.4, 0.6), draw(-0.15, 0.15)
        inside = draw(-0.5, 0.5) if second else torch.zeros(n)
        x, y = (
            torch.where(here, sign * apart, torch.where(within, inside, near if across else draw(-0.15, 0.15)))
            for here, across in ((beside, True), (above, False))
        )
        scale_x, scale_y = torch.where(beside, narrow, size), torch.where(above, narrow, size)
        zero = torch.zeros(n)
        rows = [torch.stack([1 / scale_x, zero, -x / scale_x], -1), torch.stack([zero, 1 / scale_y, -y / scale_y], -1)]
        both.append(torch.stack(rows, 1))
    return torch.stack(both, 1)


def _moved(items: Float[Tensor, "t m c h w"] | UInt8[Tensor, "t m c h w"], maps: Float[Tensor, "t m 2 3"]) -> Tensor:
    """Each image transformed by its map, with zeros beyond its borders."""
    flat = items.flatten(0, 1)
    grid = F.affine_grid(maps.flatten(0, 1).to(torch.get_default_dtype()), list(flat.shape), align_corners=False)
    if flat.is_floating_point():
        return F.grid_sample(flat, grid.to(flat), align_corners=False).view_as(items)
    moved = F.grid_sample(flat.float(), grid.float(), align_corners=False)
    return moved.round_().to(items.dtype).view_as(items)
