"""Artifacts of the dermatoscope: the black corners of its tube, and bubbles in the gel below it."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.geometric.warp import pixels
from manyshot.augment.image.image_op import ImageOp
from manyshot.augment.ops.op import Params, check_number, uniform

SOFT = 0.03
"""Width of edges, as a fraction of half the shorter side."""


@dataclass(frozen=True)
class BlackCorner(ImageOp):
    """Show each picture through a round tube: what lies outside of a circle is black.

    Circles have random centers near the middle and radii from `radius` up to 1.3 times half the shorter side; a
    picture's corner lies at 1.41 or farther.

    Args:
        radius: Smallest radius, as a fraction of half the shorter side.
        shift: Largest distance of the center from the middle along each axis, as a fraction of half the shorter side.

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> import torch
        >>> BlackCorner()(torch.ones(1, 3, 28, 28))[0, :, 0, 0].round(decimals=1)
        tensor([0., 0., 0.])
    """

    radius: float = 0.9
    shift: float = 0.1

    def __post_init__(self) -> None:
        check_number(self, "radius", low=0.1, high=1.4)
        check_number(self, "shift", high=1)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `radius [n]` and `center [n, 2]` (x, y)."""
        return {
            "radius": uniform(n, self.radius, max(self.radius, 1.3), generator),
            "center": uniform(2 * n, -self.shift, self.shift, generator).view(n, 2),
        }

    def change(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Darken what lies outside; differentiable in images, radius and center."""
        away = distance(images, params["center"].to(images)[:, None])[:, 0]
        inside = edge(params["radius"].to(images)[:, None, None] - away)
        return images * inside[:, None]


@dataclass(frozen=True)
class Bubbles(ImageOp):
    """Lay round bubbles on each picture: a bright rim around a slightly brighter inside.

    Args:
        strength: Brightness of the rims; each picture draws its own from a fifth of it up to it.
        size: Largest radius, as a fraction of half the shorter side; radii are drawn from a fifth of it up to it.
        count: Number of bubbles.

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> import torch
        >>> Bubbles()(torch.rand(8, 3, 28, 28)).shape
        torch.Size([8, 3, 28, 28])
    """

    strength: float = 0.5
    size: float = 0.25
    count: int = 4

    def __post_init__(self) -> None:
        check_number(self, "strength", high=1)
        check_number(self, "size", low=0.01, high=2)
        check_number(self, "count", low=1, high=100, whole=True)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `strength [n]`, `radius [n, count]` and `center [n, count, 2]` (x, y), -1 to 1 over the picture."""
        return {
            "strength": uniform(n, self.strength / 5, self.strength, generator),
            "radius": uniform(n * self.count, self.size / 5, self.size, generator).view(n, self.count),
            "center": uniform(2 * n * self.count, -0.9, 0.9, generator).view(n, self.count, 2),
        }

    def change(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Mix with white; differentiable in images and all params."""
        radius = params["radius"].to(images)[..., None, None]
        away = distance(images, spread(images, params["center"].to(images)))
        width = (radius / 5).clamp(min=SOFT)
        rim = (-((away - radius) / width).square()).exp()
        inside = 0.15 * edge(radius - away)
        white = params["strength"].to(images)[:, None, None] * (rim + inside).amax(1)
        covered: Tensor = images + white[:, None] * (1 - images)
        return covered


def distance(images: Float[Tensor, "n c h w"], places: Float[Tensor, "n k 2"]) -> Float[Tensor, "n k h w"]:
    """Distance of each pixel from places, in units of half the shorter side, around the middle of the picture.

    Example:
        >>> import torch
        >>> distance(torch.zeros(1, 1, 1, 3), torch.zeros(1, 1, 2)).flatten().round(decimals=3).tolist()
        [2.0, 0.0, 2.0]
    """
    grid = spread(images, pixels(images.new_empty(1, 1, *images.shape[2:])).flatten(1, 2))[0].view(*images.shape[2:], 2)
    away = grid - places[:, :, None, None]
    return (away.square().sum(-1) + 1e-12).sqrt()


def spread(images: Float[Tensor, "n c h w"], points: Float[Tensor, "m k 2"]) -> Float[Tensor, "m k 2"]:
    """Points from -1 to 1 over the picture in units of half the shorter side, so that circles are round.

    Example:
        >>> import torch
        >>> spread(torch.zeros(1, 1, 10, 20), torch.ones(1, 1, 2)).tolist()
        [[[2.0, 1.0]]]
    """
    h, w = images.shape[2:]
    return points * points.new_tensor([w, h]) / min(h, w)


def edge(depth: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """How much of something soft-edged is there, at a depth inside it: 0 outside, 1/2 at its border, 1 inside.

    Example:
        >>> import torch
        >>> edge(torch.tensor([-1.0, 0.0, 1.0])).round(decimals=2).tolist()
        [0.0, 0.5, 1.0]
    """
    return (depth / SOFT * 2).sigmoid()
