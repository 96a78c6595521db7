"""Noise at a signal-to-noise ratio: made, or from recordings of a background."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.audio.audio_op import AudioOp, Sounds, check_rate, column, rms
from manyshot.augment.image.corruption.noise import gaussian
from manyshot.augment.ops.op import Params, check_number, seeds, uniform
from manyshot.base import InputError
from manyshot.base.sound import RATE, from_samples
from manyshot.datasets.sound_files import SOUNDS, read_sound

MOST_FILES = 1000
"""Most recordings of a background that are read."""


class AtRatio(AudioOp):
    """Base of ops that add noise of a given power: options `snr` and `most`, in decibels."""

    snr: float
    most: float

    def check_ratios(self) -> None:
        """Check the options.

        Raises:
            InputError: If they are out of range or in the wrong order.
        """
        check_number(self, "most", low=-60, high=120)
        check_number(self, "snr", low=-60, high=self.most)

    def ratios(self, n: int, generator: Generator) -> Float[Tensor, "n"]:
        """Draw the signal-to-noise ratio of n sounds, uniform in decibels."""
        return uniform(n, self.snr, self.most, generator)


def add_at_ratio(sounds: Sounds, noise: Sounds, decibels: Float[Tensor, "n"]) -> Sounds:
    """Add noise so that the power of each sound is `decibels` above that of its noise.

    A silent sound stays silent. Powers are means over all samples, of which silence before and after is a part.

    Example:
        >>> sounds, noise = torch.full((1, 1, 4), 2.0), torch.tensor([[[1.0, -1.0, 1.0, -1.0]]])
        >>> add_at_ratio(sounds, noise, torch.tensor([20.0])).flatten()
        tensor([2.2000, 1.8000, 2.2000, 1.8000])
    """
    return sounds + noise * (rms(sounds) / rms(noise) * 10 ** (-column(decibels, sounds) / 20))


@dataclass(frozen=True)
class Hiss(AtRatio):
    """Add noise whose power falls with frequency as f^(-color): white (0), pink (1) or brown (2).

    Args:
        snr: Smallest signal-to-noise ratio, in decibels: noise as loud as the sound at 0.
        most: Largest signal-to-noise ratio.
        color: How fast the power falls.

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> op = Hiss(snr=20, most=20)
        >>> sounds = torch.sin(torch.arange(16000) * 0.1)[None, None]
        >>> added = op.apply(sounds, op.sample(1, torch.Generator().manual_seed(0))) - sounds
        >>> round(float(10 * (sounds.square().mean() / added.square().mean()).log10()), 2)
        20.0
    """

    snr: float = 5.0
    most: float = 30.0
    color: float = 0.0

    def __post_init__(self) -> None:
        self.check_ratios()
        check_number(self, "color", low=-2, high=3)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `snr [n]` and `seed [n]`."""
        return {"snr": self.ratios(n, generator), "seed": seeds(n, generator)}

    def change(self, sounds: Sounds, params: Params) -> Sounds:
        """Add each sound's noise; differentiable in sounds and ratio."""
        noise = gaussian(params["seed"].to(sounds.device), sounds[0].numel()).view(sounds.shape).to(sounds)
        if self.color:
            spectrum = torch.fft.rfft(noise)
            bins = torch.arange(spectrum.shape[2], device=sounds.device, dtype=sounds.dtype).clamp(min=1)
            noise = torch.fft.irfft(spectrum * bins ** (-self.color / 2), n=sounds.shape[2])
        return add_at_ratio(sounds, noise, params["snr"])


@dataclass(frozen=True)
class Background(AtRatio):
    """Add a stretch of a recording from a folder: of the places where your microphone will be.

    Args:
        folder: Folder of sound files, of any depth.
        snr: Smallest signal-to-noise ratio, in decibels.
        most: Largest signal-to-noise ratio.
        rate: Samples per second, to which the recordings are resampled.

    Raises:
        InputError: If the folder holds no sound files, one is damaged, or a value is out of range.
    """

    folder: str
    snr: float = 5.0
    most: float = 30.0
    rate: int = RATE

    def __post_init__(self) -> None:
        self.check_ratios()
        check_rate(self)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `snr [n]`, and which recording and where it begins, `which [n]` and `start [n]`, from 0 to 1."""
        which, start = torch.rand(2, n, generator=generator)
        return {"snr": self.ratios(n, generator), "which": which, "start": start}

    def change(self, sounds: Sounds, params: Params) -> Sounds:
        """Add each sound's stretch of a recording, repeated if it is too short; differentiable in sounds."""
        recordings = _recordings(self.folder, self.rate)
        rows = []
        for which, start in zip(params["which"].tolist(), params["start"].tolist(), strict=True):
            recording = recordings[min(int(which * len(recordings)), len(recordings) - 1)]
            length = len(recording)
            free = length - sounds.shape[2]
            first = int(start * (free + 1 if free > 0 else length))
            rows.append(recording[(first + torch.arange(sounds.shape[2])) % length])
        noise = torch.stack(rows)[:, None].to(sounds)
        return add_at_ratio(sounds, noise.expand_as(sounds), params["snr"])


@lru_cache(maxsize=4)
def _recordings(folder: str, rate: int) -> tuple[Float[Tensor, "t"], ...]:
    """The recordings of a folder at one rate, their channels averaged."""
    path = Path(folder).expanduser()
    files = sorted(file for file in path.rglob("*") if file.name.lower().endswith(SOUNDS)) if path.is_dir() else []
    if not files:
        raise InputError(f"Background: no folder of sound files '{folder}'; give one with {', '.join(SOUNDS)}")
    if len(files) > MOST_FILES:
        raise InputError(f"Background: {len(files):,} files in {folder}; give at most {MOST_FILES:,}")
    return tuple(from_samples(read_sound(file, rate)) for file in files)
