"""Recordings as short clips that fit into a page."""

from jaxtyping import Int16
from torch import Tensor

from manyshot.base.sound import RATE, from_samples, to_samples
from manyshot.datasets.recordings import loudest_part
from manyshot.datasets.sound_files import encode_wav, resampled

MOST_BYTES = 50_000
"""Largest size of a clip."""
LOW_RATE = 8_000
"""Samples per second of a clip that would be too large at its own rate; enough for speech."""
HEADER = 44


def sound_clip(sound: Int16[Tensor, "1 t"]) -> bytes:
    """A recording as a WAV file of at most 50,000 bytes.

    What is longer than 1.5 seconds is kept at 8,000 samples per second, and of that the loudest 3 seconds.

    Args:
        sound: Samples of one channel, at 16,000 per second.

    Example:
        >>> import torch
        >>> len(sound_clip(torch.zeros(1, 16_000, dtype=torch.int16)))  # two bytes a sample
        32044
        >>> len(sound_clip(torch.ones(1, 160_000, dtype=torch.int16))) <= MOST_BYTES
        True
    """
    most = (MOST_BYTES - HEADER) // 2
    if sound.shape[1] <= most:
        return encode_wav(sound, RATE)
    low = to_samples(resampled(from_samples(sound), RATE, LOW_RATE))[0]
    return encode_wav(loudest_part(low, min(len(low), most))[None], LOW_RATE)
