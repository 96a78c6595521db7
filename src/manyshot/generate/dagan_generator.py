"""A U-Net that generates another example of the class of a given image."""

from itertools import pairwise
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.generate.generative_model import Code, Condition, Conditioning, GenerativeModel
from manyshot.generate.networks import UnitRange, center_crop, check_size, count_stages, norm_relu

FURTHEST = 0.5
"""Largest displacement of a pixel, in units of half the image."""


KEPT = 3.0
"""How much of the bent picture what is drawn starts from: white and black become 0.002 and 0.998."""


class DAGANGenerator(GenerativeModel):
    """Generate another example of the class of x: x' = decoder(maps of x, z), where a deformed x joins the largest map.

    The encoder halves x until its map is 4 to 7 pixels a side. Of that map and z the decoder makes a field, which bends
    x, and doubles the map until it has half the size of x, where each 2 x 2 pixels of the bent x join it as channels.
    What it draws then, 2 x 2 pixels for each of its own, is added to the bent x within limits:

        x' = bounded(3 (2 bent x - 1) + redraw tanh(drawn)),    bounded(u) = (tanh(u) + 1) / 2

    so a short training that has not learned to draw still makes members of the class. Noise enters at every size. The
    paper's U-Net sees the encoder's maps of every size instead and starts from nothing; it is deeper, of residual and
    dense blocks with batch normalization, where ours normalizes each item alone. Full-size convolutions of few channels
    would take most of the time, so there are none.

    Args:
        shape: Shape of an image.
        noise: Dimension of z.
        width: Channels of the largest map; each smaller map has twice as many, up to 8 times.
        redraw: Bound of the change to the deformed image; at 1 lines grow fainter or bolder, from 6 they come and go.

    Example:
        >>> model = DAGANGenerator((1, 28, 28), noise=4, width=8)
        >>> model(torch.rand(5, 4), Condition(like=torch.rand(5, 1, 28, 28))).shape
        torch.Size([5, 1, 28, 28])
    """

    conditioning: ClassVar[Conditioning] = "item"

    def __init__(self, shape: tuple[int, ...], noise: int, width: int, redraw: float = 1.0) -> None:
        super().__init__(shape, noise)
        self.redraw = redraw
        channels, size = shape[0], shape[1]
        check_size(size)
        stages = max(1, count_stages(size))
        self.side = -(-size // 2**stages)
        self.padded = self.side * 2**stages
        widths = [width * 2 ** min(stage, 3) for stage in range(stages)]
        down: list[nn.Module] = []
        for a, b in pairwise([channels, *widths]):
            down += [nn.Conv2d(a, b, 4, 2, 1, bias=False), norm_relu(b)]
        self.down = nn.Sequential(*down, _smooth(widths[-1], widths[-1]))
        self.seed = nn.Linear(noise, widths[-1] * self.side**2)
        self.merge = nn.Sequential(_smooth(2 * widths[-1], widths[-1]), _smooth(widths[-1], widths[-1]))
        self.field = nn.Conv2d(widths[-1], 2, 3, padding=1)
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(b, a, 4, 2, 1, bias=False) for a, b in reversed(list(pairwise(widths)))
        )
        self.tint = nn.ModuleList(nn.Linear(noise, a) for a in reversed(widths[:-1]))
        self.norm = nn.ModuleList(norm_relu(a) for a in reversed(widths[:-1]))
        self.last = nn.Sequential(
            _smooth(width + 4 * channels, width), nn.Conv2d(width, 4 * channels, 3, padding=1), nn.PixelShuffle(2)
        )
        self.bounded = UnitRange()

    def code(self, condition: Condition) -> Code:
        """The given images, and their smallest maps."""
        assert condition.like is not None
        spare = self.padded - condition.like.shape[-1]
        x = F.pad(condition.like, (spare // 2, spare - spare // 2) * 2, mode="replicate" if spare else "constant")
        return x, self.down((2 * x - 1).contiguous(memory_format=torch.channels_last))

    def decode(self, noise: Float[Tensor, "n z"], code: Code) -> Float[Tensor, "n ..."]:
        """Generate other examples."""
        x, y = code
        y = self.merge(torch.cat([y, self.seed(noise).unflatten(1, (-1, self.side, self.side))], 1))
        bent = bend(x, FURTHEST * self.field(y).tanh())
        for up, tint, norm in zip(self.up, self.tint, self.norm, strict=True):
            y = norm(up(y) + tint(noise)[:, :, None, None])
        drawn = self.last(torch.cat([y, F.pixel_unshuffle(bent, 2)], 1))
        return center_crop(self.bounded(KEPT * (2 * bent - 1) + self.redraw * drawn.tanh()), self.shape[1])


def bend(pictures: Float[Tensor, "n c h w"], field: Float[Tensor, "n 2 rows columns"]) -> Float[Tensor, "n c h w"]:
    """Warp images by a smooth displacement field, in units of half the image.

    Example:
        >>> picture = torch.eye(4)[None, None]
        >>> bend(picture, torch.zeros(1, 2, 2, 2)).allclose(picture)
        True
    """
    size = pictures.shape[-2:]
    whole = torch.eye(2, 3, dtype=field.dtype, device=field.device).expand(len(field), 2, 3)
    grid = F.affine_grid(whole, [len(field), 1, *size], align_corners=False)
    moves = F.interpolate(field, size=size, mode="bilinear", align_corners=False)
    return F.grid_sample(pictures, grid + moves.permute(0, 2, 3, 1), align_corners=False, padding_mode="border")


def _smooth(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), norm_relu(outputs))
