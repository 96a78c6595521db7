"""Marks of people on pictures: ink of a pen, and characters that a device burnt in."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFont
from torch import Generator, Tensor
from torch.nn import functional as F

from manyshot.augment.image.artifact.dermatoscope import distance, edge, spread
from manyshot.augment.image.image_op import ImageOp
from manyshot.augment.ops.op import Params, check_number, seeds, uniform
from manyshot.base.package_folder import package_folder

INK = (0.25, 0.15, 0.5)
"""Color of the marker that dermatologists and pathologists use: a dark violet."""
ALPHABET = "ABCDEFGHIKLMNOPRSTUVWXYZ0123456789"
LETTERS = 5
"""Number of characters that are burnt in."""
DRAWN = 48
"""Height in pixels at which characters are drawn, before they are shrunk to the picture."""


@dataclass(frozen=True)
class Ink(ImageOp):
    """Draw strokes of a marker at the border of each picture: dark violet, gray in pictures of one channel.

    Args:
        strength: Largest opacity; each picture draws its own from half of it up to it.
        width: Width of a stroke, as a fraction of half the shorter side.
        count: Number of strokes.

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> Ink()(torch.ones(8, 3, 28, 28)).shape
        torch.Size([8, 3, 28, 28])
    """

    strength: float = 0.8
    width: float = 0.1
    count: int = 2

    def __post_init__(self) -> None:
        check_number(self, "strength", high=1)
        check_number(self, "width", low=0.005, high=1)
        check_number(self, "count", low=1, high=50, whole=True)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `strength [n]` and the `ends [n, count, 2, 2]` (x, y) of strokes, -1 to 1; one end is at the border."""
        count = n * self.count
        ends = uniform(4 * count, -1.0, 1.0, generator).view(count, 2, 2)
        side = torch.randint(4, (count,), generator=generator)
        rows = torch.arange(count)
        ends[rows, 0, side % 2] = torch.where(side < 2, -0.95, 0.95)
        ends[:, 1] = ends[:, 0] + 0.6 * (ends[:, 1] - ends[:, 0])
        strength = uniform(n, self.strength / 2, self.strength, generator)
        return {"strength": strength, "ends": ends.view(n, self.count, 2, 2)}

    def change(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Mix with the ink's color; differentiable in images, strength and ends."""
        n = len(images)
        ends = spread(images, params["ends"].to(images).flatten(1, 2)).view(n, self.count, 2, 2)
        # The distance from a stroke is that from the nearest of points along it, which lie closer than its width.
        steps = torch.linspace(0, 1, 24, device=images.device, dtype=images.dtype)[:, None]
        points = ends[:, :, :1] + steps * (ends[:, :, 1:] - ends[:, :, :1])
        away = distance(images, points.flatten(1, 2)).amin(1)
        cover = params["strength"].to(images)[:, None, None] * edge(self.width / 2 - away)
        color = images.new_tensor(INK if images.shape[1] == 3 else (sum(INK) / 3,) * images.shape[1])
        covered: Tensor = images + cover[:, None] * (color[:, None, None] - images)
        return covered


@dataclass(frozen=True)
class Characters(ImageOp):
    """Burn five random capitals and digits into each picture, near its border, as X-ray and ultrasound devices do.

    Args:
        height: Largest height of the characters, as a fraction of the picture's; drawn from half of it up to it.
        strength: Brightness, from 0 (unseen) to 1 (white).

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> bool((Characters()(torch.zeros(1, 1, 64, 64)) > 0.5).any())
        True
    """

    height: float = 0.12
    strength: float = 1.0

    def __post_init__(self) -> None:
        check_number(self, "height", low=0.01, high=0.5)
        check_number(self, "strength", high=1)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `seed [n]`, for the characters, `height [n]` and `place [n, 2]`: fractions of the free way (x, y)."""
        place = torch.rand(n, 2, generator=generator)
        place[:, 1] = torch.where(place[:, 1] < 0.5, 0.2 * place[:, 1], 1 - 0.2 * (1 - place[:, 1]))
        height = uniform(n, self.height / 2, self.height, generator)
        return {"seed": seeds(n, generator), "height": height, "place": place}

    def change(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Mix with white; differentiable in images."""
        if not len(images):
            return images
        h, w = images.shape[2:]
        rows = zip(params["seed"].tolist(), params["height"].tolist(), params["place"].tolist(), strict=True)
        covers = [_cover(drawn(seed), height, (x, y), (h, w)) for seed, height, (x, y) in rows]
        cover = self.strength * torch.stack(covers).to(images)[:, None]
        return images + cover * (1 - images)


def _cover(letters: Tensor, height: float, place: tuple[float, float], size: tuple[int, int]) -> Float[Tensor, "h w"]:
    """Characters in a picture of this size, which they never leave."""
    rows = max(1, min(size[0], round(height * size[0])))
    columns = max(1, min(size[1], round(rows * letters.shape[1] / letters.shape[0])))
    small = F.interpolate(letters[None, None], (rows, columns), mode="area")[0, 0]
    left, top = round(place[0] * (size[1] - columns)), round(place[1] * (size[0] - rows))
    cover = torch.zeros(size)
    cover[top : top + rows, left : left + columns] = small
    return cover


@lru_cache(maxsize=256)
def drawn(seed: int) -> Float[Tensor, "h w"]:
    """Five characters that follow from a seed, from 0 to 1.

    Example:
        >>> drawn(3).max()
        tensor(1.)
    """
    random = np.random.default_rng(seed)
    text = "".join(random.choice(list(ALPHABET), LETTERS))
    font = _font()
    left, top, right, bottom = (round(side) for side in font.getbbox(text))
    canvas = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(canvas).text((-left, -top), text, 255, font)
    return torch.from_numpy(np.asarray(canvas, np.float32) / 255)


@lru_cache(maxsize=1)
def _font() -> ImageFont.FreeTypeFont:
    fonts = package_folder("matplotlib") / "mpl-data" / "fonts"  # it takes a quarter of a second to import
    return ImageFont.truetype(str(fonts / "ttf" / "DejaVuSans.ttf"), DRAWN)
