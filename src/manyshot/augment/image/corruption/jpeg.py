"""JPEG compression artifacts (ITU-T T.81) without writing a file: quantization is rounded, the rest is linear."""

from dataclasses import dataclass
from functools import cache

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn import functional as F

from manyshot.augment.image.image_op import ImageOp
from manyshot.augment.image.intensity.color import LUMA
from manyshot.augment.image.intensity.curve_op import straight_through
from manyshot.augment.ops.op import Params, check_number

SIDE = 8
"""Side of the blocks that are transformed, in pixels."""
STEPS = {
    "luma": (
        (16, 11, 10, 16, 24, 40, 51, 61),
        (12, 12, 14, 19, 26, 58, 60, 55),
        (14, 13, 16, 24, 40, 57, 69, 56),
        (14, 17, 22, 29, 51, 87, 80, 62),
        (18, 22, 37, 56, 68, 109, 103, 77),
        (24, 35, 55, 64, 81, 104, 113, 92),
        (49, 64, 78, 87, 103, 121, 120, 101),
        (72, 92, 95, 98, 112, 100, 103, 99),
    ),
    "chroma": (
        (17, 18, 24, 47, 99, 99, 99, 99),
        (18, 21, 26, 66, 99, 99, 99, 99),
        (24, 26, 56, 99, 99, 99, 99, 99),
        (47, 66, 99, 99, 99, 99, 99, 99),
        *((99,) * 8,) * 4,
    ),
}
"""Quantization steps at quality 50, from Annex K of the standard."""
YCBCR = (LUMA, (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
"""Rows that map (red, green, blue) to luma and two chroma channels (ITU-T T.871)."""


@dataclass(frozen=True)
class JPEG(ImageOp):
    """Compress each image with a random JPEG quality, as libjpeg does.

    Images with three channels are converted to luma and chroma, with chroma at half the resolution; otherwise each
    channel is compressed on its own. 8 x 8 blocks go through a discrete cosine transform, whose coefficients are
    quantized by the steps of the quality. Gradients pass straight through the rounding.

    Args:
        quality: Lowest quality, 1 to 100; each image draws one from it up to 95 (or to `quality`, if higher).

    Raises:
        InputError: If the quality is out of range.

    Example:
        >>> op = JPEG(quality=10)
        >>> images = torch.rand(8, 3, 28, 28)
        >>> changed = op.apply(images, op.sample(8, torch.Generator().manual_seed(0)))
        >>> changed.shape, bool((changed - images).abs().mean() > 0.05)
        (torch.Size([8, 3, 28, 28]), True)
    """

    quality: int = 30

    def __post_init__(self) -> None:
        check_number(self, "quality", low=1, high=100, whole=True)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `quality [n]`."""
        return {"quality": torch.randint(self.quality, max(95, self.quality) + 1, (n,), generator=generator)}

    def change(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Quantize the frequencies; differentiable in images."""
        n, c, h, w = images.shape
        if not n:
            return images
        quality = params["quality"].to(images)
        scale = torch.where(quality < 50, (5000 / quality).floor(), 200 - 2 * quality)
        if c != 3:
            return (_quantize_blocks(images * 255 - 128, "luma", scale) + 128).div(255).clamp(0, 1)
        space = torch.tensor(YCBCR, dtype=torch.float64)
        to_ycbcr, to_rgb = space.to(images), space.inverse().to(images)
        planes = _round(torch.einsum("ij,njhw->nihw", to_ycbcr, images * 255))
        luma = _round(_quantize_blocks(planes[:, :1] - 128, "luma", scale) + 128).clamp(0, 255)
        half = _round(F.avg_pool2d(_padded(planes[:, 1:], 2), 2))
        small = _round(_quantize_blocks(half, "chroma", scale)).clamp(-128, 127)
        chroma = F.interpolate(small, scale_factor=2.0, mode="bilinear", align_corners=False)[..., :h, :w]
        changed: Tensor = torch.einsum("ij,njhw->nihw", to_rgb, torch.cat((luma, chroma), 1))
        return changed.div(255).clamp(0, 1)


def _round(planes: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
    return straight_through(planes, planes.round())


def _quantize_blocks(
    planes: Float[Tensor, "n c h w"], kind: str, scale: Float[Tensor, "n"]
) -> Float[Tensor, "n c h w"]:
    """Quantize the frequencies of every 8 x 8 block."""
    n, c, h, w = planes.shape
    padded = _padded(planes, SIDE)
    rows, columns = padded.shape[2] // SIDE, padded.shape[3] // SIDE
    blocks = padded.view(n, c, rows, SIDE, columns, SIDE).transpose(3, 4)
    waves = _cosines().to(planes)
    steps = ((planes.new_tensor(STEPS[kind]) * scale[:, None, None] + 50) / 100).floor().clamp(1, 255)
    steps = steps[:, None, None, None]
    frequencies = waves @ blocks @ waves.T / steps
    rounded = straight_through(frequencies, frequencies.round()) * steps
    result: Tensor = waves.T @ rounded @ waves
    return result.transpose(3, 4).reshape(padded.shape)[..., :h, :w]


def _padded(planes: Float[Tensor, "n c h w"], multiple: int) -> Float[Tensor, "n c h2 w2"]:
    """Repeat the last row and column until both sides are multiples of `multiple`."""
    h, w = planes.shape[2:]
    return F.pad(planes, (0, -w % multiple, 0, -h % multiple), mode="replicate")


@cache
def _cosines() -> Float[Tensor, "8 8"]:
    """Orthonormal cosine transform: row k is the wave of frequency k."""
    k, x = torch.arange(SIDE, dtype=torch.float64)[:, None], torch.arange(SIDE, dtype=torch.float64)
    waves: Tensor = (torch.pi * (2 * x + 1) * k / (2 * SIDE)).cos() * (2 / SIDE) ** 0.5
    waves[0] /= 2**0.5
    return waves
