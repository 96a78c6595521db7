"""Ops on contexts: worlds that no training world is, near the training worlds, between them, or anywhere."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.ops.beta_dirichlet import beta
from manyshot.augment.ops.op import check_number
from manyshot.base import InputError, did_you_mean
from manyshot.base.registry import Registry
from manyshot.rl.replace_rows import where_rows
from manyshot.rl.worlds.world import Augmentable

ALL = "all"
"""Stands for all numbers of a context."""


class Around(NamedTuple):
    """What a context can become.

    Args:
        low: Lower bound of each number of a context.
        high: Upper bounds.
        pool: Contexts of all training worlds.
    """

    low: Float[Tensor, "k"]
    high: Float[Tensor, "k"]
    pool: Float[Tensor, "w k"]


class ContextOp(ABC):
    """An op that changes the context in which an episode starts, and with it the world; a frozen dataclass."""

    of: str
    p: float

    def __post_init__(self) -> None:
        check_number(self, "p", high=1)

    def check(self, world: Augmentable) -> None:
        """Check that the world's contexts have the number that the op changes.

        Raises:
            InputError: If they do not.
        """
        if self.of != ALL and self.of not in world.names:
            raise InputError(f"unknown context '{self.of}'; {did_you_mean(self.of, [*world.names, ALL])}")

    def apply(
        self, world: Augmentable, contexts: Float[Tensor, "n k"], pool: Float[Tensor, "w k"], generator: Generator
    ) -> Float[Tensor, "n k"]:
        """Change contexts, each by its own draw; the result is within the bounds of the world.

        Args:
            world: The world.
            contexts: Contexts of the worlds in which n episodes are about to start.
            pool: Contexts of all training worlds.
            generator: Random generator.
        """
        low, high = contexts.new_tensor(world.bounds).T
        changed = self.change(contexts, Around(low, high, pool), generator).clamp(low, high)
        chosen = contexts.new_tensor([self.of in (ALL, name) for name in world.names]) > 0
        on = torch.rand(len(contexts), generator=generator) < self.p
        return where_rows(on, torch.where(chosen, changed, contexts), contexts)

    @abstractmethod
    def change(self, contexts: Float[Tensor, "n k"], around: Around, generator: Generator) -> Float[Tensor, "n k"]:
        """Change contexts, which may leave the bounds; differentiable in contexts and the pool.

        Args:
            contexts: Contexts of n worlds.
            around: Bounds of the contexts, and the training worlds.
            generator: Random generator.
        """


@dataclass(frozen=True)
class Jitter(ContextOp):
    """Add uniform noise to the context: a world near a training world.

    Args:
        amount: Largest change, either way, as a fraction of the range between the bounds.
        of: Name of the only number that changes, or "all".
        p: Probability that a world is changed.

    Raises:
        InputError: If amount or p is outside 0 to 1.

    Example:
        >>> from manyshot.rl.worlds.leap import Leap
        >>> near = Jitter(0.1, of="floor").apply(
        ...     Leap(), torch.tensor([[10.0, 12.0]]), torch.zeros(0, 2), torch.Generator().manual_seed(0)
        ... )
        >>> 8.4 <= float(near[0, 0]) <= 11.6, float(near[0, 1])
        (True, 12.0)
    """

    amount: float = 0.1
    of: str = ALL
    p: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(self, "amount", high=1)

    def change(self, contexts: Float[Tensor, "n k"], around: Around, generator: Generator) -> Float[Tensor, "n k"]:
        """Add noise."""
        noise = 2 * torch.rand(contexts.shape, generator=generator).to(contexts) - 1
        return contexts + self.amount * (around.high - around.low) * noise


@dataclass(frozen=True)
class Mix(ContextOp):
    """Mix the context with that of a random training world: a world between two training worlds.

    The share of the first is a Beta(alpha, alpha) number; 1 makes all shares equally likely.

    Args:
        alpha: Parameter of the Beta distribution, above 0.
        of: Name of the only number that changes, or "all".
        p: Probability that a world is changed.

    Raises:
        InputError: If a value is out of range.
    """

    alpha: float = 1.0
    of: str = ALL
    p: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(self, "alpha", low=1e-3, high=1000)

    def change(self, contexts: Float[Tensor, "n k"], around: Around, generator: Generator) -> Float[Tensor, "n k"]:
        """Mix with partners from the pool."""
        n = len(contexts)
        partners = around.pool[torch.randint(len(around.pool), (n,), generator=generator)].to(contexts)
        share = beta(n, self.alpha, generator).to(contexts)[:, None]
        return share * contexts + (1 - share) * partners


@dataclass(frozen=True)
class Wide(ContextOp):
    """Draw a new context, uniform between the bounds: domain randomization over all worlds that there are.

    Args:
        of: Name of the only number that changes, or "all".
        p: Probability that a world is changed.

    Raises:
        InputError: If p is outside 0 to 1.
    """

    of: str = ALL
    p: float = 1.0

    def change(self, contexts: Float[Tensor, "n k"], around: Around, generator: Generator) -> Float[Tensor, "n k"]:
        """Draw anew."""
        return around.low + (around.high - around.low) * torch.rand(contexts.shape, generator=generator).to(contexts)


CONTEXT_OPS: Registry[ContextOp] = Registry(
    "op on contexts", {"jitter": Jitter, "mix": Mix, "wide": Wide}, base=ContextOp, group="manyshot.context_ops"
)
"""What a `world:` clause can name."""
