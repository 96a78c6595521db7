"""AugMix (Hendrycks, Mu, Cubuk, Zoph, Gilmer and Lakshminarayanan 2020)."""

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.image_op import ImageOp
from manyshot.augment.ops.beta_dirichlet import beta, dirichlet
from manyshot.augment.ops.combine import apply_layers
from manyshot.augment.ops.op import Params, check_number
from manyshot.augment.policies.space import Move, Ranges, layer, moves

MAX_SEVERITY = 10
"""The severity that means the full range."""
MAX_DEPTH = 3
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
"""The ops of the paper: none that tests of robustness count as a corruption."""


@dataclass(frozen=True)
class AugMix(ImageOp):
    """Blend each image with a mixture of several chains of ops.

    `(1 - m) x + m sum_k w_k chain_k(x)`, with m ~ Beta(1, 1) and w ~ Dirichlet(1, ..., 1). A chain is one to three
    ops out of autocontrast, equalize, posterize, rotation, solarize, shear and translation, each at its own strength,
    uniform from a hundredth of the range to `severity / 10`. The label stays; geometry is blended, so that masks and
    keypoints cannot follow.

    Unlike in the paper's code, posterize keeps at least one bit. The loss that the paper adds is not part of an op.

    Args:
        severity: Largest strength, where 10 is the full range: 30 degrees, a shear of 0.3, a third of the side.
        width: Number of chains.

    Raises:
        InputError: For a value out of range.

    Example:
        >>> AugMix()(torch.rand(8, 3, 32, 32)).shape
        torch.Size([8, 3, 32, 32])
    """

    severity: float = 3.0
    width: int = 3

    traceable: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_number(self, "severity", low=0.1, high=MAX_SEVERITY)
        check_number(self, "width", low=1, high=100, whole=True)

    @classmethod
    def space(cls) -> dict[str, Move]:
        """The ops by name, in the order of `choice`."""
        return _space()

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `blend [n]`, `weight [n, width]`, and for each chain up to three ops.

        These are `choice [n, width, 3]`, indices of `space()` or -1 for none, and `strength [n, width, 3]`.
        """
        shape = (n, self.width, MAX_DEPTH)
        choice = torch.randint(len(NAMES), shape, generator=generator)
        depth = torch.randint(1, MAX_DEPTH + 1, (n, self.width, 1), generator=generator)
        size = 0.1 + (self.severity - 0.1) * torch.rand(shape, generator=generator)
        sign = 2 * torch.randint(2, shape, generator=generator) - 1
        return {
            "blend": beta(n, 1.0, generator),
            "weight": dirichlet(n, self.width, 1.0, generator),
            "choice": choice.masked_fill(torch.arange(MAX_DEPTH) >= depth, -1),
            "strength": size * sign / MAX_SEVERITY,
        }

    def change(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Apply the chains and blend; differentiable in images, blend and weight."""
        weight = params["weight"].to(images)[..., None, None, None]
        mixture = torch.zeros_like(images)
        for k in range(self.width):
            choice, strength = params["choice"][:, k], params["strength"][:, k]
            chain = [layer(self.space(), choice[:, step], strength[:, step]) for step in range(MAX_DEPTH)]
            mixture = mixture + weight[:, k] * apply_layers(images, chain)
        blend = params["blend"].to(images)[:, None, None, None]
        return torch.lerp(images, mixture, blend.expand_as(images)).clamp(0, 1)


@cache
def _space() -> dict[str, Move]:
    every = moves(RANGES)
    return {name: every[name] for name in NAMES}
