"""Labels permuted per task, so that they cannot be predicted without the support (Rajendran, Irpan and Jang 2020)."""

from dataclasses import dataclass, replace

import torch
from torch import Generator

from manyshot.augment.ops.op import Params, check_number
from manyshot.augment.task.task_op import TaskOp, choose_tasks, require_classes
from manyshot.tasks import Episode, Examples


@dataclass(frozen=True)
class PermuteLabels(TaskOp):
    """Permute the labels of the classes of each task.

    The permutation is drawn once per task, for support and query alike, so that the task can still be solved, but only
    with its support. It raises the entropy of the labels given the items, which prevents memorization where tasks have
    fixed labels (a fixed list of tasks); where classes are drawn in random order it has no effect.

    Args:
        p: Probability that a task is changed.

    Raises:
        InputError: For a p outside 0 to 1; on applying, for tasks without classes.

    Example:
        >>> side = Examples.of(torch.rand(1, 2, 8), torch.arange(2))
        >>> params = {"on": torch.tensor([True]), "rank": torch.tensor([[0.9, 0.1]])}
        >>> swapped = PermuteLabels().apply(Episode(side, side, torch.tensor([[3, 5]])), params)
        >>> swapped.support.class_ids.tolist(), swapped.query.class_ids.tolist(), swapped.classes.tolist()
        ([[1, 0]], [[1, 0]], [[5, 3]])
    """

    p: float = 1.0

    def __post_init__(self) -> None:
        check_number(self, "p", high=1)

    def sample(self, tasks: int, ways: int, generator: Generator) -> Params:
        """Draw `on [T]`, booleans, and `rank [T, ways]`; the classes are sorted by rank."""
        return {"on": choose_tasks(self.p, tasks, generator), "rank": torch.rand(tasks, ways, generator=generator)}

    def apply(self, episode: Episode, params: Params) -> Episode:
        """Permute labels and classes; classes that a task lacks stay behind the others."""
        require_classes(episode, self)
        present = episode.support.class_mask
        unchanged = torch.arange(present.shape[1], device=present.device) / present.shape[1]
        rank = torch.where(params["on"].to(present.device)[:, None], params["rank"].to(present.device), unchanged)
        order = rank.masked_fill(~present, 2).argsort(dim=1, stable=True)

        def permuted(side: Examples) -> Examples:
            labels = side.labels.gather(2, order[:, None].expand_as(side.labels))
            about = None if side.about is None else side.about.take_along_dim(order[..., None], 1)
            return replace(side, labels=labels, class_mask=side.class_mask.gather(1, order), about=about)

        return Episode(permuted(episode.support), permuted(episode.query), episode.classes.gather(1, order))
