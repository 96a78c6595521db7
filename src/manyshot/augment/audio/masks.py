"""Silence for a while, or in a band of frequencies (SpecAugment; Park et al. 2019)."""

from dataclasses import dataclass
from math import log10

import torch
from torch import Generator, Tensor

from manyshot.augment.audio.audio_op import AudioOp, Sounds, check_rate, column
from manyshot.augment.ops.op import Params, check_number, uniform
from manyshot.base.sound import RATE


@dataclass(frozen=True)
class MaskTime(AudioOp):
    """Silence a stretch of each sound.

    Args:
        fraction: Longest stretch, as a fraction of the length.

    Raises:
        InputError: If it is not from 0 to 1.

    Example:
        >>> params = {"width": torch.tensor([0.5]), "start": torch.tensor([0.5])}
        >>> MaskTime().apply(torch.ones(1, 1, 4), params)
        tensor([[[1., 0., 0., 1.]]])
    """

    fraction: float = 0.2

    def __post_init__(self) -> None:
        check_number(self, "fraction", high=1)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `width [n]`, as fractions of the length, and `start [n]`, as fractions of what is left."""
        return {"width": uniform(n, 0.0, self.fraction, generator), "start": torch.rand(n, generator=generator)}

    def change(self, sounds: Sounds, params: Params) -> Sounds:
        """Silence each sound's stretch; differentiable in sounds."""
        length = sounds.shape[2]
        widths = (params["width"] * length).round()
        firsts = (params["start"] * (length - widths)).round().long().tolist()
        masked = sounds.clone()
        for index, (first, width) in enumerate(zip(firsts, widths.long().tolist(), strict=True)):
            masked.select(0, index).narrow(1, first, width).zero_()
        return masked


@dataclass(frozen=True)
class MaskBand(AudioOp):
    """Silence a band of frequencies of each sound.

    Bands are drawn on the mel scale, on which bands of one width sound equally wide. Unlike in SpecAugment, which masks
    spectrograms, the result is a sound, so that any encoder can be used.

    Args:
        fraction: Widest band, as a fraction of the mel scale up to half the rate.
        rate: Samples per second.

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> op = MaskBand()
        >>> op(torch.rand(2, 1, 8000), torch.Generator().manual_seed(0)).shape
        torch.Size([2, 1, 8000])
    """

    fraction: float = 0.2
    rate: int = RATE

    def __post_init__(self) -> None:
        check_number(self, "fraction", high=1)
        check_rate(self)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `width [n]`, as fractions of the mel scale, and `start [n]`, as fractions of what is left."""
        return {"width": uniform(n, 0.0, self.fraction, generator), "start": torch.rand(n, generator=generator)}

    def change(self, sounds: Sounds, params: Params) -> Sounds:
        """Remove each sound's band from its Fourier series; differentiable in sounds."""
        length, top = sounds.shape[2], 2595 * log10(1 + self.rate / 2 / 700)
        hertz = torch.arange(length // 2 + 1, device=sounds.device, dtype=sounds.dtype) * (self.rate / length)
        mel = 2595 * (1 + hertz / 700).log10() / top
        width = column(params["width"], sounds)
        first = column(params["start"], sounds) * (1 - width)
        kept = ~((mel >= first) & (mel < first + width))
        changed: Tensor = torch.fft.irfft(torch.fft.rfft(sounds) * kept, n=length)
        return changed
