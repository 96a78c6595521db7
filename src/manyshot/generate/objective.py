"""How a generator is taught: by a discriminator, or by a loss of its own."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from copy import deepcopy

import torch
from jaxtyping import Float
from torch import Tensor, nn

from manyshot.generate.batches import Batch
from manyshot.generate.model import GenerativeModel

Change = Callable[[Tensor], Tensor]
"""What is done to items before a discriminator sees them, each call with draws of its own."""


class GeneratorObjective(nn.Module, ABC):
    """A generator, and what its weights minimise.

    `averaged` is the generator with the exponential average of its weights, which makes better items than the weights
    of any one step (Yazici et al. 2019); it is what is kept and used.

    Args:
        generator: makes items.
    """

    def __init__(self, generator: GenerativeModel) -> None:
        super().__init__()
        self.generator = generator
        self.averaged = deepcopy(generator).eval().requires_grad_(False)

    def taught(self) -> list[nn.Parameter]:
        """The weights that `generator_side` is minimised by."""
        return [*self.generator.parameters()]

    @abstractmethod
    def generator_side(self, batch: Batch, noise: Float[Tensor, "n z"], change: Change) -> Float[Tensor, ""]:
        """What the generator minimises.

        Args:
            batch: real items, and conditions that they meet.
            noise: normal draws, as many an item as the generator's noise has numbers.
            change: done to items before a discriminator sees them.
        """

    @torch.no_grad()
    def average(self, kept: float) -> None:
        """Move the averaged weights: kept * averaged + (1 - kept) * current.

        Example:
            >>> from manyshot.generate import Kind, parse_model
            >>> lesson = parse_model("gan(width=4)").make(Kind(shape=(2,)))
            >>> lesson.average(0.0)
            >>> all(a.equal(b) for a, b in zip(lesson.averaged.parameters(), lesson.generator.parameters()))
            True
        """
        averages: list[Tensor] = [*self.averaged.parameters()]
        currents: list[Tensor] = [*self.generator.parameters()]
        torch._foreach_lerp_(averages, currents, 1 - kept)
