"""Mixing within an image: one part is copied over another."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor

from manyshot.augment.image.geometric.warp import Points, Size, Warp, pixels
from manyshot.augment.ops.op import Params, check_number, factor, uniform


@dataclass(frozen=True)
class SelfMix(Warp):
    """Copy a random rectangle of each image to another position of the same image (after Seo, Jung and Lee 2021).

    The label does not change, since no other class is mixed in. Whole pixels are copied, bit by bit.

    Args:
        area: Largest area of the rectangle as a fraction of the image; areas are drawn from a tenth of it up to it.

    Raises:
        InputError: If the area is outside 0 to 1.

    Example:
        >>> params = {name: torch.tensor([value]) for name, value in
        ...     {"side": [0.25, 1.0], "source": [-0.75, 0.0], "target": [0.75, 0.0]}.items()}
        >>> SelfMix().apply(torch.tensor([[[[1.0, 2.0, 3.0, 4.0]]]]), params).tolist()
        [[[[1.0, 2.0, 3.0, 1.0]]]]
    """

    area: float = 0.2

    exact: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_number(self, "area", high=1)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `side [n, 2]`, fractions of the image's sides, and the centers `source` and `target [n, 2]` (x, y)."""
        area = uniform(n, self.area / 10, self.area, generator)
        long = torch.maximum(area, area.sqrt() * factor(n, 3**0.5, generator)).clamp(max=1)
        side = torch.stack((long, area / long.clamp(min=1e-12)), -1).clamp(max=1)
        source, target = ((1 - side) * uniform(2 * n, -1.0, 1.0, generator).view(n, 2) for _ in range(2))
        return {"side": side, "source": source, "target": target}

    def source_points(self, points: Points, params: Params, size: Size) -> Points:
        """Move the points in the target to the source, by whole pixels."""
        sides = torch.tensor([size[1], size[0]], device=points.device)
        step = (2 * self._steps(params, size).to(points.device) / sides).to(points)[:, None, None]
        return torch.where(self._in_target(points, params), (points + step).clamp(-1, 1), points)

    def change(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Copy the pixels; differentiable in images."""
        n, c, h, w = images.shape
        steps = self._steps(params, (h, w)).to(images.device)[:, None, None]
        column = (torch.arange(w, device=images.device)[None, None] + steps[..., 0]).clamp(0, w - 1)
        row = (torch.arange(h, device=images.device)[None, :, None] + steps[..., 1]).clamp(0, h - 1)
        index = (row * w + column).view(n, 1, h * w).expand(n, c, h * w)
        moved = images.flatten(2).gather(2, index).view(n, c, h, w)
        return torch.where(self._in_target(pixels(images), params)[:, None, ..., 0], moved, images)

    def _in_target(self, points: Float[Tensor, "n h w 2"], params: Params) -> Bool[Tensor, "n h w 1"]:
        target, side = params["target"].to(points)[:, None, None], params["side"].to(points)[:, None, None]
        inside: Tensor = (points - target).abs() < side
        return inside.all(-1, keepdim=True)

    @staticmethod
    def _steps(params: Params, size: Size) -> Int[Tensor, "n 2"]:
        """Offset from the target to the source, in pixels."""
        half = torch.tensor([size[1], size[0]], device=params["side"].device) / 2
        steps: Tensor = ((params["source"] - params["target"]) * half).round().long()
        return steps
