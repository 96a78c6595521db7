"""Gaussian blur."""

from dataclasses import dataclass
from math import ceil

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.image_op import ImageOp
from manyshot.augment.ops.op import Params, check_number, uniform


@dataclass(frozen=True)
class Blur(ImageOp):
    """Blur each image with a Gaussian of random width; border pixels repeat beyond the image.

    The weights `exp(-k^2 / (2 sigma^2))` at the distances k up to 3 sigma of the widest blur are scaled to sum to one.

    Args:
        sigma: Largest standard deviation in pixels; each image draws its own from 0 up to it.

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> dot = torch.tensor([[[[0.0, 0.0, 1.0, 0.0, 0.0]]]])
        >>> Blur().apply(dot, {"sigma": torch.tensor([1.0])}).flatten()
        tensor([0.0540, 0.2420, 0.3991, 0.2420, 0.0540])
    """

    sigma: float = 1.0

    def __post_init__(self) -> None:
        check_number(self, "sigma", high=100)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `sigma [n]`, in pixels."""
        return {"sigma": uniform(n, 0.0, self.sigma, generator)}

    def change(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Blur along rows, then along columns; differentiable in images and sigma."""
        # The window fits the widest blur, not this batch: an image's result must not depend on the others.
        reach = ceil(3 * self.sigma)
        distance = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
        sigma = params["sigma"].to(images).clamp(min=1e-3)[:, None]
        weights = (-(distance**2) / (2 * sigma**2)).exp()
        weights = weights / weights.sum(1, keepdim=True)
        return _along(_along(images, weights, 3), weights, 2).clamp(0, 1)


def _along(images: Float[Tensor, "n c h w"], weights: Float[Tensor, "n taps"], axis: int) -> Float[Tensor, "n c h w"]:
    """Sum neighbors along one axis with weights."""
    size, taps = images.shape[axis], weights.shape[1]
    index = torch.arange(size + taps - 1, device=images.device) - taps // 2
    padded = images.index_select(axis, index.clamp(0, size - 1))
    total = torch.zeros_like(images)
    for tap in range(taps):
        total = torch.addcmul(total, padded.narrow(axis, tap, size), weights[:, tap, None, None, None])
    return total
