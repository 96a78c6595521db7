"""An episode: a batch of T few-shot tasks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data._utils.collate import default_collate_fn_map

from manyshot.base import InputError
from manyshot.tasks.items import describe_items, floats, join_items, move_items, stack_tasks


@dataclass(frozen=True, eq=False)
class Examples:
    """The support or the query examples of T tasks.

    Labels are soft, so that mixed examples need no special case. An example of weight 0 is padding, so that tasks of
    different sizes fit into one batch.

    Args:
        items: Images or vectors `[T, n, ...]`, T lists of n strings, or `Parts` of these.
        labels: Class probabilities `[T, n, ways]`; in regression, targets.
        weight: Weights `[T, n]` in the loss: 1 for a real example, 0 for padding.
        class_mask: Booleans `[T, ways]`, False for classes that only pad a task.
        origin: For each generated example, the index `[T, n]` of the support (or query) example that it was generated
            from, and -1 for a real one; None if all are real.
        about: What is said of each class, as vectors `[T, ways, e]`, zeros where nothing is said; None if nothing is
            said of any. Only a support has it.
    """

    items: Any
    labels: Float[Tensor, "t n ways"]
    weight: Float[Tensor, "t n"]
    class_mask: Bool[Tensor, "t ways"]
    origin: Int[Tensor, "t n"] | None = None
    about: Float[Tensor, "t ways e"] | None = None

    @staticmethod
    def of(items: Any, class_ids: Int[Tensor, "*t n"], ways: int | None = None) -> "Examples":  # noqa: ANN401
        """Real examples, given the class of each.

        Args:
            items: Images or vectors `[T, n, ...]`, or T lists of n strings.
            class_ids: Class index of each example, `[T, n]`, or `[n]` if it is the same in every task.
            ways: Number of classes; if None, the largest class index plus one.

        Example:
            >>> Examples.of(torch.rand(2, 5, 8), torch.arange(5)).labels.shape
            torch.Size([2, 5, 5])
        """
        class_ids = class_ids.expand(len(items), class_ids.shape[-1])
        ways = int(class_ids.max()) + 1 if ways is None else ways
        known = items if isinstance(items, Tensor) and items.is_floating_point() else torch.zeros(0)
        weight = torch.ones(class_ids.shape, dtype=known.dtype, device=class_ids.device)
        present = torch.ones(len(class_ids), ways, dtype=torch.bool, device=class_ids.device)
        return Examples(items, F.one_hot(class_ids, ways).to(weight), weight, present)

    def __repr__(self) -> str:
        return f"Examples(items={describe_items(self.items)}, labels={describe_items(self.labels)})"

    @property
    def class_ids(self) -> Int[Tensor, "t n"]:
        """The most probable class of each example."""
        return self.labels.argmax(-1)

    def __getitem__(self, tasks: slice) -> "Examples":
        """The examples of some of the tasks."""
        return Examples(
            items=self.items[tasks],
            labels=self.labels[tasks],
            weight=self.weight[tasks],
            class_mask=self.class_mask[tasks],
            origin=None if self.origin is None else self.origin[tasks],
            about=None if self.about is None else self.about[tasks],
        )

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> "Examples":
        """Move the examples to a device, and all but masks and indices to a floating-point type if one is given."""
        return replace(self, **{f.name: move_items(getattr(self, f.name), device, dtype) for f in fields(self)})

    def as_float(self) -> "Examples":
        """Convert uint8 images to float32 from 0 to 1, int16 sounds to -1 to 1; leave other items as they are."""
        items = floats(self.items)
        return self if items is self.items else replace(self, items=items)

    def joined(self, more: "Examples") -> "Examples":
        """Append further examples of the same tasks."""
        return Examples(
            items=join_items(self.items, more.items),
            labels=torch.cat([self.labels, more.labels], 1),
            weight=torch.cat([self.weight, more.weight], 1),
            class_mask=self.class_mask,
            origin=torch.cat([self.known_origin, more.known_origin], 1),
            about=self.about,
        )

    @property
    def known_origin(self) -> Int[Tensor, "t n"]:
        """`origin`, or -1 for all examples if it is None."""
        return torch.full_like(self.weight, -1, dtype=torch.long) if self.origin is None else self.origin


@dataclass(frozen=True, eq=False)
class Episode:
    """A batch of T tasks, each with a support set to adapt to and a query set to evaluate on.

    Args:
        support: Support examples; those of a class are adjacent.
        query: Query examples.
        classes: Index `[T, ways]` of each class in the source, -1 for padding.

    Example:
        >>> from manyshot.tasks import EpisodeSampler, Source
        >>> images = torch.zeros(40, 1, 8, 8, dtype=torch.uint8)
        >>> source = Source.of(images, labels=[f"class {i % 4}" for i in range(40)])
        >>> EpisodeSampler(source, ways=3, shots=1, queries=2).batch(0, 16)
        Episode(tasks=16, ways=3, support=[16, 3, 1, 8, 8] uint8, query=[16, 6, 1, 8, 8] uint8)
    """

    support: Examples
    query: Examples
    classes: Int[Tensor, "t ways"]

    def __repr__(self) -> str:
        tasks, ways = self.classes.shape
        support, query = describe_items(self.support.items), describe_items(self.query.items)
        return f"Episode(tasks={tasks}, ways={ways}, support={support}, query={query})"

    def __len__(self) -> int:
        return len(self.classes)

    def __iter__(self) -> Iterator["Episode"]:
        return (self[task] for task in range(len(self)))

    def __getitem__(self, tasks: int | slice) -> "Episode":
        """Select tasks; a single index gives an episode of one task."""
        if not isinstance(tasks, slice):
            task = range(len(self))[tasks]
            tasks = slice(task, task + 1)
        return Episode(self.support[tasks], self.query[tasks], self.classes[tasks])

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> "Episode":
        """Move the episode to a device, and items, labels and weights to a floating-point type if one is given."""
        return Episode(self.support.to(device, dtype), self.query.to(device, dtype), self.classes.to(device))

    def as_float(self) -> "Episode":
        """Convert uint8 images to float32 from 0 to 1, int16 sounds to -1 to 1; leave other items as they are."""
        return Episode(self.support.as_float(), self.query.as_float(), self.classes)

    @property
    def has_classes(self) -> bool:
        """Whether the labels are class probabilities of at least two classes; otherwise they are regression targets.

        Example:
            >>> from manyshot.tasks import Sinusoids
            >>> Sinusoids().batch(0, 2).has_classes
            False
        """
        labels = self.support.labels[self.support.weight > 0]
        sums_to_one = (labels.sum(-1) - 1).abs() < 1e-4
        return labels.shape[-1] > 1 and bool((labels >= 0).all() and sums_to_one.all())

    @staticmethod
    def collate(episodes: Sequence["Episode"]) -> "Episode":
        """Join episodes along the task axis; a `DataLoader` does so by default.

        Args:
            episodes: At least one; items and labels have the same shapes but for the number of tasks.

        Raises:
            InputError: If the shapes differ.

        Example:
            >>> from manyshot.tasks import Sinusoids
            >>> len(Episode.collate([Sinusoids().batch(0, 2), Sinusoids().batch(2, 3)]))
            5
        """
        shapes = {tuple(_side_shape(side) for side in (e.support, e.query)) for e in episodes}
        if len(shapes) > 1:
            raise InputError(
                f"episodes of different shapes cannot be joined ({' and '.join(map(str, sorted(shapes)))}); "
                "sample them with the same ways, shots and queries"
            )
        supports, queries = [e.support for e in episodes], [e.query for e in episodes]
        return Episode(_concatenate(supports), _concatenate(queries), torch.cat([e.classes for e in episodes]))


def _concatenate(sides: Sequence[Examples]) -> Examples:
    real = all(side.origin is None for side in sides)
    return Examples(
        items=stack_tasks([side.items for side in sides]),
        labels=torch.cat([side.labels for side in sides]),
        weight=torch.cat([side.weight for side in sides]),
        class_mask=torch.cat([side.class_mask for side in sides]),
        origin=None if real else torch.cat([side.known_origin for side in sides]),
        about=_concatenate_about(sides),
    )


def _concatenate_about(sides: Sequence[Examples]) -> Tensor | None:
    said = [side.about for side in sides if side.about is not None]
    if not said:
        return None
    if len(said) < len(sides) or len({(row.shape[2], row.dtype) for row in said}) > 1:
        raise InputError(
            "episodes in which different things are said of classes cannot be joined; sample them from one source"
        )
    return torch.cat(said)


def _side_shape(side: Examples) -> str:
    return f"{describe_items(side.items, tasks=False)}, {side.labels.shape[2]} ways"


def _collate_episodes(batch: Sequence[Episode], *, collate_fn_map: Any = None) -> Episode:  # noqa: ANN401
    return Episode.collate(batch)


# PyTorch's extension point: `DataLoader(sampler, batch_size=4)` then needs no `collate_fn`.
default_collate_fn_map[Episode] = _collate_episodes
