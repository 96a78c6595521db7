"""Tasks as indices: which examples of a source make up each task."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from manyshot.tasks.episode import Episode, Examples
from manyshot.tasks.items import unflatten_tasks
from manyshot.tasks.source import Source


@dataclass(frozen=True, eq=False)
class TaskIndices:
    """T tasks as indices into a source; -1 is padding.

    Args:
        classes: Indices `[T, ways]` into `source.class_names`.
        support: Indices `[T, ways, shots]` of examples, as `Source.gather` takes them.
        query: Indices `[T, ways, queries]` of examples.
    """

    classes: NDArray[np.int64]
    support: NDArray[np.int64]
    query: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.classes)

    def episode(self, source: Source) -> Episode:
        """Gather the examples: an episode in the source's own type (uint8 for images).

        Vectors that are said of the source's classes go with the support.
        """
        class_mask = torch.from_numpy(self.classes >= 0)
        support = _examples(source, self.support, class_mask)
        if isinstance(source.about, Tensor):
            rows = source.about[torch.from_numpy(np.maximum(self.classes, 0))]
            support = replace(support, about=rows * class_mask[..., None])
        return Episode(
            support=support,
            query=_examples(source, self.query, class_mask),
            classes=torch.from_numpy(self.classes),
        )


def _examples(source: Source, indices: NDArray[np.int64], class_mask: Tensor) -> Examples:
    tasks, ways, per_class = indices.shape
    items = unflatten_tasks(source.gather(np.maximum(indices, 0).reshape(-1)), tasks, ways * per_class)
    weight = torch.from_numpy((indices >= 0).reshape(tasks, -1)).float()
    # Padding has zero labels, so that it changes nothing even in code that ignores the weights.
    labels = torch.eye(ways).repeat_interleave(per_class, 0) * weight[..., None]
    return Examples(items=items, labels=labels, weight=weight, class_mask=class_mask)
