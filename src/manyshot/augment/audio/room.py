"""What a room and a line do to a sound: reverberation, and a band of frequencies that passes."""

from dataclasses import dataclass
from math import log

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.audio.audio_op import AudioOp, Sounds, check_rate, column, rms
from manyshot.augment.image.corruption.noise import gaussian
from manyshot.augment.ops.op import Params, check_number, seeds, uniform
from manyshot.base.sound import RATE

SHORTEST = 0.05
"""Shortest reverberation time, in seconds."""
ORDER = 4
"""Order of the filters: 24 decibels an octave."""
LOWEST = 20.0
"""Lowest edge of a band, in Hz: of what people hear."""


@dataclass(frozen=True)
class Reverb(AudioOp):
    """Add the echoes of a room: convolution with noise that decays exponentially (Moorer 1979).

    y = x + wet (x * h) / ||h||,   h_t = z_t 10^(-3 t / T),   z ~ N(0, 1)

    T is the time in which the echoes fall by 60 decibels. The result is as loud as the sound was.

    Args:
        seconds: Longest T, at least 0.05.
        wet: Largest amplitude of all echoes together, relative to the sound.
        rate: Samples per second.

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> op = Reverb(seconds=0.2)
        >>> op(torch.sin(torch.arange(8000) * 0.1)[None, None], torch.Generator().manual_seed(0)).shape
        torch.Size([1, 1, 8000])
    """

    seconds: float = 0.5
    wet: float = 0.7
    rate: int = RATE

    def __post_init__(self) -> None:
        check_number(self, "seconds", low=SHORTEST, high=10)
        check_number(self, "wet", high=10)
        check_rate(self)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `seconds [n]`, `wet [n]` and `seed [n]`."""
        return {
            "seconds": uniform(n, SHORTEST, self.seconds, generator),
            "wet": uniform(n, 0.0, self.wet, generator),
            "seed": seeds(n, generator),
        }

    def change(self, sounds: Sounds, params: Params) -> Sounds:
        """Convolve each sound with its room; differentiable in sounds and wet."""
        length = sounds.shape[2]
        count = min(int(self.seconds * self.rate), length)
        time = torch.arange(count, device=sounds.device, dtype=sounds.dtype) / self.rate
        decay: Tensor = 10 ** (-3 * time / column(params["seconds"], sounds))
        echo = gaussian(params["seed"].to(sounds.device), count)[:, None].to(sounds) * decay
        echo = echo / echo.square().sum(2, keepdim=True).sqrt()
        size = length + count
        convolved = torch.fft.irfft(torch.fft.rfft(sounds, size) * torch.fft.rfft(echo, size), size)[..., :length]
        heard: Tensor = sounds + column(params["wet"], sounds) * convolved
        louder: Tensor = rms(sounds) / rms(heard)
        return heard * louder


@dataclass(frozen=True)
class Bandpass(AudioOp):
    """Weaken what is below and above a band of frequencies, as small loudspeakers, telephones and walls do.

    |H(f)|^2 = 1 / (1 + (low / f)^8) / (1 + (f / high)^8), without a change of phase

    Args:
        low: Largest lower edge, in Hz.
        high: Smallest upper edge, in Hz. Edges are drawn uniform in the logarithm, from 20 Hz to `low` and from `high`
            to half the rate, or at half the rate where `high` is above it.
        rate: Samples per second.

    Raises:
        InputError: If a value is out of range, or `low` is not below `high`.

    Example:
        >>> Bandpass(rate=8000).sample(2, torch.Generator().manual_seed(0))["high"].max() <= 4000
        tensor(True)
    """

    low: float = 300.0
    high: float = 3400.0
    rate: int = RATE

    def __post_init__(self) -> None:
        check_number(self, "high", low=LOWEST, high=1e6)
        check_number(self, "low", low=LOWEST, high=self.high)
        check_rate(self)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `low [n]` and `high [n]`, in Hz."""
        top = self.rate / 2
        high = min(self.high, top)
        return {
            "low": uniform(n, log(LOWEST), log(self.low), generator).exp(),
            "high": uniform(n, log(high), log(top), generator).exp().clamp(max=top),
        }

    def change(self, sounds: Sounds, params: Params) -> Sounds:
        """Filter each sound; differentiable in sounds and edges."""
        length = sounds.shape[2]
        hertz = _hertz(length, self.rate, sounds).clamp(min=1e-3)
        low, high = column(params["low"], sounds), column(params["high"], sounds)
        power = 1 / (1 + (low / hertz) ** (2 * ORDER)) / (1 + (hertz / high) ** (2 * ORDER))
        passed: Tensor = torch.fft.irfft(torch.fft.rfft(sounds) * power.sqrt(), n=length)
        return passed


def _hertz(length: int, rate: int, like: Tensor) -> Float[Tensor, "f"]:
    """Frequency of each term of the Fourier series of so many samples."""
    return torch.arange(length // 2 + 1, device=like.device, dtype=like.dtype) * (rate / length)
