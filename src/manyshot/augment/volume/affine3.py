"""Rotation, scale, shear and translation of volumes as one affine map."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.geometric.warp import PADDING_MODES, Size
from manyshot.augment.ops.op import Params, check_choice, check_number, factor, uniform
from manyshot.augment.volume.warp3 import LinearWarp3
from manyshot.base import InputError


@dataclass(frozen=True)
class Affine3(LinearWarp3):
    """Apply a random affine map about the center to each volume.

    A voxel at x goes to `Rz Ry Rx scale H x + shift`, where R rotates about an axis and H shears x by y and z, and y by
    z. Rotation and shear act in units of length, so a sphere stays a sphere: say how much farther apart slices are than
    the pixels in them with `aspect`. A rotation about z is that of `Affine` in every slice.

    Args:
        degrees: Largest rotation about each axis in degrees; angles are drawn from -degrees to +degrees.
        scale: Largest scale factor, the same along all axes; drawn from 1/scale to scale, uniform in the logarithm.
        shear: Largest shear as a tangent; drawn from -shear to +shear.
        shift: Largest translation along each axis, as a fraction of half the volume.
        in_plane: Whether only the slices move, each within itself: for scans whose slices are thick.
        aspect: Distance of slices (along the axis d) as a multiple of the distance of pixels in them.
        padding_mode: What is shown beyond the volume: zeros, border or reflection.

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> Affine3(degrees=10)(torch.rand(2, 1, 16, 20, 18)).shape
        torch.Size([2, 1, 16, 20, 18])
    """

    degrees: float = 10.0
    scale: float = 1.1
    shear: float = 0.05
    shift: float = 0.05
    in_plane: bool = False
    aspect: float = 1.0
    padding_mode: str = "zeros"

    def __post_init__(self) -> None:
        check_number(self, "degrees", high=180)
        check_number(self, "scale", low=1, high=100)
        check_number(self, "shear", "shift")
        check_number(self, "aspect", low=0.01, high=100)
        check_choice(self, "padding_mode", PADDING_MODES)
        if not isinstance(self.in_plane, bool):
            raise InputError(f"{type(self).__name__}: in_plane={self.in_plane!r}: give True or False")

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `degrees [n, 3]` about x, y and z, `scale [n]`, `shear [n, 3]` (xy, xz, yz) and `shift [n, 3]`."""
        draws = {
            "degrees": uniform(3 * n, -self.degrees, self.degrees, generator).view(n, 3),
            "scale": factor(n, self.scale, generator),
            "shear": uniform(3 * n, -self.shear, self.shear, generator).view(n, 3),
            "shift": uniform(3 * n, -self.shift, self.shift, generator).view(n, 3),
        }
        if self.in_plane:
            for name, still in (("degrees", [0, 1]), ("shear", [1, 2]), ("shift", [2])):
                draws[name][:, still] = 0.0
        return draws

    def inverse(self, params: Params, size: Size) -> Float[Tensor, "n 3 3"]:
        """Return `H^-1 Rx^-1 Ry^-1 Rz^-1 / scale` between points from -1 to 1."""
        degrees: Tensor = params["degrees"]
        angle = degrees.double().deg2rad()
        back = _turn(angle[:, 0], 1, 2) @ _turn(angle[:, 1], 2, 0) @ _turn(angle[:, 2], 0, 1)
        xy, xz, yz = params["shear"].double().unbind(-1)
        one, zero = torch.ones_like(xy), torch.zeros_like(xy)
        straight = torch.stack((one, xy, xz + xy * yz, zero, one, yz, zero, zero, one), -1).view(-1, 3, 3)
        scale = params["scale"].double()[:, None]
        scales = torch.cat((scale, scale, torch.ones_like(scale) if self.in_plane else scale), 1)
        half = scales.new_tensor([size[2], size[1], size[0] * self.aspect])
        return straight @ back / scales[:, None] * (half / half[:, None])

    def shift_of(self, params: Params) -> Float[Tensor, "n 3"]:
        """Return the drawn translation."""
        shift: Tensor = params["shift"]
        return shift


def _turn(angle: Float[Tensor, "n"], first: int, second: int) -> Float[Tensor, "n 3 3"]:
    """Return the inverse of the rotation from axis `second` towards `first`."""
    cos, sin, one = angle.cos(), angle.sin(), torch.ones_like(angle)
    rows = [[torch.zeros_like(angle)] * 3 for _ in range(3)]
    third = 3 - first - second
    rows[third][third] = one
    rows[first][first], rows[first][second] = cos, -sin
    rows[second][first], rows[second][second] = sin, cos
    return torch.stack([torch.stack(row, -1) for row in rows], -2)
