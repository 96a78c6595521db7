"""Rotation, scale, shear and translation of images as one affine map."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.geometric.warp import PADDING_MODES, Points, Size, Warp
from manyshot.augment.ops.op import Params, check_choice, check_number, factor, uniform


@dataclass(frozen=True)
class Affine(Warp):
    """Apply a random affine map about the center to each image.

    A pixel at x goes to `R(degrees) scale H(shear) x + shift`, where R rotates counterclockwise and H slants like
    italics. R and H act in pixels, so rotation does not shear images that are not square.

    Compiled by `manyshot.augment.engine.geometry` to one 3 x 3 matrix per image.

    Args:
        degrees: Largest rotation in degrees; angles are drawn from -degrees to +degrees.
        scale: Largest scale factor; factors are drawn from 1/scale to scale, uniform in the logarithm.
        shear: Largest shear as a tangent; drawn from -shear to +shear.
        shift: Largest translation along each axis, as a fraction of half the image.
        padding_mode: What is shown beyond the image: zeros, border or reflection.

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> images, still = torch.rand(1, 1, 28, 28), {"shear": torch.zeros(1), "shift": torch.zeros(1, 2)}
        >>> turned = Affine().apply(images, {"degrees": torch.tensor([90.0]), "scale": torch.ones(1), **still})
        >>> torch.allclose(turned, images.rot90(1, (2, 3)), atol=1e-5)
        True
    """

    degrees: float = 15.0
    scale: float = 1.2
    shear: float = 0.15
    shift: float = 0.1
    padding_mode: str = "zeros"

    def __post_init__(self) -> None:
        check_number(self, "degrees", high=180)
        check_number(self, "scale", low=1, high=100)
        check_number(self, "shear", "shift")
        check_choice(self, "padding_mode", PADDING_MODES)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `degrees [n]`, `scale [n]`, `shear [n]` and `shift [n, 2]` (x, y)."""
        return {
            "degrees": uniform(n, -self.degrees, self.degrees, generator),
            "scale": factor(n, self.scale, generator),
            "shear": uniform(n, -self.shear, self.shear, generator),
            "shift": uniform(2 * n, -self.shift, self.shift, generator).view(n, 2),
        }

    def source_points(self, points: Points, params: Params, size: Size) -> Points:
        """Apply the inverse map to the points; differentiable in points and params."""
        shift = params["shift"].to(points)
        inverse = self.inverse(params, size).to(points)
        flat = points.flatten(1, 2)
        offset = -torch.einsum("nij,nj->ni", inverse, shift)
        return torch.baddbmm(offset[:, None], flat, inverse.mT).view_as(points)

    def inverse(self, params: Params, size: Size) -> Float[Tensor, "n 2 2"]:
        """Return the linear part of the map from output to input, `H^-1 R^-1 / scale`; `size` is (height, width)."""
        angle: Tensor = params["degrees"].deg2rad()
        cos, sin = angle.cos(), angle.sin()
        shear: Tensor = params["shear"]
        scale: Tensor = params["scale"]
        # y points down: counterclockwise, R = [[cos, sin], [-sin, cos]]; to the right, H = [[1, -shear], [0, 1]].
        aspect = size[0] / size[1]
        top = torch.stack((cos + shear * sin, (shear * cos - sin) * aspect), -1)
        bottom = torch.stack((sin / aspect, cos), -1)
        return torch.stack((top, bottom), -2) / scale[:, None, None]
