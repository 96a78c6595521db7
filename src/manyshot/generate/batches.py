"""Training batches of a generative model: real examples and the conditions that they meet."""

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
from manyshot.generate.generative_model import Condition, Conditioning
from manyshot.tasks import Source

MAX_SHOTS = 5
"""Largest number of examples in a mean."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Real examples and the condition that each of them meets.

    Args:
        items: `[n, ...]` examples; images have values from 0 to 1.
        condition: Condition of the model for each example.
        label: `[n]` class of each example by its number in the source, also for unconditional models.
    """

    items: Float[Tensor, "n ..."]
    condition: Condition
    label: Tensor

    def to(self, device: torch.device | str) -> "Batch":
        """Move the batch to a device."""
        return Batch(self.items.to(device), self.condition.to(device), self.label.to(device))


@dataclass(frozen=True, eq=False)
class Batches:
    """Batches of a source; batch i is a function of the seed and i.

    Unconditional models draw all examples with equal probability; conditional ones draw all classes with equal
    probability, and then all examples of the class.

    Args:
        source: Source of images or vectors.
        conditioning: What a model is conditioned on. A mean is taken over 1 to 5 other examples of the class, the same
            number for all means of a batch, and no more than the smallest class has beside the example.
        size: Number of examples per batch.
        seed: Seed of the draws.

    Raises:
        InputError: If the source's examples are not tensors, or a class has too few of them.

    Example:
        >>> source = Source.of(torch.zeros(8, 1, 8, 8, dtype=torch.uint8), labels=["cat", "dog"] * 4)
        >>> batch = Batches(source, "item", size=6).batch(0)
        >>> batch.items.shape, batch.condition.like.shape, batch.label.shape
        (torch.Size([6, 1, 8, 8]), torch.Size([6, 1, 8, 8]), torch.Size([6]))
    """

    source: Source
    conditioning: Conditioning
    size: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.source.store, Tensor):
            raise InputError(f"{self.source.name}: its examples are no images or vectors; load or encode them first")
        if self.size < 1:
            raise InputError(f"batch_size={self.size}: give at least 1")
        least = 2 if self.conditioning in ("item", "mean") else 1
        few = int(self.source.counts.argmin())
        if self.source.counts[few] < least:
            raise InputError(
                f"{self.source.name}: class '{self.source.class_names[few]}' has {self.source.counts[few]} example, "
                f"but a model that is conditioned on another one needs {least}; add examples or leave the class out"
            )

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        return self.source.starts[:-1]

    def batch(self, number: int) -> Batch:
        """Draw batch `number`."""
        index = np.arange(self.size)
        if self.conditioning == "nothing":
            at = integers(len(self.source), self.seed, number, index)
            return Batch(self._items(at), Condition(), torch.from_numpy(self.source.labels[at]))
        of = integers(len(self.source.class_names), self.seed, number, index, 0)
        counts = self.source.counts[of]
        label = torch.from_numpy(of)
        if self.conditioning == "label":
            at = self._starts[of] + integers(counts, self.seed, number, index, 1)
            return Batch(self._items(at), Condition(label=label), label)
        shots = 1
        if self.conditioning == "mean":
            shots = 1 + int(integers(min(MAX_SHOTS, int(self.source.counts.min()) - 1), self.seed, number, 2))
        at = self._starts[of][:, None] + choose(counts, shots + 1, self.seed, number, index, 3)
        items = self._items(at.reshape(-1))
        items = items.reshape(*at.shape, *items.shape[1:])
        return Batch(items[:, 0], Condition(like=items[:, 1:].mean(1)), label)

    def distinct(self) -> Batch:
        """Draw a batch without repetition, or the whole source if that is smaller, with conditions.

        For comparing sets: an example that occurs twice would be its own nearest neighbor.

        Example:
            >>> source = Source.of(torch.arange(8.0)[:, None], labels=["cat", "dog"] * 4)
            >>> sorted(Batches(source, "item", size=64).distinct().items.flatten().tolist())
            [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
        """
        draws = generator(self.seed, "distinct")
        at = torch.randperm(len(self.source), generator=draws)[: self.size].numpy()
        of = self.source.labels[at]
        items, label = self._items(at), torch.from_numpy(of)
        if self.conditioning == "nothing":
            return Batch(items, Condition(), label)
        if self.conditioning == "label":
            return Batch(items, Condition(label=label), label)
        counts = self.source.counts
        shots = 1 if self.conditioning == "item" else min(MAX_SHOTS, int(counts.min()) - 1)
        others = choose(counts[of] - 1, shots, self.seed, np.arange(len(at)), 4)
        inside = (at - self._starts[of])[:, None]
        others += others >= inside  # an example is not its own condition
        shown = self._items((self._starts[of][:, None] + others).reshape(-1))
        return Batch(items, Condition(like=shown.reshape(*others.shape, *shown.shape[1:]).mean(1)), label)

    def _items(self, at: NDArray[np.int64]) -> Tensor:
        return as_floats(self.source.gather(at))


def as_floats(items: Tensor) -> Tensor:
    """Convert uint8 images to float from 0 to 1; anything else stays as it is.

    Example:
        >>> as_floats(torch.tensor([255, 0], dtype=torch.uint8))
        tensor([1., 0.])
    """
    return items.float().div_(255) if items.dtype == torch.uint8 else items
