"""A list of tasks as numbers: which items of a source stand where."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from manyshot.tasks.episode import Episode, Examples
from manyshot.tasks.source import Source


@dataclass(frozen=True, eq=False)
class TaskTable:
    """T tasks by the positions of their items in a source; -1 is padding.

    Args:
        classes: `[T, ways]` positions in `source.class_names`.
        support: `[T, ways, shots]` positions of items, as `Source.gather` takes them.
        query: `[T, ways, queries]`.
    """

    classes: NDArray[np.int64]
    support: NDArray[np.int64]
    query: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.classes)

    def episode(self, source: Source) -> Episode:
        """Fetch the items: an episode in the source's own type (uint8 for images)."""
        present = torch.from_numpy(self.classes >= 0)
        return Episode(
            support=_examples(source, self.support, present),
            query=_examples(source, self.query, present),
            classes=torch.from_numpy(self.classes),
        )


def _examples(source: Source, positions: NDArray[np.int64], present: Tensor) -> Examples:
    tasks, ways, each = positions.shape
    items = source.gather(np.maximum(positions, 0).reshape(-1))
    if isinstance(items, Tensor):
        items = items.reshape(tasks, ways * each, *items.shape[1:])
    else:
        items = [items[i * ways * each : (i + 1) * ways * each] for i in range(tasks)]
    weight = torch.from_numpy((positions >= 0).reshape(tasks, -1)).float()
    # Padding has no class at all, so that it changes nothing even where weights are not looked at.
    labels = torch.eye(ways).repeat_interleave(each, 0) * weight[..., None]
    return Examples(
        items=items,
        labels=labels,
        weight=weight,
        class_mask=present,
    )
