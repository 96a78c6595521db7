"""Point ops: each value of an image goes through a curve, given at 256 levels.

A curve may depend on the op's params and on the histogram of its image. On uint8 images a chain of point ops is one
table of 256 entries per channel of each image (`levels`); `manyshot.augment.engine.pixelwise` compiles it.
"""

from abc import abstractmethod
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.augment.image.image_op import IMAGES_AND_VOLUMES, ImageOp
from manyshot.augment.ops.op import Params

LEVELS = 256
Values = Float[Tensor, "n c m"]
"""Values of each channel of n images."""
Histogram = Float[Tensor, "n c 256"]
"""Number of values of each channel of n images nearest to each level."""


class CurveOp(ImageOp):
    """Base class of ops that map every value of an image by a curve.

    `measured` is True if the curve depends on the histogram of the image.
    """

    takes: ClassVar[tuple[str, ...]] = IMAGES_AND_VOLUMES
    measured: ClassVar[bool] = False

    @abstractmethod
    def curve(self, values: Values, params: Params, histogram: Histogram | None) -> Values:
        """Evaluate the curve of each channel of each image.

        Args:
            values: Values from 0 to 1.
            params: Params of n images.
            histogram: Number of values of each channel nearest to each level, if the op is `measured`.
        """

    def levels(self, params: Params, histogram: Float[Tensor, "n c 256"]) -> Float[Tensor, "n c 256"]:
        """Return the curve at the 256 levels, 0 to 1: the table of a uint8 image, to be rounded."""
        values = torch.arange(LEVELS, dtype=histogram.dtype, device=histogram.device) / (LEVELS - 1)
        return self.curve(values.expand_as(histogram), params, histogram if self.measured else None)

    def change(self, images: Float[Tensor, "n c *size"], params: Params) -> Float[Tensor, "n c *size"]:
        """Map every value; differentiable in images."""
        counts = histogram(images) if self.measured else None
        return self.curve(images.flatten(2), params, counts).view(images.shape)


def histogram(images: Float[Tensor, "n c *size"]) -> Float[Tensor, "n c 256"]:
    """Count the values of each channel of each image that are nearest to each of the 256 levels.

    Example:
        >>> histogram(torch.tensor([[[[0.0, 1.0, 1.0]]]]))[0, 0, [0, 255]]
        tensor([1., 2.])
    """
    n, c = images.shape[:2]
    level = (images.detach().clamp(0, 1) * (LEVELS - 1)).round().long().flatten(2)
    counts = torch.zeros(n, c, LEVELS, dtype=images.dtype, device=images.device)
    return counts.scatter_add(2, level, torch.ones_like(level, dtype=images.dtype))


def column(value: Tensor, like: Tensor) -> Tensor:
    """Reshape one number per image, `[n]`, to broadcast with `[n, c, m]`, on the device and in the dtype of `like`."""
    return value.to(like.device)[:, None, None] if value.dtype == torch.bool else value.to(like)[:, None, None]


class _StraightThrough(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(smooth: Tensor, exact: Tensor) -> Tensor:
        return exact.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:  # noqa: ANN401 - torch's signature
        pass

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Any, None]:  # noqa: ANN401 - torch's signature
        return gradients[0], None


def straight_through(smooth: Tensor, exact: Tensor) -> Tensor:
    """Return `exact` with the gradient of `smooth` (straight-through estimator, Bengio et al. 2013).

    Example:
        >>> x = torch.tensor([0.4], requires_grad=True)
        >>> y = straight_through(x, x.round())
        >>> y.sum().backward()
        >>> y.item(), x.grad.item()
        (0.0, 1.0)
    """
    result: Tensor = _StraightThrough.apply(smooth, exact)  # type: ignore[no-untyped-call]
    return result
