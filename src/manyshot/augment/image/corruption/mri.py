"""Artifacts of magnetic resonance imaging: bias fields, and ghosting by patient motion."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.geometric.warp import pixels
from manyshot.augment.image.image_op import ImageOp
from manyshot.augment.ops.op import Params, check_number, uniform

ORDER = 3
POWERS = tuple((i, total - i) for total in range(1, ORDER + 1) for i in range(total, -1, -1))
"""The powers (of x, of y) of the terms of a bias field, without the constant."""


@dataclass(frozen=True)
class PolynomialField:
    """Draws the coefficients of the logarithm of a smooth field, for bias fields of images and volumes.

    Args:
        strength: Largest absolute coefficient; coefficients are drawn from -strength to +strength.

    Raises:
        InputError: If it is out of range.
    """

    strength: float = 0.3

    powers: ClassVar[tuple[tuple[int, ...], ...]]
    """The powers of the terms, one for each axis."""

    def __post_init__(self) -> None:
        check_number(self, "strength", high=5)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `coefficients [n, k]`, in the order of `powers`."""
        count = len(self.powers)
        return {"coefficients": uniform(n * count, -self.strength, self.strength, generator).view(n, count)}


@dataclass(frozen=True)
class BiasField(PolynomialField, ImageOp):
    """Multiply each image by a smooth field, as uneven coils do (Van Leemput et al. 1999; Sudre et al. 2017).

    The field is `exp(sum_ij a_ij x^i y^j)` with i + j from 1 to 3, x and y from -1 to 1 over the image.

    Args:
        strength: Largest absolute coefficient; coefficients are drawn from -strength to +strength.

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> to_the_right = {"coefficients": torch.eye(9)[:1]}
        >>> BiasField().apply(torch.full((1, 1, 1, 3), 0.4), to_the_right).flatten()
        tensor([0.2054, 0.4000, 0.7791])
    """

    powers: ClassVar[tuple[tuple[int, ...], ...]] = POWERS

    def change(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Multiply by the field; differentiable in images and coefficients."""
        x, y = pixels(images.new_empty(1, 1, *images.shape[2:]))[0].unbind(-1)
        terms = torch.stack([x**i * y**j for i, j in POWERS])
        field = torch.einsum("nk,khw->nhw", params["coefficients"].to(images), terms).exp()
        return (images * field[:, None]).clamp(0, 1)


@dataclass(frozen=True)
class Ghosts:
    """Draws how many ghosts there are and how strong, for ghosting of images and volumes.

    Args:
        strength: Largest intensity, from 0 to 1.
        ghosts: Largest number of copies.

    Raises:
        InputError: If a value is out of range.
    """

    strength: float = 0.5
    ghosts: int = 6

    def __post_init__(self) -> None:
        check_number(self, "strength", high=1)
        check_number(self, "ghosts", low=2, high=100, whole=True)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `intensity [n]` and `ghosts [n]`."""
        return {
            "intensity": uniform(n, 0.0, self.strength, generator),
            "ghosts": torch.randint(2, self.ghosts + 1, (n,), generator=generator),
        }


def ghost_gains(params: Params, line: Tensor, like: Tensor) -> Float[Tensor, "n lines"]:
    """Return the gains of the lines of a spectrum: every k-th one but the constant one is weakened.

    Args:
        params: Draws of `Ghosts`.
        line: How often each line's wave goes around.
        like: Images or volumes, whose type and device the gains have.

    Example:
        >>> ghost_gains({"intensity": torch.tensor([0.5]), "ghosts": torch.tensor([2])}, torch.arange(5), torch.ones(1))
        tensor([[1.0000, 1.0000, 0.5000, 1.0000, 0.5000]])
    """
    weak = (line % params["ghosts"].to(line)[:, None] == 0) & (line > 0)
    gains: Tensor = 1 - params["intensity"].to(like)[:, None] * weak.to(like)
    return gains


@dataclass(frozen=True)
class Ghosting(Ghosts, ImageOp):
    """Overlay faint copies of each image, evenly spaced along one axis, as breathing does in a scan.

    Periodic motion weakens every k-th line of the image's spectrum: those lines, except the constant one, are
    multiplied by `1 - intensity`, which leaves k copies, each shifted by 1/k of the image.

    Args:
        strength: Largest intensity, from 0 to 1; each image draws its own from 0 up to it.
        ghosts: Largest number of copies; each image draws its own from 2 up to it.

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> Ghosting()(torch.rand(8, 1, 28, 28)).shape
        torch.Size([8, 1, 28, 28])
    """

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `intensity [n]`, `ghosts [n]` and `vertical [n]`, booleans that choose the axis."""
        return {**super().sample(n, generator), "vertical": torch.rand(n, generator=generator) < 0.5}

    def change(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Weaken lines of the spectrum; differentiable in images and intensity."""
        if not images.numel():
            return images
        across, down = (self._ghosted(images, params, axis) for axis in (3, 2))
        vertical = params["vertical"].to(images.device)[:, None, None, None]
        return torch.where(vertical, down, across).clamp(0, 1)

    @staticmethod
    def _ghosted(images: Float[Tensor, "n c h w"], params: Params, axis: int) -> Float[Tensor, "n c h w"]:
        line = torch.arange(images.shape[axis] // 2 + 1, device=images.device)
        gains = ghost_gains(params, line, images)
        spectrum = torch.fft.rfft(images.movedim(axis, -1), dim=-1) * gains[:, None, None]
        ghosted: Tensor = torch.fft.irfft(spectrum, n=images.shape[axis], dim=-1)
        return ghosted.movedim(-1, axis)
