"""Motion blur, as of a camera that moves while the shutter is open."""

from dataclasses import dataclass
from math import ceil

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.geometric.warp import pixels, resample
from manyshot.augment.image.image_op import ImageOp
from manyshot.augment.ops.op import Params, check_number, uniform


@dataclass(frozen=True)
class MotionBlur(ImageOp):
    """Average each image along a line of random length and direction; border pixels repeat beyond the image.

    Args:
        length: Largest length of the line in pixels; each image draws its own from 0 up to it.

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> dot = torch.tensor([[[[0.0, 0.0, 1.0, 0.0, 0.0]]]])
        >>> params = {"length": torch.tensor([3.0]), "degrees": torch.tensor([0.0])}
        >>> MotionBlur(length=2).apply(dot, params).flatten().mul(3).round()
        tensor([0., 1., 1., 1., 0.])
    """

    length: float = 5.0

    def __post_init__(self) -> None:
        check_number(self, "length", high=200)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `length [n]`, in pixels, and `degrees [n]`, counterclockwise from the x axis."""
        return {"length": uniform(n, 0.0, self.length, generator), "degrees": uniform(n, 0.0, 180.0, generator)}

    def change(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Average samples less than a pixel apart; differentiable in images, length and degrees."""
        h, w = images.shape[2:]
        length, angle = params["length"].to(images), params["degrees"].to(images).deg2rad()
        # From one end of the line to the other, in units of half the image; y points down.
        line = torch.stack((angle.cos() * 2 / w, -angle.sin() * 2 / h), -1) * length[:, None]
        points = pixels(images)
        samples = ceil(self.length) + 1
        total = torch.zeros_like(images)
        for k in range(samples):
            offset = line * ((k + 0.5) / samples - 0.5)
            total = total + resample(images, points + offset[:, None, None], "border")
        return (total / samples).clamp(0, 1)
