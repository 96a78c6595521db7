"""When things sound and how fast: shift, speed, stretch and pitch."""

from dataclasses import dataclass
from math import log2, tau

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.audio.audio_op import AudioOp, Sounds, check_rate, each, resample
from manyshot.augment.ops.op import Params, check_number, factor, uniform
from manyshot.base.sound import RATE

WINDOW = 0.032
"""Length of the windows of the phase vocoder, in seconds."""
OVERLAP = 4
"""Windows that a sample is in."""


@dataclass(frozen=True)
class ShiftTime(AudioOp):
    """Move each sound forward or back in time; what leaves is lost, and silence comes in.

    Args:
        fraction: Largest shift either way, as a fraction of the length.

    Raises:
        InputError: If the fraction is not from 0 to 1.

    Example:
        >>> ShiftTime().apply(torch.tensor([[[1.0, 2.0, 3.0, 4.0]]]), {"shift": torch.tensor([0.25])})
        tensor([[[0., 1., 2., 3.]]])
    """

    fraction: float = 0.1

    def __post_init__(self) -> None:
        check_number(self, "fraction", high=1)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `shift [n]`, as fractions of the length."""
        return {"shift": uniform(n, -self.fraction, self.fraction, generator)}

    def change(self, sounds: Sounds, params: Params) -> Sounds:
        """Move each sound by a whole number of samples; differentiable in sounds."""
        length = sounds.shape[2]
        by = (params["shift"] * length).round().long().repeat_interleave(sounds.shape[1]).tolist()
        silence, pieces = sounds.new_zeros(length), []
        for wave, steps in zip(sounds.flatten(0, 1), by, strict=True):  # one copy of all, where padding each makes two
            if steps >= 0:
                pieces += [silence[:steps], wave[: length - steps]]
            else:
                pieces += [wave[-steps:], silence[:-steps]]
        return torch.cat(pieces).view_as(sounds)


@dataclass(frozen=True)
class Speed(AudioOp):
    """Play each sound faster or slower, as a record: pitch and voice change with the speed (Ko et al. 2015).

    The middle of the sound stays where it is. Sounds are resampled by their Fourier series, without aliasing.

    Args:
        factor: Largest factor; its inverse is as likely.

    Raises:
        InputError: If it is not from 1 to 4.

    Example:
        >>> sounds = torch.sin(torch.arange(8000) * 0.1)[None, None]
        >>> Speed().apply(sounds, {"factor": torch.tensor([1.1])}).shape
        torch.Size([1, 1, 8000])
    """

    factor: float = 1.15

    def __post_init__(self) -> None:
        check_number(self, "factor", low=1, high=4)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `factor [n]`, uniform in the logarithm."""
        return {"factor": factor(n, self.factor, generator)}

    def change(self, sounds: Sounds, params: Params) -> Sounds:
        """Resample each sound; differentiable in sounds."""
        lengths = (sounds.shape[2] / params["factor"].double()).round().clamp(min=1).long().tolist()
        return each(sounds, lambda sound, index: resample(sound, lengths[index]))


@dataclass(frozen=True)
class Stretch(AudioOp):
    """Make each sound faster or slower at the same pitch, by a phase vocoder (Flanagan and Golden 1966).

    Args:
        factor: Largest factor of the speed; its inverse is as likely.
        rate: Samples per second, which set the length of the windows (32 ms).

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> sounds = torch.sin(torch.arange(8000) * 0.1)[None, None]
        >>> Stretch().apply(sounds, {"factor": torch.tensor([0.9])}).shape
        torch.Size([1, 1, 8000])
    """

    factor: float = 1.2
    rate: int = RATE

    def __post_init__(self) -> None:
        check_number(self, "factor", low=1, high=4)
        check_rate(self)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `factor [n]`, uniform in the logarithm."""
        return {"factor": factor(n, self.factor, generator)}

    def change(self, sounds: Sounds, params: Params) -> Sounds:
        """Stretch each sound; differentiable in sounds."""
        factors = params["factor"].tolist()
        return each(sounds, lambda sound, index: stretched(sound, factors[index], self.rate))


@dataclass(frozen=True)
class Pitch(AudioOp):
    """Make each sound higher or lower at the same speed: stretched by a phase vocoder, then resampled.

    Args:
        semitones: Largest change, either way; 12 are an octave.
        rate: Samples per second, which set the length of the windows (32 ms).

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> sounds = torch.sin(torch.arange(8000) * 0.1)[None, None]
        >>> octave = Pitch().apply(sounds, {"semitones": torch.tensor([12.0])})
        >>> [int(torch.fft.rfft(sound).abs().argmax()) for sound in (sounds, octave)]
        [127, 255]
    """

    semitones: float = 2.0
    rate: int = RATE

    def __post_init__(self) -> None:
        check_number(self, "semitones", high=24)
        check_rate(self)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `semitones [n]`."""
        return {"semitones": uniform(n, -self.semitones, self.semitones, generator)}

    def change(self, sounds: Sounds, params: Params) -> Sounds:
        """Change the pitch of each sound; differentiable in sounds."""
        ratios = (2 ** (params["semitones"].double() / 12)).tolist()
        return each(sounds, lambda sound, i: resample(stretched(sound, 1 / ratios[i], self.rate), sounds.shape[2]))


def stretched(sound: Float[Tensor, "c t"], speed: float, rate: int) -> Float[Tensor, "c u"]:
    """Play a sound at another speed and the same pitch.

    The short-time spectrum is read at steps of `speed` frames: magnitudes are interpolated, and phases advance by what
    they advanced there in the original.

    Args:
        sound: Channels of samples.
        speed: Factor of the speed.
        rate: Samples per second.

    Returns:
        About `t / speed` samples.

    Example:
        >>> stretched(torch.sin(torch.arange(4000) * 0.1)[None], 2.0, 16_000).shape
        torch.Size([1, 2000])
    """
    size = 2 ** round(log2(WINDOW * rate))
    hop, length = size // OVERLAP, sound.shape[1]
    window = torch.hann_window(size, dtype=sound.dtype, device=sound.device)
    spectrum = torch.stft(sound, size, hop, window=window, return_complex=True, pad_mode="constant")
    frames = spectrum.shape[2]
    at = torch.arange(0, frames, speed, device=sound.device, dtype=torch.float64)
    first = at.long().clamp(max=frames - 1)
    second = (first + 1).clamp(max=frames - 1)
    share = (at - first).to(sound.dtype)
    magnitude = _magnitude(spectrum[:, :, first]).lerp(_magnitude(spectrum[:, :, second]), share)
    usual = tau * hop / size * torch.arange(size // 2 + 1, device=sound.device, dtype=sound.dtype)[:, None]
    phase = spectrum.angle()
    step = phase[:, :, second] - phase[:, :, first] - usual
    step = step - tau * (step / tau).round() + usual
    advanced = torch.cat([phase[:, :, :1], step[:, :, :-1]], 2).cumsum(2)
    made = torch.polar(magnitude, advanced)
    return torch.istft(made, size, hop, window=window, length=max(round(length / speed), 1))


def _magnitude(spectrum: Tensor) -> Tensor:
    return (spectrum.real.square() + spectrum.imag.square() + 1e-20).sqrt()
