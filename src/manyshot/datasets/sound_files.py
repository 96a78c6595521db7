"""Sounds as files: WAV of 16 bits by itself, other formats by the package soundfile."""

import io
import wave
from importlib import import_module
from math import gcd
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from jaxtyping import Float, Int16
from numpy.typing import NDArray
from torch import Tensor

from manyshot.base import InputError, read_bytes
from manyshot.base.sound import FULL, RATE, to_samples
from manyshot.datasets.folder_or_zip import MAX_FILE_BYTES

SOUNDS = (".wav", ".flac", ".ogg", ".mp3", ".opus")
"""Extensions of sound files."""
LONGEST = 3600.0
"""Length from which on a recording is refused, in seconds."""
RATES = (1000, 384_000)
UNKNOWN = 1 << 30
"""Number of samples from which on a header says that it did not know their number."""


def decode_sound(data: bytes, where: str) -> tuple[Float[Tensor, "c t"], int]:
    """Decode a sound file.

    WAV files of 16 bits are read as they are; all others, such as FLAC, Ogg and MP3, by the package soundfile.

    Args:
        data: Content of the file.
        where: Name of the file in error messages.

    Returns:
        Samples from -1 to 1 of each channel, and the number of samples per second.

    Raises:
        InputError: If the file is damaged, silent for lack of samples, longer than an hour or has an implausible rate,
            or soundfile is needed and not installed.

    Example:
        >>> decode_sound(encode_wav(torch.zeros(1, 8, dtype=torch.int16), 8000), "a.wav")[0].shape
        torch.Size([1, 8])
    """
    if not data:
        raise InputError(f"{where}: is empty; fetch or record it again, or remove it")
    samples, rate = _wav(data, where) or _by_soundfile(data, where)
    if not samples.shape[1]:
        raise InputError(f"{where}: has no samples; remove it")
    if not RATES[0] <= rate <= RATES[1]:
        raise InputError(f"{where}: {rate:,} samples per second: not a plausible rate; convert the file again")
    if samples.shape[1] > LONGEST * rate:
        raise InputError(f"{where}: {samples.shape[1] / rate / 60:.0f} minutes long; cut it into examples first")
    return torch.from_numpy(np.ascontiguousarray(samples)), rate


def _wav(data: bytes, where: str) -> tuple[NDArray[np.float32], int] | None:
    """The samples of a WAV file of 16 bits; None for anything else."""
    try:
        with wave.open(io.BytesIO(data)) as file:
            channels, width, rate, count = file.getparams()[:4]
            frames = file.readframes(count)
    except (wave.Error, EOFError, ValueError):
        return None
    if count < UNKNOWN and len(frames) < count * channels * width:
        raise InputError(f"{where}: is cut off after {len(frames):,} bytes of sound; fetch or record it again")
    if width != 2 or not channels or count >= UNKNOWN:
        return None
    samples = np.frombuffer(frames, dtype="<i2").reshape(-1, channels).T
    return (samples / np.float32(FULL)).astype(np.float32), rate


def _by_soundfile(data: bytes, where: str) -> tuple[NDArray[np.float32], int]:
    soundfile = _soundfile(where)
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            if file.frames > LONGEST * file.samplerate:
                raise InputError(f"{where}: longer than an hour; cut it into examples first")
            samples, rate = file.read(dtype="float32", always_2d=True), file.samplerate
    except (soundfile.LibsndfileError, RuntimeError, ValueError, TypeError) as error:
        # libsndfile's own words, without the address of the buffer that stands before them
        said = getattr(error, "error_string", str(error)).strip().rstrip(".")
        reason = said.splitlines()[0] if said else type(error).__name__
        raise InputError(f"{where}: is no complete sound file ({reason}); convert or remove it") from None
    if not np.isfinite(samples).all():
        raise InputError(f"{where}: has samples that are no numbers; convert it again")
    return samples.T, int(rate)


def _soundfile(where: str) -> ModuleType:
    try:
        return import_module("soundfile")
    except (ImportError, OSError):
        raise InputError(
            f'{where}: is no complete WAV file of 16 bits; for other formats: pip install "manyshot[audio]"'
        ) from None


def resampled(sound: Float[Tensor, "c t"], rate: int, wanted: int) -> Float[Tensor, "c u"]:
    """Bring a sound to another number of samples per second, with a filter against aliasing.

    Args:
        sound: Channels of samples.
        rate: Samples per second.
        wanted: Samples per second of the result.

    Example:
        >>> resampled(torch.zeros(1, 800), 8000, 16_000).shape
        torch.Size([1, 1600])
    """
    if rate == wanted:
        return sound
    from scipy.signal import resample_poly  # which takes a second to import

    common = gcd(rate, wanted)
    filtered = resample_poly(sound.double().numpy(), wanted // common, rate // common, axis=1)
    return torch.from_numpy(np.ascontiguousarray(filtered, dtype=np.float32))


def decode_mono(data: bytes, where: str, rate: int = RATE) -> Int16[Tensor, "t"]:
    """Decode a sound file as 16-bit samples of one channel, the mean of all, at a given rate.

    Args:
        data: Content of the file.
        where: Name of the file in error messages.
        rate: Samples per second of the result.

    Raises:
        InputError: As `decode_sound`.
    """
    sound, own = decode_sound(data, where)
    return to_samples(resampled(sound.mean(0, keepdim=True), own, rate)[0])


def read_sound(path: Path, rate: int = RATE) -> Int16[Tensor, "t"]:
    """Read a sound file, see `decode_mono`.

    Args:
        path: The file.
        rate: Samples per second of the result.

    Raises:
        InputError: If it cannot be read, or as `decode_sound`.
    """
    return decode_mono(read_bytes(path, MAX_FILE_BYTES), str(path), rate)


def encode_wav(samples: Int16[Tensor, "c t"], rate: int) -> bytes:
    """Encode 16-bit samples as a WAV file.

    Args:
        samples: Channels of samples.
        rate: Samples per second.

    Example:
        >>> encode_wav(torch.zeros(1, 8, dtype=torch.int16), 8000)[:4]
        b'RIFF'
    """
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((len(samples), 2, rate, 0, "NONE", ""))
        file.writeframes(samples.T.contiguous().numpy().astype("<i2").tobytes())
    return buffer.getvalue()
