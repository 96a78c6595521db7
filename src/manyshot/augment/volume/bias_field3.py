"""Uneven brightness of volumes, as the coils of a magnetic resonance scanner cause it."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.augment.image.corruption.mri import PolynomialField
from manyshot.augment.ops.op import Params
from manyshot.augment.volume.volume_op import VolumeOp

ORDER = 3
POWERS = tuple(
    (i, j, total - i - j)
    for total in range(1, ORDER + 1)
    for i in range(total, -1, -1)
    for j in range(total - i, -1, -1)
)
"""The powers (of x, of y, of z) of the terms of a field, without the constant."""


@dataclass(frozen=True)
class BiasField3(PolynomialField, VolumeOp):
    """Multiply each volume by a smooth positive field (Van Leemput et al. 1999; Sudre et al. 2017).

    The field is `exp(sum_ijk a_ijk x^i y^j z^k - m)` with i + j + k from 1 to 3 and x, y, z from -1 to 1; m makes the
    mean of its logarithm 0, so that a volume becomes neither darker nor brighter on the whole. Any values are allowed:
    0 stays 0, and no value changes its sign.

    Args:
        strength: Largest absolute coefficient; coefficients are drawn from -strength to +strength.

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> BiasField3()(torch.rand(2, 1, 8, 9, 10)).shape
        torch.Size([2, 1, 8, 9, 10])
    """

    powers: ClassVar[tuple[tuple[int, ...], ...]] = POWERS

    def change(self, images: Float[Tensor, "n c d h w"], params: Params) -> Float[Tensor, "n c d h w"]:
        """Multiply by the field; differentiable in volumes and coefficients."""
        return images * self.log_field(params, images).exp()[:, None]

    @staticmethod
    def log_field(params: Params, like: Float[Tensor, "n c d h w"]) -> Float[Tensor, "n d h w"]:
        """Return the logarithm of the field, a polynomial summed axis by axis."""
        n, _, *size = like.shape
        cube = torch.zeros(n, ORDER + 1, ORDER + 1, ORDER + 1, dtype=like.dtype, device=like.device)
        x, y, z = torch.tensor(POWERS, device=like.device).unbind(1)
        cube[:, z, y, x] = params["coefficients"].to(like)
        exponents = torch.arange(ORDER + 1, device=like.device)[:, None]
        centers = [(torch.arange(side, device=like.device).to(like) * 2 + 1) / side - 1 for side in size]
        along_z, along_y, along_x = (center.pow(exponents) for center in centers)
        mean = torch.einsum("nkji,k,j,i->n", cube, along_z.mean(1), along_y.mean(1), along_x.mean(1))
        rows = torch.einsum("nkji,kd,jh->ndhi", cube, along_z, along_y)
        constant = (exponents[:, 0] == 0).to(like)
        return (rows - mean[:, None, None, None] * constant) @ along_x
