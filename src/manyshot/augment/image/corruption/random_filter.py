"""A random linear filter, which changes colors and textures and keeps shapes."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.corruption.noise import gaussian
from manyshot.augment.image.image_op import ImageOp
from manyshot.augment.ops.op import Params, check_number, seeds
from manyshot.base import InputError


@dataclass(frozen=True)
class RandomFilter(ImageOp):
    """Convolve each image with its own random weights, over neighboring pixels and all channels.

    The weights are standard normal numbers. Each channel of the result is then stretched linearly, so that its smallest
    value becomes 0 and its largest 1; a channel without contrast becomes 0.5. Border pixels repeat beyond the image.

    Known as random convolution (Lee et al. 2020; Laskin et al. 2020, RAD), there without the stretching, so that the
    values leave 0 to 1.

    Args:
        size: Side of the window in pixels, odd.

    Raises:
        InputError: If the size is not odd, or out of range.

    Example:
        >>> op = RandomFilter()
        >>> images = torch.rand(8, 3, 32, 32)
        >>> filtered = op.apply(images, op.sample(8, torch.Generator().manual_seed(0)))
        >>> filtered.amin((2, 3)).unique().tolist(), filtered.amax((2, 3)).unique().tolist()
        ([0.0], [1.0])
    """

    size: int = 3

    flat: ClassVar[float] = 1e-4
    """Smaller contrasts of the filtered image are rounding."""

    def __post_init__(self) -> None:
        check_number(self, "size", low=1, high=31, whole=True)
        if self.size % 2 == 0:
            raise InputError(f"RandomFilter: size={self.size}: give an odd number")

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `seed [n]`, from which the weights are computed: the number of channels is not known here."""
        return {"seed": seeds(n, generator)}

    def change(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Filter and stretch; differentiable in images."""
        n, c, h, w = images.shape
        drawn = gaussian(params["seed"].to(images.device), c * c * self.size**2).to(images)
        weights = drawn.view(n, self.size, self.size, c, c)
        reach = self.size // 2
        rows, columns = (torch.arange(-reach, side + reach, device=images.device).clamp(0, side - 1) for side in (h, w))
        padded = images.index_select(2, rows).index_select(3, columns)
        total = torch.zeros_like(images)
        # Term by term, so that an image's result does not depend on the others of the batch.
        for row in range(self.size):
            for column in range(self.size):
                for source in range(c):
                    window = padded[:, source : source + 1, row : row + h, column : column + w]
                    total = torch.addcmul(total, window, weights[:, row, column, source, :, None, None])
        low, high = total.amin((2, 3), keepdim=True), total.amax((2, 3), keepdim=True)
        span = high - low
        stretched = (total - low) / torch.where(span > self.flat, span, 1.0)
        return torch.where(span > self.flat, stretched, 0.5).clamp(0, 1)
