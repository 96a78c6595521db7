"""The sample rate of sounds, and 16-bit samples as numbers from -1 to 1."""

from typing import Any

import torch
from jaxtyping import Float, Int16
from torch import Tensor

RATE = 16_000
"""Samples per second of the sounds of a source, whatever the rate of their files; that of most encoders of speech."""
FULL = 32_768
"""A sample of 16 bits that stands for 1."""


def from_samples(samples: Int16[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """Convert 16-bit samples to float32 from -1 to 1.

    Example:
        >>> from_samples(torch.tensor([-32768, 0, 16384], dtype=torch.int16))
        tensor([-1.0000,  0.0000,  0.5000])
    """
    return samples.float().div_(FULL)


def to_samples(sounds: Float[Tensor, "*n"]) -> Int16[Tensor, "*n"]:
    """Convert numbers from -1 to 1 to 16-bit samples; what is louder is clipped.

    Example:
        >>> to_samples(torch.tensor([-1.5, 0.0, 0.5, 1.0]))
        tensor([-32768,      0,  16384,  32767], dtype=torch.int16)
    """
    return sounds.mul(FULL).round_().clamp_(-FULL, FULL - 1).to(torch.int16)


def is_sounds(items: Any) -> bool:  # noqa: ANN401 - whatever a source holds
    """Whether a tensor holds 16-bit samples.

    Example:
        >>> is_sounds(torch.zeros(2, 1, 8, dtype=torch.int16)), is_sounds(["a text"])
        (True, False)
    """
    return isinstance(items, Tensor) and items.dtype == torch.int16
