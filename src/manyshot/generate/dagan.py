"""Data augmentation GAN: another item of the class of a given one (Antoniou, Storkey and Edwards 2017)."""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from manyshot.augment.op import check_number
from manyshot.generate.bodies import SLOPE, Bounded, Shrink, middle, normalised, require_size, stages_of
from manyshot.generate.discriminator import Pairs
from manyshot.generate.game import Game
from manyshot.generate.generator import Code, Condition, ItemGenerator, Wants
from manyshot.generate.kind import MOST, Kind, check_game


class UNet(ItemGenerator):
    """Makes another item of the class of x: x' = decoder(maps of x, z).

    The encoder halves x until its map is 4 to 7 pixels a side; the decoder doubles it again and sees the encoder's map
    of each size. Noise enters every size of the decoder as maps of a learned pattern, weighted by a linear function of
    z. What x comes to (its code) are the encoder's maps. The paper's network is deeper, of residual and dense blocks
    with batch normalisation; ours normalises each item alone.

    Args:
        shape: of an item.
        noise: how many numbers z has.
        width: channels of the largest map; each smaller one has twice as many, up to 8 times.
    """

    wants: ClassVar[Wants] = "item"

    def __init__(self, shape: tuple[int, ...], noise: int, width: int) -> None:
        super().__init__(shape, noise)
        channels, size = shape[0], shape[1]
        require_size(size)
        stages = stages_of(size)
        self.padded = -(-size // 2**stages) * 2**stages
        widths = [width * 2 ** min(stage, 3) for stage in range(stages + 1)]
        self.first = nn.Sequential(nn.Conv2d(channels, widths[0], 3, padding=1), nn.LeakyReLU(SLOPE))
        self.down = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(a, b, 4, 2, 1, bias=False),
                normalised(b),
                nn.Conv2d(b, b, 3, padding=1, bias=False),
                normalised(b),
            )
            for a, b in pairwise(widths)
        )
        side = self.padded // 2**stages
        self.side = side
        self.seed = nn.Linear(noise, widths[-1] * side**2)
        self.merge = nn.Sequential(
            nn.Conv2d(2 * widths[-1], widths[-1], 3, padding=1, bias=False), normalised(widths[-1])
        )
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(b, a, 4, 2, 1, bias=False) for a, b in reversed(list(pairwise(widths)))
        )
        self.tint = nn.ModuleList(nn.Linear(noise, a) for a in reversed(widths[:-1]))
        self.join = nn.ModuleList(
            nn.Sequential(nn.Conv2d(2 * a, a, 3, padding=1, bias=False), normalised(a)) for a in reversed(widths[:-1])
        )
        self.last = nn.Sequential(nn.Conv2d(widths[0], channels, 3, padding=1), Bounded())

    def code(self, condition: Condition) -> Code:
        """The maps of the items shown, from large to small."""
        assert condition.like is not None
        spare = self.padded - condition.like.shape[-1]
        edges = (spare // 2, spare - spare // 2)
        x = nn.functional.pad(2 * condition.like - 1, edges * 2, mode="replicate" if spare else "constant")
        maps = [self.first(x.contiguous(memory_format=torch.channels_last))]
        for layer in self.down:
            maps.append(layer(maps[-1]))
        return tuple(maps)

    def decode(self, noise: Float[Tensor, "n z"], code: Code) -> Float[Tensor, "n ..."]:
        """Make other items."""
        *skips, x = code
        seed = self.seed(noise).unflatten(1, (-1, self.side, self.side))
        x = self.merge(torch.cat([x, seed], 1))
        for skip, up, tint, join in zip(reversed(skips), self.up, self.tint, self.join, strict=True):
            x = join(torch.cat([up(x) + tint(noise)[:, :, None, None], skip], 1))
        return middle(self.last(x), self.shape[1])


@dataclass(frozen=True)
class DAGANOptions:
    """Another item of the class of any given one, also of classes never seen, `dagan(width=32)`.

    Args:
        width: channels of the generator's largest map.
        judge: channels of the discriminator's.
        noise: how many numbers z has.
        loss: wasserstein in the paper; or minimax, non_saturating, hinge.
        penalty: gradient in the paper; or none, r1.

    Raises:
        InputError: for a value out of range.
    """

    width: int = 16
    judge: int = 32
    noise: int = 32
    loss: str = "wasserstein"
    penalty: str = "gradient"

    wants: ClassVar[Wants] = "item"

    def __post_init__(self) -> None:
        check_number(self, "width", "judge", "noise", low=1, high=MOST, whole=True)
        check_game(self)

    def make(self, kind: Kind) -> Game:
        """Build the game; the discriminator sees pairs."""
        channels, size = kind.require_pictures("dagan")
        body = Shrink(2 * channels, size, self.judge)
        return Game(UNet(kind.shape, self.noise, self.width), Pairs(body, body.features), self.loss, self.penalty)
