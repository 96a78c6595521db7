"""Loudness and the shape of the wave: gain, polarity, clipping, and the mu-law of telephones."""

from dataclasses import dataclass
from math import log

import torch
from torch import Generator

from manyshot.augment.audio.audio_op import AudioOp, Sounds, column
from manyshot.augment.ops.op import Params, check_number, uniform

MU = 255.0
"""Compression of the mu-law, as in telephony (ITU-T G.711)."""
LEAST_BITS, MOST_BITS = 2, 16


@dataclass(frozen=True)
class Gain(AudioOp):
    """Make each sound louder or less loud.

    x' = x 10^(decibels / 20)

    Args:
        decibels: Largest change, either way.

    Raises:
        InputError: If it is out of range.

    Example:
        >>> Gain(20).apply(torch.full((1, 1, 4), 0.01), {"decibels": torch.tensor([20.0])}).flatten()
        tensor([0.1000, 0.1000, 0.1000, 0.1000])
    """

    decibels: float = 6.0

    def __post_init__(self) -> None:
        check_number(self, "decibels", high=120)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `decibels [n]`."""
        return {"decibels": uniform(n, -self.decibels, self.decibels, generator)}

    def change(self, sounds: Sounds, params: Params) -> Sounds:
        """Multiply each sound by its factor; differentiable in sounds and decibels."""
        return sounds * 10 ** (column(params["decibels"], sounds) / 20)


@dataclass(frozen=True)
class Polarity(AudioOp):
    """Turn the wave of a sound upside down, which nobody hears.

    Args:
        p: Probability that a sound is changed.

    Raises:
        InputError: If p is not from 0 to 1.

    Example:
        >>> Polarity(p=1)(torch.tensor([[0.25, -0.5]]))
        tensor([[-0.2500,  0.5000]])
    """

    p: float = 0.5

    def __post_init__(self) -> None:
        check_number(self, "p", high=1)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `on [n]`, booleans."""
        return {"on": torch.rand(n, generator=generator) < self.p}

    def change(self, sounds: Sounds, params: Params) -> Sounds:
        """Change the sign of the chosen sounds; differentiable in sounds."""
        return sounds * (1 - 2 * column(params["on"], sounds))


@dataclass(frozen=True)
class Clip(AudioOp):
    """Cut off what is louder than a fraction of a sound's peak, as an overdriven microphone does.

    x' = clamp(x, -h, h),   h = (1 - amount) max |x|

    Args:
        amount: Largest fraction of the peak that is cut off.

    Raises:
        InputError: If it is not from 0 to 0.99.

    Example:
        >>> Clip().apply(torch.tensor([[[0.2, -1.0]]]), {"amount": torch.tensor([0.5])})
        tensor([[[ 0.2000, -0.5000]]])
    """

    amount: float = 0.7

    def __post_init__(self) -> None:
        check_number(self, "amount", high=0.99)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `amount [n]`."""
        return {"amount": uniform(n, 0.0, self.amount, generator)}

    def change(self, sounds: Sounds, params: Params) -> Sounds:
        """Cut the peaks off; differentiable in sounds and amount."""
        most = (1 - column(params["amount"], sounds)) * sounds.abs().amax((1, 2), keepdim=True)
        return sounds.maximum(-most).minimum(most)


@dataclass(frozen=True)
class MuLaw(AudioOp):
    """Round to few levels that stand closer together where a sound is quiet: the noise of a telephone line.

    f(x) = sign(x) log(1 + 255 |x|) / log(256) is rounded to 2^bits - 1 levels and mapped back.

    Args:
        bits: Smallest number of bits; 8 are a telephone's.
        most: Largest number of bits.

    Raises:
        InputError: If they are not from 2 to 16, or in the wrong order.

    Example:
        >>> sounds = torch.linspace(-1, 1, 1000)[None, None]
        >>> MuLaw().apply(sounds, {"bits": torch.tensor([4])}).unique().numel()
        15
    """

    bits: int = 5
    most: int = 8

    def __post_init__(self) -> None:
        check_number(self, "most", low=LEAST_BITS, high=MOST_BITS, whole=True)
        check_number(self, "bits", low=LEAST_BITS, high=self.most, whole=True)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `bits [n]`."""
        return {"bits": torch.randint(self.bits, self.most + 1, (n,), generator=generator)}

    def change(self, sounds: Sounds, params: Params) -> Sounds:
        """Round each sound to its levels, from -1 to 1; what is louder is clipped."""
        levels = 2 ** (column(params["bits"], sounds) - 1) - 1
        pressed = sounds.sign() * (MU * sounds.abs().clamp(max=1)).log1p() / log(1 + MU)
        rounded = (pressed * levels).round() / levels
        return rounded.sign() * ((rounded.abs() * log(1 + MU)).exp() - 1) / MU
