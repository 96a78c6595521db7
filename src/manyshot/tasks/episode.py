"""An episode: a batch of T few-shot tasks."""

from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Examples:
    """One side of T tasks: what is learned from (support) or judged on (query).

    Labels are rows of class shares, so that a mixed item is no special case; an item of weight 0 is not there, so that
    tasks of different sizes stand in one batch.

    Args:
        items: `[T, n, ...]`, or T lists of n strings.
        labels: `[T, n, ways]` each item's share in every class.
        weight: `[T, n]` how much an item counts: 1 for a real one, 0 for padding.
        class_mask: `[T, ways]` which classes the task has; the others are padding.
        origin: `[T, n]` the place in the support (or query) of the item that a made item came from, -1 for a real one;
            None where all are real.
    """

    items: Any
    labels: Float[Tensor, "t n ways"]
    weight: Float[Tensor, "t n"]
    class_mask: Bool[Tensor, "t ways"]
    origin: Int[Tensor, "t n"] | None = None

    @property
    def class_ids(self) -> Int[Tensor, "t n"]:
        """The class with the largest share of each item."""
        return self.labels.argmax(-1)

    def __getitem__(self, tasks: slice) -> "Examples":
        """Those of some of the tasks."""
        return Examples(
            items=self.items[tasks],
            labels=self.labels[tasks],
            weight=self.weight[tasks],
            class_mask=self.class_mask[tasks],
            origin=None if self.origin is None else self.origin[tasks],
        )

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> "Examples":
        """The same on a device; items, labels and weights in a floating type if one is named."""

        def move(name: str, value: Any) -> Any:  # noqa: ANN401
            if not isinstance(value, Tensor):
                return value
            return (
                value.to(device, dtype)
                if name in ("items", "labels", "weight") and value.is_floating_point()
                else value.to(device)
            )

        return replace(self, **{f.name: move(f.name, getattr(self, f.name)) for f in fields(self)})

    def joined(self, more: "Examples") -> "Examples":
        """These and more examples of the same tasks, one after the other along n."""
        if isinstance(self.items, Tensor):
            items: Any = torch.cat([self.items, more.items], 1)
        else:
            items = [a + b for a, b in zip(self.items, more.items, strict=True)]
        return Examples(
            items=items,
            labels=torch.cat([self.labels, more.labels], 1),
            weight=torch.cat([self.weight, more.weight], 1),
            class_mask=self.class_mask,
            origin=torch.cat([self.known_origin, more.known_origin], 1),
        )

    @property
    def known_origin(self) -> Int[Tensor, "t n"]:
        """`origin`, spelled out where it is None."""
        return torch.full_like(self.weight, -1, dtype=torch.long) if self.origin is None else self.origin


@dataclass(frozen=True, eq=False)
class Episode:
    """T tasks: a support to learn from and a query to be judged on.

    Args:
        support: see `Examples`; items of the same class stand together.
        query: the same.
        classes: `[T, ways]` the number of each class in the source, -1 for padding.

    Example:
        >>> from manyshot.tasks import EpisodeSampler, Source
        >>> images = torch.zeros(40, 1, 8, 8, dtype=torch.uint8)
        >>> source = Source.of(images, labels=[f"class {i % 4}" for i in range(40)])
        >>> episode = EpisodeSampler(source, ways=3, shots=1, queries=2).batch(0, 16)
        >>> episode.support.items.shape, episode.query.labels.shape
        (torch.Size([16, 3, 1, 8, 8]), torch.Size([16, 6, 3]))
    """

    support: Examples
    query: Examples
    classes: Int[Tensor, "t ways"]

    def __len__(self) -> int:
        return len(self.classes)

    def __getitem__(self, tasks: slice) -> "Episode":
        """Some of the tasks."""
        return Episode(self.support[tasks], self.query[tasks], self.classes[tasks])

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> "Episode":
        """The same on a device, see `Examples.to`."""
        return Episode(self.support.to(device, dtype), self.query.to(device, dtype), self.classes.to(device))

    def as_float(self) -> "Episode":
        """The same with uint8 images as float32 from 0 to 1; anything else as it is."""
        return Episode(_as_float(self.support), _as_float(self.query), self.classes)


def _as_float(examples: Examples) -> Examples:
    if isinstance(examples.items, Tensor) and examples.items.dtype == torch.uint8:
        return replace(examples, items=examples.items.float().div_(255))
    return examples
