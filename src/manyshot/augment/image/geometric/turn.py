"""Rotations by multiples of 90 degrees."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from manyshot.augment.image.geometric.warp import Points, Size, Warp
from manyshot.augment.ops.op import Params, check_number
from manyshot.base import InputError


@dataclass(frozen=True)
class Turn(Warp):
    """Rotate an image counterclockwise by a random multiple of `degrees`.

    Pixels are moved without interpolation. Compiled by `manyshot.augment.engine.geometry`.

    Args:
        degrees: 90 for quarter turns, or 180 for half turns, which keep the shape of images that are not square.
        fit: Whether images that are not square get the nearest half turn below the drawn rotation; otherwise a
            quarter turn of such images is an error.

    Raises:
        InputError: If degrees is neither 90 nor 180; when applied, if images that are not square would get a
            quarter turn without `fit`.

    Example:
        >>> op = Turn()
        >>> op.apply(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), {"quarters": torch.tensor([1])}).tolist()
        [[[[2.0, 4.0], [1.0, 3.0]]]]
    """

    degrees: int = 90
    fit: bool = False

    exact: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_number(self, "degrees")
        if self.degrees not in (90, 180):
            raise InputError(f"Turn: degrees={self.degrees}: give 90 or 180 (for any angle: Affine)")

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `quarters [n]`, integers from 0 to 3."""
        step = int(self.degrees) // 90
        return {"quarters": step * torch.randint(4 // step, (n,), generator=generator)}

    def source_points(self, points: Points, params: Params, size: Size) -> Points:
        """Rotate the points back."""
        quarters = self.turns(params, size).to(points.device)
        cos = torch.tensor([1, 0, -1, 0], device=points.device)[quarters]
        sin = torch.tensor([0, 1, 0, -1], device=points.device)[quarters]
        back = torch.stack((torch.stack((cos, -sin), -1), torch.stack((sin, cos), -1)), -2).to(points)
        return (points.flatten(1, 2) @ back.mT).view_as(points)

    def change(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Permute the pixels."""
        n, c, h, w = images.shape
        quarters = self.turns(params, (h, w)).to(images.device)
        index = torch.arange(h * w, device=images.device).view(h, w)
        # Rotations that images of this shape cannot take were refused above: their rows are never read.
        table = torch.stack([index.rot90(k if h == w or k % 2 == 0 else 0).flatten() for k in range(4)])
        return images.flatten(2).gather(2, table[quarters][:, None].expand(n, c, h * w)).view(n, c, h, w)

    def turns(self, params: Params, size: Size) -> Int[Tensor, "n"]:
        """Return the number of quarter turns, 0 to 3, for images of (height, width) `size`.

        Raises:
            InputError: If images that are not square would get a quarter turn without `fit`.
        """
        quarters: Tensor = params["quarters"] % 4
        if size[0] == size[1]:
            return quarters
        if self.fit:
            return quarters - quarters % 2
        if bool((quarters % 2 == 1).any()):
            raise InputError(
                f"Turn: images of {size[0]} x {size[1]} pixels cannot be rotated by 90 degrees: crop them to squares, "
                "or give fit=yes or degrees=180 for half turns"
            )
        return quarters
