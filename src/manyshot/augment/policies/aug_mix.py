"""AugMix (Hendrycks, Mu, Cubuk, Zoph, Gilmer and Lakshminarayanan 2020)."""

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.image_op import ImageOp
from manyshot.augment.ops.combine import apply_layers
from manyshot.augment.ops.draws import beta, dirichlet
from manyshot.augment.ops.op import Params, check_number
from manyshot.augment.policies.space import Move, Ranges, layer, moves

MOST = 10
"""The severity that means the full range."""
DEEPEST = 3
RANGES = Ranges(shear=0.3, shift=1 / 3, degrees=30, factor=0.0, bits=(1, 4))
NAMES = (
    "autocontrast",
    "equalize",
    "posterize",
    "rotate",
    "solarize",
    "shear_x",
    "shear_y",
    "translate_x",
    "translate_y",
)
"""The paper's moves: none that a test of robustness to corruptions would call a corruption."""


@dataclass(frozen=True)
class AugMix(ImageOp):
    """Blend each image with a mixture of several chains of moves.

    `(1 - m) x + m sum_k w_k chain_k(x)`, with m ~ Beta(1, 1) and w ~ Dirichlet(1, ..., 1). A chain is one to three
    moves out of autocontrast, equalise, posterise, rotation, solarise, shear and translation, each at its own strength,
    uniform from a hundredth of the range to `severity / 10`. The class stays; geometry is blended, so masks and
    keypoints cannot follow.

    Unlike the paper's code, posterise keeps one bit at least. The loss that the paper adds is not part of an op.

    Args:
        severity: largest strength, where 10 is the full range: 30 degrees, a shear of 0.3, a third of the side.
        width: chains.

    Raises:
        InputError: for a value out of range.

    Example:
        >>> op = AugMix()
        >>> params = op.sample(8, torch.Generator().manual_seed(0))
        >>> {name: list(value.shape) for name, value in params.items()}
        {'blend': [8], 'weight': [8, 3], 'choice': [8, 3, 3], 'strength': [8, 3, 3]}
        >>> op.apply(torch.rand(8, 3, 32, 32), params).shape
        torch.Size([8, 3, 32, 32])
    """

    severity: float = 3.0
    width: int = 3

    traceable: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_number(self, "severity", low=0.1, high=MOST)
        check_number(self, "width", low=1, high=100, whole=True)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `blend [n]`, `weight [n, width]`, and for each chain up to three moves.

        These are `choice [n, width, 3]`, places in the list of moves or -1 for none, and `strength [n, width, 3]`.
        """
        shape = (n, self.width, DEEPEST)
        choice = torch.randint(len(NAMES), shape, generator=generator)
        depth = torch.randint(1, DEEPEST + 1, (n, self.width, 1), generator=generator)
        size = 0.1 + (self.severity - 0.1) * torch.rand(shape, generator=generator)
        sign = 2 * torch.randint(2, shape, generator=generator) - 1
        return {
            "blend": beta(n, 1.0, generator),
            "weight": dirichlet(n, self.width, 1.0, generator),
            "choice": choice.masked_fill(torch.arange(DEEPEST) >= depth, -1),
            "strength": size * sign / MOST,
        }

    def change(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Carry out the chains and blend; differentiable in images, blend and weight."""
        weight = params["weight"].to(images)[..., None, None, None]
        mixture = torch.zeros_like(images)
        for k in range(self.width):
            choice, strength = params["choice"][:, k], params["strength"][:, k]
            chain = [layer(space(), choice[:, step], strength[:, step]) for step in range(DEEPEST)]
            mixture = mixture + weight[:, k] * apply_layers(images, chain)
        blend = params["blend"].to(images)[:, None, None, None]
        return torch.lerp(images, mixture, blend.expand_as(images)).clamp(0, 1)


@cache
def space() -> dict[str, Move]:
    """The moves by name, in the order of `choice`."""
    every = moves(RANGES)
    return {name: every[name] for name in NAMES}
