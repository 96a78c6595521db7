"""Loss of resolution: shrink and enlarge again."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.image_op import ImageOp
from manyshot.augment.ops.op import Params, check_number, factor


@dataclass(frozen=True)
class Downscale(ImageOp):
    """Shrink each image by a random factor (area average), then resize it back (bilinear).

    Args:
        factor: Largest factor by which each side shrinks; at least 1.

    Raises:
        InputError: If the factor is below 1.

    Example:
        >>> images = torch.tensor([[[[0.0, 1.0, 0.0, 1.0]]]])
        >>> Downscale().apply(images, {"factor": torch.tensor([2.0])}).tolist()
        [[[[0.5, 0.5, 0.5, 0.5]]]]
    """

    factor: float = 3.0

    def __post_init__(self) -> None:
        check_number(self, "factor", low=1, high=1000)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `factor [n]`, from 1, uniform in its logarithm."""
        root = self.factor**0.5
        return {"factor": factor(n, root, generator) * root}

    def change(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Multiply rows and columns by one matrix each; differentiable in images."""
        shrink = params["factor"].to(images)
        down, across = (_shrink_and_enlarge(side, shrink) for side in images.shape[2:])
        return (down[:, None] @ images @ across.mT[:, None]).clamp(0, 1)


def _shrink_and_enlarge(size: int, shrink: Float[Tensor, "n"]) -> Float[Tensor, "n size size"]:
    """Matrix that averages `size` pixels into `size / shrink` larger ones and samples those at the original pixels."""
    small = (size / shrink).round().clamp(1, size)[:, None, None]
    position = torch.arange(size, dtype=shrink.dtype, device=shrink.device)
    left = position[:, None] * size / small
    overlap = torch.minimum(left + size / small, position + 1) - torch.maximum(left, position)
    average = overlap.clamp(min=0) * small / size
    # The rows beyond the small image's last pixel are never read: `read` is 0 there.
    center = ((position[:, None] + 0.5) * small / size - 0.5).clamp(min=0).minimum(small - 1)
    read = (1 - (center - position).abs()).clamp(min=0)
    return read @ average
