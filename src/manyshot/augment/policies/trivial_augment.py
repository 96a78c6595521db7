"""TrivialAugment (Müller and Hutter 2021)."""

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.image_op import ImageOp
from manyshot.augment.ops.combine import Layers, apply_layers
from manyshot.augment.ops.op import Params, check_number
from manyshot.augment.policies.space import Move, Ranges, layer, moves

BINS = 30
"""Steps from no strength to all of it."""
RANGES = Ranges(shear=0.99, shift=1 / 3, degrees=135, factor=0.99, bits=(2, 8))


@dataclass(frozen=True)
class TrivialAugment(ImageOp):
    """Put each image through one random move at a random strength: nothing to tune.

    The moves are those of RandAugment, the ranges the paper's wide ones: a shear of 0.99, 135 degrees, factors of 0.01
    or 1.99, 2 bits, a threshold of 0. The strength is one of 31 steps from nothing to all of that, either way.

    Unlike the paper's code, which translates by up to 32 pixels whatever the size, translations are up to a third of
    the side.

    Args:
        strength: share of the paper's ranges.

    Raises:
        InputError: for a strength outside 0 to 1.

    Example:
        >>> op = TrivialAugment()
        >>> params = op.sample(8, torch.Generator().manual_seed(0))
        >>> {name: list(value.shape) for name, value in params.items()}
        {'choice': [8], 'strength': [8]}
        >>> op.apply(torch.rand(8, 3, 32, 32), params).shape
        torch.Size([8, 3, 32, 32])
    """

    strength: float = 1.0

    channels: ClassVar[tuple[int, ...]] = (1, 3)

    def __post_init__(self) -> None:
        check_number(self, "strength", high=1)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `choice [n]`, a place in the list of moves, and `strength [n]`, -1 to 1."""
        sign = 2 * torch.randint(2, (n,), generator=generator) - 1
        step = torch.randint(BINS + 1, (n,), generator=generator)
        return {
            "choice": torch.randint(len(space()), (n,), generator=generator),
            "strength": self.strength / BINS * sign * step,
        }

    def layers(self, params: Params) -> Layers:
        """One layer."""
        return [layer(space(), params["choice"], params["strength"])]

    def change(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Carry out the move; differentiable in images."""
        result: Tensor = apply_layers(images, self.layers(params))
        return result


@cache
def space() -> dict[str, Move]:
    """The moves by name, in the order of `choice`."""
    return moves(RANGES)
