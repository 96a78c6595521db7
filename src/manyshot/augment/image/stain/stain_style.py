"""Stain styles: pictures as other laboratories would have stained them, and as one reference does."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.image_op import ImageOp, SwitchedOp
from manyshot.augment.image.intensity.color import is_color
from manyshot.augment.image.intensity.lab import from_lab, to_lab
from manyshot.augment.image.stain.macenko import LEAST_AMOUNT, amounts_of, find_stains
from manyshot.augment.image.stain.stain_styles import StainStyles, read_styles
from manyshot.augment.image.stain.tissue import optical_density, tissue_weight
from manyshot.augment.ops.op import Params, check_choice, check_number
from manyshot.base import InputError

METHODS = ("macenko", "reinhard")
LARGEST_GAIN = 5.0
"""Largest factor by which differences of color are stretched, so that the noise of flat pictures stays noise."""


@dataclass(frozen=True)
class StainStyle(ImageOp):
    """Give each picture a random stain style (RandStainNA: Shen et al. 2022).

    A style is a mean and a deviation of each channel in CIELAB, drawn from Gaussians whose parameters were measured
    over a collection of pictures; the picture's own are replaced by them (Reinhard et al. 2001). Without a file, the
    Gaussians are those of the NCT-CRC-HE-100K tiles of colorectal tissue; `manyshot data styles` measures your own.
    Images with one channel do not change.

    Args:
        file: Styles that `manyshot data styles` wrote; empty for the published ones.
        strength: Factor of the standard deviations of the Gaussians; 0 gives every picture the mean style.
        keep: Whether glass stays as it is; the picture's statistics are then those of tissue.

    Raises:
        InputError: If an option is out of range or the file is none; when applied, if images have other than 1 or 3
            channels.

    Example:
        >>> StainStyle()(torch.rand(8, 3, 28, 28)).shape
        torch.Size([8, 3, 28, 28])
    """

    file: str = ""
    strength: float = 1.0
    keep: bool = False

    channels: ClassVar[tuple[int, ...]] = (1, 3)

    def __post_init__(self) -> None:
        check_number(self, "strength", high=10)
        _check_file(self)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `mean [n, 3]` and `spread [n, 3]` of L, a and b."""
        styles = styles_in(self.file)

        def normal(mean: tuple[float, ...], deviation: tuple[float, ...]) -> Tensor:
            return torch.tensor(mean) + self.strength * torch.tensor(deviation) * torch.randn(n, 3, generator=generator)

        return {
            "mean": normal(styles.mean, styles.mean_deviation),
            "spread": normal(styles.spread, styles.spread_deviation).clamp(min=0.1),
        }

    def change(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Replace mean and deviation of each channel; differentiable in images, mean and spread."""
        if not is_color(self, images[:, :, 0, 0]):
            return images
        return transfer(images, params["mean"].to(images), params["spread"].to(images), self.keep)


@dataclass(frozen=True)
class StainNormalize(SwitchedOp):
    """Stain every picture like a reference, which removes differences between laboratories and scanners.

    macenko: the two stains of the picture are found (Macenko et al. 2009), and their amounts, scaled so that the 99th
    percentiles agree, are shown in the reference's stains. A picture with too little tissue or one stain alone does not
    change. reinhard: mean and deviation of each channel in CIELAB become the reference's (Reinhard et al. 2001).
    Without a file the reference is the usual one for hematoxylin and eosin (see `StainStyles`). Images with one channel
    do not change.

    Args:
        method: macenko or reinhard.
        file: Styles that `manyshot data styles` wrote; empty for the published ones.
        keep: Whether glass stays as it is; statistics are then those of tissue.
        p: Probability that a picture is normalized.

    Raises:
        InputError: If an option is out of range or the file is none; when applied, if images have other than 1 or 3
            channels.

    Example:
        >>> white = torch.ones(1, 3, 4, 4)
        >>> StainNormalize()(white).equal(white)
        True
    """

    method: str = "macenko"
    file: str = ""
    keep: bool = True
    p: float = 1.0

    channels: ClassVar[tuple[int, ...]] = (1, 3)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self, "method", METHODS)
        _check_file(self)

    def change(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Normalize the pictures that are on; differentiable in images, with their stains held fixed."""
        if not is_color(self, images[:, :, 0, 0]) or not len(images):
            return images
        styles = styles_in(self.file)
        if self.method == "reinhard":
            mean, spread = (images.new_tensor(one).expand(len(images), 3) for one in (styles.mean, styles.spread))
            changed = transfer(images, mean, spread, self.keep)
        else:
            changed = restained(images, styles, self.keep)
        return torch.where(params["on"].to(images.device)[:, None, None, None], changed, images)


def _check_file(op: "StainStyle | StainNormalize") -> None:
    try:
        _ = styles_in(op.file)
    except InputError as error:
        raise InputError(f"{type(op).__name__}: file={op.file!r}: {error}") from None


@lru_cache(maxsize=8)
def _read(file: str, changed: int) -> StainStyles:
    """The styles in a file as it was when it last changed."""
    return read_styles(Path(file).expanduser())


def styles_in(file: str) -> StainStyles:
    """The styles in a file; the published ones if its name is empty.

    Raises:
        InputError: If the file is missing or holds no styles.

    Example:
        >>> styles_in("").amounts
        (0.8558, 0.4476)
    """
    if not file:
        return StainStyles()
    path = Path(file).expanduser()
    return _read(file, path.stat().st_mtime_ns if path.exists() else 0)


def transfer(
    images: Float[Tensor, "n 3 h w"], mean: Float[Tensor, "n 3"], spread: Float[Tensor, "n 3"], keep: bool
) -> Float[Tensor, "n 3 h w"]:
    """Give each picture this mean and deviation of L, a and b.

    Args:
        images: Pictures.
        mean: Means to be reached.
        spread: Deviations to be reached, unless that would stretch differences more than five times.
        keep: Whether glass stays as it is, and only tissue counts.

    Example:
        >>> images = torch.rand(1, 3, 8, 8)
        >>> lab = to_lab(images).flatten(2)
        >>> torch.allclose(transfer(images, lab.mean(2), lab.std(2, correction=0), False), images, atol=1e-3)
        True
    """
    lab = to_lab(images)
    tissue = tissue_weight(optical_density(images))
    weight = tissue if keep else torch.ones_like(tissue)
    mass = weight.sum((2, 3)).clamp(min=1e-6)
    own = (weight * lab).sum((2, 3)) / mass
    away = lab - own[:, :, None, None]
    deviation = ((weight * away.square()).sum((2, 3)) / mass + 1e-6).sqrt()
    gain = (spread / deviation).clamp(max=LARGEST_GAIN)
    changed = from_lab(mean[:, :, None, None] + gain[:, :, None, None] * away)
    return images + tissue * (changed - images) if keep else changed


def restained(images: Float[Tensor, "n 3 h w"], styles: StainStyles, keep: bool) -> Float[Tensor, "n 3 h w"]:
    """Show the amounts of each picture's two stains in those of the reference; pictures without two stay as they are.

    Example:
        >>> white = torch.ones(1, 3, 8, 8)
        >>> restained(white, StainStyles(), keep=True).equal(white)
        True
    """
    exact = images.double()  # two stains that are nearly alike are told apart by small differences
    found = find_stains(exact)
    density = optical_density(exact)
    amounts = amounts_of(density.flatten(2), found.stains).clamp(min=0)
    scaled = amounts * (exact.new_tensor(styles.amounts) / found.amounts.clamp(min=LEAST_AMOUNT))[:, :, None]
    light = 256 * 10 ** -(exact.new_tensor(styles.stains).mT @ scaled)
    changed = ((light - 1) / 255).clamp(0, 1).view_as(exact)
    weight = found.known.to(exact)[:, None, None, None]
    return (exact + (weight * tissue_weight(density) if keep else weight) * (changed - exact)).to(images)
