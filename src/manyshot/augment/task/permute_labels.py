"""Labels permuted task by task, so that they cannot be known without the support (Rajendran, Irpan and Jang 2020)."""

from dataclasses import dataclass, replace

import torch
from torch import Generator

from manyshot.augment.ops.op import Params, check_number
from manyshot.augment.task.task_op import TaskOp, require_classes, which
from manyshot.tasks import Episode, Examples


@dataclass(frozen=True)
class PermuteLabels(TaskOp):
    """Give the classes of each task each other's numbers.

    What is shared: the permutation is one draw a task, the same for support and query, so the task stays solvable and
    needs its support. It raises the entropy of the labels given the items, which cures memorisation where tasks come
    with class numbers of their own (a fixed list of tasks); where classes are drawn in random order anyway it changes
    nothing.

    Args:
        p: share of tasks that it changes.

    Raises:
        InputError: for a p outside 0 to 1; on applying, for tasks without classes.

    Example:
        >>> side = Examples(torch.rand(1, 2, 8), torch.eye(2)[None], torch.ones(1, 2), torch.ones(1, 2) > 0)
        >>> params = {"on": torch.tensor([True]), "rank": torch.tensor([[0.9, 0.1]])}
        >>> swapped = PermuteLabels().apply(Episode(side, side, torch.tensor([[3, 5]])), params)
        >>> swapped.support.class_ids.tolist(), swapped.query.class_ids.tolist(), swapped.classes.tolist()
        ([[1, 0]], [[1, 0]], [[5, 3]])
    """

    p: float = 1.0

    def __post_init__(self) -> None:
        check_number(self, "p", high=1)

    def sample(self, tasks: int, ways: int, generator: Generator) -> Params:
        """Draw `on [T]`, booleans, and `rank [T, ways]`, whose order is the classes' new order."""
        return {"on": which(self.p, tasks, generator), "rank": torch.rand(tasks, ways, generator=generator)}

    def apply(self, episode: Episode, params: Params) -> Episode:
        """Permute labels and class numbers; classes that a task lacks stay behind the others."""
        require_classes(episode, self)
        present = episode.support.class_mask
        place = torch.arange(present.shape[1], device=present.device) / present.shape[1]
        rank = torch.where(params["on"].to(present.device)[:, None], params["rank"].to(present.device), place)
        order = rank.masked_fill(~present, 2).argsort(dim=1, stable=True)

        def permuted(side: Examples) -> Examples:
            labels = side.labels.gather(2, order[:, None].expand_as(side.labels))
            return replace(side, labels=labels, class_mask=side.class_mask.gather(1, order))

        return Episode(permuted(episode.support), permuted(episode.query), episode.classes.gather(1, order))
