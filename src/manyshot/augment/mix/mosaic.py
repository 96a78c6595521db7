"""Mosaics of several classes, with labels by area (after Bochkovskiy, Wang and Liao 2020)."""

from dataclasses import dataclass

import torch
from torch import Generator

from manyshot.augment.image.geometric.warp import pixels, resample
from manyshot.augment.mix.mix import Images, Labels, Mix, Mixed, Partners
from manyshot.augment.ops.op import Params, check_number, uniform

MOST = 4
"""The largest number of tiles that two cuts of an image give."""


@dataclass(frozen=True)
class Mosaic(Mix):
    """Turn each image into a mosaic of itself and one to three others, each whole in its tile, with labels by area.

    A mosaic of two is cut across or down; a mosaic of three has one half cut again, a mosaic of four both.

    Args:
        tiles: Largest number of tiles, 2 to 4; each image draws from 2 to that.
        middle: Fraction of the sides, around the center, in which the cuts may lie.

    Raises:
        InputError: For a value out of range.

    Example:
        >>> op = Mosaic()
        >>> params = op.sample(8, torch.Generator().manual_seed(0))
        >>> {name: list(value.shape) for name, value in params.items()}
        {'tiles': [8], 'cut': [8, 2], 'down': [8], 'partner': [8, 3]}
        >>> images, labels = op(torch.rand(8, 3, 28, 28), torch.eye(8), torch.Generator().manual_seed(0))
        >>> images.shape, labels.sum(1).round(decimals=4).unique().tolist()
        (torch.Size([8, 3, 28, 28]), [1.0])
    """

    tiles: int = 4
    middle: float = 0.3

    def __post_init__(self) -> None:
        check_number(self, "tiles", low=2, high=MOST, whole=True)
        check_number(self, "middle", high=0.9)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `tiles [n]`, `cut [n, 2]` (x, y), `down [n]` (halves above each other), `partner [n, 3]`."""
        return {
            "tiles": torch.randint(2, self.tiles + 1, (n,), generator=generator),
            "cut": uniform(2 * n, -self.middle, self.middle, generator).view(n, 2),
            "down": torch.rand(n, generator=generator) < 0.5,
            "partner": torch.rand(n, MOST - 1, generator=generator),
        }

    def change(self, images: Images, labels: Labels, params: Params, partners: Partners) -> Mixed:
        """Shrink each image into its tile, bilinearly; differentiable in images and labels."""
        points = pixels(images)
        cut = params["cut"].to(images)[:, None, None]
        beyond = points >= cut
        down = params["down"].to(images.device)[:, None, None]
        # The half that a point lies in, which of its quarters, and whether that half is cut again.
        half, quarter = (torch.where(down, beyond[..., k], beyond[..., 1 - k]) for k in (1, 0))
        tiles = params["tiles"].to(images.device)[:, None, None]
        is_cut = torch.where(half, tiles >= 3, tiles >= 4)
        tile = 2 * half + (quarter & is_cut)
        # The extent of the tile along each axis: the whole axis where it is not cut.
        split = torch.stack((torch.where(down, is_cut, True), torch.where(down, True, is_cut)), -1)
        low = torch.where(split & beyond, cut, -1.0)
        high = torch.where(split & ~beyond, cut, 1.0)
        inside = 2 * (points - low) / (high - low) - 1
        # Every mosaic has tiles 0 and 2, those of three tiles and more also 3, those of four also 1.
        shown = torch.cat((torch.arange(len(images))[:, None], partners.cpu()), 1)[:, [0, 3, 1, 2]].to(images.device)
        mixed, mixed_labels = torch.zeros_like(images), torch.zeros_like(labels)
        for index in range(MOST):
            mask = tile == index
            source = shown[:, index]
            mixed = torch.where(mask[:, None], resample(images[source], inside, "border"), mixed)
            mixed_labels = mixed_labels + mask.to(labels).mean((1, 2))[:, None] * labels[source]
        return mixed, mixed_labels
