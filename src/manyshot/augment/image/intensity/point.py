"""Point ops: each value of an image goes through a curve, which 256 levels describe.

A curve may depend on the op's params and on how often each level occurs in its image. On uint8 images a chain of point
ops is one table of 256 entries for each channel of each image; `levels` is that table.
"""

from abc import abstractmethod
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.augment.image.image_op import ImageOp
from manyshot.augment.ops.op import Params

LEVELS = 256


class PointOp(ImageOp):
    """An op that maps every value of an image by a curve of its own.

    `measured` tells that the curve depends on the histogram of the image.
    """

    measured: ClassVar[bool] = False

    @abstractmethod
    def curve(
        self, values: Float[Tensor, "n c m"], params: Params, histogram: Float[Tensor, "n c 256"] | None
    ) -> Float[Tensor, "n c m"]:
        """Where the curve of each channel of each image takes values.

        Args:
            values: from 0 to 1.
            params: of n images.
            histogram: how many values of each channel are nearest to each level, where the op is `measured`.
        """

    def levels(self, params: Params, histogram: Float[Tensor, "n c 256"]) -> Float[Tensor, "n c 256"]:
        """The curve at the 256 levels, 0 to 1: the table of a uint8 image, to be rounded."""
        values = torch.arange(LEVELS, dtype=histogram.dtype, device=histogram.device) / (LEVELS - 1)
        return self.curve(values.expand_as(histogram), params, histogram if self.measured else None)

    def change(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Map every value; differentiable in images."""
        seen = histogram(images) if self.measured else None
        return self.curve(images.flatten(2), params, seen).view(images.shape)


def histogram(images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c 256"]:
    """How many values of each channel of each image are nearest to each of the 256 levels from 0 to 1.

    Example:
        >>> histogram(torch.tensor([[[[0.0, 1.0, 1.0]]]]))[0, 0, [0, 255]]
        tensor([1., 2.])
    """
    n, c = images.shape[:2]
    level = (images.detach().clamp(0, 1) * (LEVELS - 1)).round().long().flatten(2)
    counts = torch.zeros(n, c, LEVELS, dtype=images.dtype, device=images.device)
    return counts.scatter_add(2, level, torch.ones_like(level, dtype=images.dtype))


def column(value: Tensor, like: Tensor) -> Tensor:
    """A number an image, `[n]`, where it broadcasts with `[n, c, m]`, on the device and in the type of `like`."""
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
    """The value of `exact` with the gradient of `smooth`, for steps whose own gradient is zero (Bengio et al. 2013).

    Example:
        >>> x = torch.tensor([0.4], requires_grad=True)
        >>> y = straight_through(x, x.round())
        >>> y.sum().backward()
        >>> y.item(), x.grad.item()
        (0.0, 1.0)
    """
    result: Tensor = _StraightThrough.apply(smooth, exact)  # type: ignore[no-untyped-call]
    return result
