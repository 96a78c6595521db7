"""Words said by eSpeak NG, a speech synthesizer that the user has; neither it nor its sounds are part of Manyshot."""

import re
import shutil
import subprocess
from collections.abc import Sequence

import torch
from jaxtyping import Int16
from torch import Tensor

from manyshot.base import InputError
from manyshot.datasets.recordings import loudest_part
from manyshot.datasets.sound_files import decode_mono

PROGRAM = "espeak-ng"
INSTALL = "install it: apt install espeak-ng, brew install espeak-ng, or from github.com/espeak-ng/espeak-ng"
VARIANTS = ("", "+f2", "+m3", "+f4", "+m7", "+f1", "+m1", "+f3", "+m5", "+f5", "+m2", "+m6")
"""Voices of men and women that every language has."""
SPEEDS, PITCHES = (150, 125, 175), (50, 40, 60)
"""Words per minute and pitches, from 0 to 99, in which the voices differ beside that."""
MOST_VOICES = len(VARIANTS) * len(SPEEDS)
LONGEST_TEXT, SECONDS = 500, 30.0
LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]+)*")


def speak(
    texts: Sequence[str], length: int, voices: int = 12, language: str = "en-us"
) -> Int16[Tensor, "n voices length"]:
    """Say each text in several voices.

    The same texts give the same sounds, as far as the program does.

    Args:
        texts: Words or short sentences.
        length: Number of samples of each sound, at 16,000 per second; a sound is cut or padded like a recording.
        voices: Number of voices, which differ in speaker, speed and pitch.
        language: Language of the texts, such as "en-us", "de" or "cmn".

    Raises:
        InputError: If the program is not installed, or has no such language; a text is too long; or `voices` is out of
            range.
    """
    if not 1 <= voices <= MOST_VOICES:
        raise InputError(f"voices={voices}: give from 1 to {MOST_VOICES}")
    if not LANGUAGE.fullmatch(language):
        raise InputError(f"language='{language}': give one that `{PROGRAM} --voices` lists, such as en-us or de")
    if shutil.which(PROGRAM) is None:
        raise InputError(f"spoken names need the program {PROGRAM}, which is not installed; {INSTALL}")
    for text in texts:
        if len(text) > LONGEST_TEXT:
            raise InputError(f"'{text[:40]}...': too long to be said; give at most {LONGEST_TEXT} characters")
    said = [[_said(text, voice, language) for voice in range(voices)] for text in texts]
    return torch.stack([torch.stack([loudest_part(sound, length) for sound in row]) for row in said])


def _said(text: str, voice: int, language: str) -> Int16[Tensor, "t"]:
    turn, variant = divmod(voice, len(VARIANTS))
    command = [PROGRAM, "-v", language + VARIANTS[variant], "-s", str(SPEEDS[turn]), "-p", str(PITCHES[turn])]
    try:
        done = subprocess.run(
            [*command, "--stdout", "--stdin"], input=text.encode(), capture_output=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(f"{PROGRAM}: cannot say '{text[:40]}' ({type(error).__name__}); {INSTALL}") from None
    if done.returncode or not done.stdout:
        reason = (done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it said nothing"])[0]
        raise InputError(f"{PROGRAM}: cannot say '{text[:40]}' in '{language}' ({reason}); see `{PROGRAM} --voices`")
    return decode_mono(_whole(done.stdout), f"{PROGRAM}: '{text[:40]}'")


def _whole(data: bytes) -> bytes:
    """The WAV file with its true sizes: to standard output the program writes them before it knows them."""
    sizes = (len(data) - 8).to_bytes(4, "little"), (len(data) - 44).to_bytes(4, "little")
    return data[:4] + sizes[0] + data[8:40] + sizes[1] + data[44:]
