"""What a step of a game sees: real items, and conditions that they meet, drawn by the step's number."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from manyshot.base import InputError
from manyshot.base.sampling import choose
from manyshot.base.seeds import generator, integers
from manyshot.generate.model import Condition, Conditioning
from manyshot.tasks import Source

SHOTS = 5
"""Items that go into a mean at most."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Real items and a condition that each of them meets.

    Args:
        items: `[n, ...]`; pictures from 0 to 1.
        condition: what a generator would be told.
        label: `[n]` the class of each item by its number in the source, also where the generator is not told.
    """

    items: Float[Tensor, "n ..."]
    condition: Condition
    label: Tensor

    def to(self, device: torch.device | str) -> "Batch":
        """The same on a device."""
        return Batch(self.items.to(device), self.condition.to(device), self.label.to(device))


@dataclass(frozen=True, eq=False)
class Batches:
    """Batch number i of a source is the same whenever it is asked for.

    Without classes every item is as likely; with them every class is as likely, and every item of a class.

    Args:
        source: of pictures or vectors.
        wants: what a generator is told (`Conditioning`). A mean is taken over 1 to 5 items beside the item, one number
            for all means of a batch; no more than the smallest class has beside an item.
        size: items a batch.
        seed: the same seed gives the same batches.

    Raises:
        InputError: if the source's items are no tensors, or a class has too few for what is wanted.

    Example:
        >>> source = Source.of(torch.zeros(8, 1, 8, 8, dtype=torch.uint8), labels=["cat", "dog"] * 4)
        >>> batch = Batches(source, "item", size=6).batch(0)
        >>> batch.items.shape, batch.condition.like.shape, batch.label.shape
        (torch.Size([6, 1, 8, 8]), torch.Size([6, 1, 8, 8]), torch.Size([6]))
    """

    source: Source
    wants: Conditioning
    size: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.source.store, Tensor):
            raise InputError(f"{self.source.name}: its items are no pictures and no vectors; load or encode them first")
        if self.size < 1:
            raise InputError(f"batch_size={self.size}: give at least 1")
        least = 2 if self.wants in ("item", "mean") else 1
        few = int(self.source.counts.argmin())
        if self.source.counts[few] < least:
            raise InputError(
                f"{self.source.name}: class '{self.source.class_names[few]}' has {self.source.counts[few]} item, but a "
                f"model that is shown an item of a class needs {least}; add pictures or leave the class out"
            )

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        return self.source.starts[:-1]

    def batch(self, number: int) -> Batch:
        """Draw a batch."""
        place = np.arange(self.size)
        if self.wants == "nothing":
            at = integers(len(self.source), self.seed, number, place)
            return Batch(self._items(at), Condition(), torch.from_numpy(self.source.labels[at]))
        of = integers(len(self.source.class_names), self.seed, number, place, 0)
        counts = self.source.counts[of]
        label = torch.from_numpy(of)
        if self.wants == "label":
            at = self._starts[of] + integers(counts, self.seed, number, place, 1)
            return Batch(self._items(at), Condition(label=label), label)
        shots = 1
        if self.wants == "mean":
            shots = 1 + int(integers(min(SHOTS, int(self.source.counts.min()) - 1), self.seed, number, 2))
        at = self._starts[of][:, None] + choose(counts, shots + 1, self.seed, number, place, 3)
        items = self._items(at.reshape(-1))
        items = items.reshape(*at.shape, *items.shape[1:])
        return Batch(items[:, 0], Condition(like=items[:, 1:].mean(1)), label)

    def distinct(self) -> Batch:
        """As many different items as a batch has, or all of the source if those are fewer, with their conditions.

        Sets of items are compared with these: an item that occurs twice is its own nearest neighbour.

        Example:
            >>> source = Source.of(torch.arange(8.0)[:, None], labels=["cat", "dog"] * 4)
            >>> sorted(Batches(source, "item", size=64).distinct().items.flatten().tolist())
            [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
        """
        draws = generator(self.seed, "distinct")
        at = torch.randperm(len(self.source), generator=draws)[: self.size].numpy()
        of = self.source.labels[at]
        items, label = self._items(at), torch.from_numpy(of)
        if self.wants == "nothing":
            return Batch(items, Condition(), label)
        if self.wants == "label":
            return Batch(items, Condition(label=label), label)
        counts = self.source.counts
        shots = 1 if self.wants == "item" else min(SHOTS, int(counts.min()) - 1)
        others = choose(counts[of] - 1, shots, self.seed, np.arange(len(at)), 4)
        inside = (at - self._starts[of])[:, None]
        others += others >= inside  # an item is not shown to the model that makes one beside it
        shown = self._items((self._starts[of][:, None] + others).reshape(-1))
        return Batch(items, Condition(like=shown.reshape(*others.shape, *shown.shape[1:]).mean(1)), label)

    def _items(self, at: NDArray[np.int64]) -> Tensor:
        return as_floats(self.source.gather(at))


def as_floats(items: Tensor) -> Tensor:
    """Pictures of uint8 as 0 to 1; anything else as it is.

    Example:
        >>> as_floats(torch.tensor([255, 0], dtype=torch.uint8))
        tensor([1., 0.])
    """
    return items.float().div_(255) if items.dtype == torch.uint8 else items
