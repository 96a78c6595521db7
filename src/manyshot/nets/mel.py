"""Log-mel spectrograms: sounds as pictures of frequency and time."""

from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from torch import Tensor, nn

from manyshot.base import InputError
from manyshot.base.sound import RATE

KNEE, STEP, GROWTH = 1000.0, 200.0 / 3, np.log(6.4) / 27
"""Slaney's mel scale: linear up to 1000 Hz with 200/3 Hz a mel, then a factor of 6.4 in 27 mels."""
FLOOR = 1e-6
"""Added to the power before the logarithm, where 1 is that of the loudest sounds."""
DECIBELS = 60.0
"""Levels that a picture of a spectrogram shows, below its loudest."""


def mel_filters(
    bands: int, size: int, rate: int = RATE, low: float = 0.0, high: float | None = None
) -> Float[np.ndarray, "bands f"]:
    """Triangular filters, equally spaced on Slaney's mel scale and of equal area (Slaney 1998).

    Args:
        bands: Number of filters.
        size: Number of samples of the Fourier transform.
        rate: Samples per second.
        low: Lowest frequency, in Hz.
        high: Highest frequency, in Hz; half the rate if None.

    Example:
        >>> mel_filters(40, 512).shape
        (40, 257)
    """
    edges = _hertz(np.linspace(_mels(low), _mels(rate / 2 if high is None else high), bands + 2))
    bins = np.arange(size // 2 + 1) * rate / size
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    filters: NDArray[np.float64] = triangles * (2 / (edges[2:] - edges[:-2]))[:, None]
    return filters


def _mels(hertz: float) -> float:
    return hertz / STEP if hertz < KNEE else KNEE / STEP + float(np.log(hertz / KNEE)) / GROWTH


def _hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mels < KNEE / STEP, mels * STEP, KNEE * np.exp(GROWTH * (mels - KNEE / STEP)))


@lru_cache(maxsize=16)
def _filters(bands: int, size: int, rate: int) -> Float[Tensor, "bands f"]:
    return torch.from_numpy(mel_filters(bands, size, rate)).float()


def mel_spectrogram(
    sounds: Float[Tensor, "n t"], bands: int, window: int, hop: int, size: int, rate: int = RATE
) -> Float[Tensor, "n bands frames"]:
    """Power in each mel band and frame, differentiable in the sounds.

    Args:
        sounds: Samples from -1 to 1.
        bands: Number of bands.
        window: Length of a Hann window, in samples.
        hop: Samples between frames.
        size: Number of samples of the Fourier transform, at least `window`.
        rate: Samples per second.

    Example:
        >>> mel_spectrogram(torch.rand(2, 16000), bands=40, window=400, hop=160, size=512).shape
        torch.Size([2, 40, 101])
    """
    shape = torch.hann_window(window, dtype=sounds.dtype, device=sounds.device)
    spectrum = torch.stft(sounds, size, hop, window, shape, center=True, pad_mode="constant", return_complex=True)
    power = spectrum.real.square() + spectrum.imag.square()
    return _filters(bands, size, rate).to(power) @ power


class LogMel(nn.Module):
    """Turn sounds into square pictures: mel bands from low to high, and as many frames, each of mean 0 and deviation 1.

    Windows are 25 ms long; frames are so far apart that there is one per band. The loudness of a sound has no effect.

    Args:
        length: Number of samples of a sound, at 16,000 per second.
        bands: Number of bands, and of frames.

    Raises:
        InputError: If there are fewer samples than bands, or too few or too many bands.

    Example:
        >>> LogMel(16000, bands=64)(torch.rand(5, 1, 16000)).shape
        torch.Size([5, 1, 64, 64])
    """

    window, size = 400, 512

    def __init__(self, length: int, bands: int = 64) -> None:
        super().__init__()
        if not 8 <= bands <= 128 or length < bands:
            raise InputError(f"bands={bands}, {length:,} samples: give 8 to 128 bands, and at least as many samples")
        self.length, self.bands = length, bands

    def forward(self, sounds: Float[Tensor, "n 1 t"]) -> Float[Tensor, "n 1 b b"]:
        """Compute the pictures.

        Raises:
            InputError: If sounds have another shape.
        """
        if sounds.ndim != 3 or tuple(sounds.shape[1:]) != (1, self.length):
            raise InputError(f"sounds of shape {tuple(sounds.shape[1:])} given to an encoder of (1, {self.length})")
        hop = self.length // self.bands
        powers = mel_spectrogram(sounds[:, 0], self.bands, self.window, hop, self.size)[..., : self.bands]
        levels = (powers + FLOOR).log()
        centered = levels - levels.mean((1, 2), keepdim=True)
        return (centered / (centered.square().mean((1, 2), keepdim=True) + 1e-6).sqrt())[:, None]


def spectrogram_picture(sound: Float[Tensor, "c t"], rate: int, size: int = 96) -> UInt8[Tensor, "1 size frames"]:
    """A sound as a gray picture: time to the right, mel bands upwards, 60 decibels from black to white.

    Args:
        sound: Channels of samples from -1 to 1; their mean is shown.
        rate: Samples per second.
        size: Height, and about the width, in pixels.

    Example:
        >>> spectrogram_picture(torch.rand(1, 16000), 16000).shape
        torch.Size([1, 96, 96])
    """
    window = max(rate // 40, 64)
    length = sound.shape[1]
    hop = max(length // size, 1)
    fft = 1 << (2 * window - 1).bit_length()
    power = mel_spectrogram(sound.mean(0, keepdim=True).float(), size, window, hop, fft, rate)[0, :, :size]
    levels = 10 * power.clamp(min=1e-10).log10()
    shown = (levels - levels.max() + DECIBELS).clamp(0, DECIBELS) / DECIBELS
    return shown.flip(0).mul(255).round().to(torch.uint8)[None]
