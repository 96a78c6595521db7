"""RandAugment (Cubuk, Zoph, Shlens and Le 2020)."""

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

MOST = 30
"""The magnitude that means the full range."""
RANGES = Ranges(shear=0.3, shift=150 / 331, degrees=30, factor=0.9, bits=(4, 8))


@dataclass(frozen=True)
class RandAugment(ImageOp):
    """Put each image through a few moves, each drawn from the same fourteen, all at one magnitude.

    The moves: identity, shear and translation along x and y, rotation, brightness, colour, contrast, sharpness,
    posterise, solarise, autocontrast, equalise. At a magnitude of 30: a shear of 0.3, 150/331 of the side, 30 degrees,
    factors of 0.1 or 1.9, 4 bits, a threshold of 0. Moves with a direction take either. Beyond the edge is black.

    Unlike the paper's code, translations are shares of the side, so they mean the same at every size, and pixels are
    blended bilinearly.

    Args:
        count: moves an image (N in the paper).
        magnitude: from 0 to 30 (M in the paper).

    Raises:
        InputError: for a value out of range.

    Example:
        >>> op = RandAugment(2, 9)
        >>> params = op.sample(8, torch.Generator().manual_seed(0))
        >>> {name: list(value.shape) for name, value in params.items()}
        {'choice': [8, 2], 'strength': [8, 2]}
        >>> op.apply(torch.rand(8, 3, 32, 32), params).shape
        torch.Size([8, 3, 32, 32])
    """

    count: int = 2
    magnitude: float = 9.0

    channels: ClassVar[tuple[int, ...]] = (1, 3)

    def __post_init__(self) -> None:
        check_number(self, "count", low=1, high=100, whole=True)
        check_number(self, "magnitude", high=MOST)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `choice [n, count]`, places in the list of moves, and `strength [n, count]`, magnitude / 30, signed."""
        shape = (n, self.count)
        sign = 2 * torch.randint(2, shape, generator=generator) - 1
        return {
            "choice": torch.randint(len(space()), shape, generator=generator),
            "strength": sign * (self.magnitude / MOST),
        }

    def layers(self, params: Params) -> Layers:
        """A layer a move."""
        return [layer(space(), params["choice"][:, k], params["strength"][:, k]) for k in range(self.count)]

    def change(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Carry out the moves one after another; differentiable in images."""
        result: Tensor = apply_layers(images, self.layers(params))
        return result


@cache
def space() -> dict[str, Move]:
    """The moves by name, in the order of `choice`."""
    return moves(RANGES)
