"""Time changing sounds, beside audiomentations, in one interleaved run.

    python benchmarks/audio.py --quick
    python benchmarks/audio.py --json results/audio_speed.json

Sounds of one second at 16 kHz a CPU second on one thread, each changed once by its own draw. In every round each
contestant changes sounds for a slice of time, one after the other and in another order each round, so that a busy
machine disturbs all alike. Printed are medians over rounds; a ratio is the median of the ratios within a round.
"""

import argparse
import random
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from manyshot.augment.audio import (
    Bandpass,
    Clip,
    Gain,
    Hiss,
    MaskTime,
    Pitch,
    Polarity,
    Reverb,
    ShiftTime,
    Speed,
    Stretch,
)
from manyshot.augment.ops.op import Op
from manyshot.base import write_json
from manyshot.base.sound import RATE
from manyshot.runtime.memory import keep_freed_memory

AT_ONCE = 32
"""Sounds that we change in one call; audiomentations takes them one by one."""


def contestants() -> dict[str, tuple[Op, Any]]:
    """Each op of ours, and the transform that does the same, or nothing where there is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import audiomentations as theirs

        return {
            "gain": (Gain(6), theirs.Gain(-6, 6, p=1.0)),
            "polarity": (Polarity(1.0), theirs.PolarityInversion(p=1.0)),
            "shift": (ShiftTime(0.2), theirs.Shift(-0.2, 0.2, rollover=False, fade_duration=0, p=1.0)),
            "clipping": (Clip(0.5), theirs.ClippingDistortion(0, 20, p=1.0)),
            "noise at a ratio": (Hiss(5, 30), theirs.AddGaussianSNR(5, 30, p=1.0)),
            "time mask": (MaskTime(0.2), theirs.TimeMask(0.0, 0.2, fade_duration=0, p=1.0)),
            "band pass": (Bandpass(), theirs.BandPassFilter(p=1.0)),
            "pitch": (Pitch(2), theirs.PitchShift(-2, 2, method="librosa_phase_vocoder", p=1.0)),
            "stretch": (Stretch(1.2), theirs.TimeStretch(1 / 1.2, 1.2, method="librosa_phase_vocoder", p=1.0)),
            "speed": (Speed(1.15), None),
            "reverberation": (Reverb(0.3), None),
        }


def rate_of(work: Callable[[], int], seconds: float) -> float:
    """Sounds a CPU second."""
    began, done = time.process_time(), 0
    while time.process_time() - began < seconds:
        done += work()
    return done / (time.process_time() - began)


def main() -> None:
    """Run the rounds, and print and write what they gave."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()  # for both alike
    rounds, seconds = (1, 0.02) if options.quick else (7, 0.2)
    sounds = 0.1 * torch.randn(AT_ONCE, 1, RATE, generator=torch.Generator().manual_seed(0))
    single = [sound[0].numpy() for sound in sounds]
    rows, order = {}, random.Random(0)
    pairs = contestants()
    found: dict[str, dict[str, list[float]]] = {name: {"manyshot": [], "audiomentations": []} for name in pairs}

    def ours(op: Op) -> int:
        op(sounds)
        return AT_ONCE

    def theirs(transform: Any) -> int:
        for sound in single:
            transform(samples=sound, sample_rate=RATE)
        return len(single)

    for number in range(rounds + 1):  # the first one warms up
        names = list(pairs)
        order.shuffle(names)
        for name in names:
            op, transform = pairs[name]
            one = rate_of(lambda op=op: ours(op), seconds)  # type: ignore[misc]
            other = np.nan if transform is None else rate_of(lambda t=transform: theirs(t), seconds)  # type: ignore[misc]
            if number or options.quick:
                found[name]["manyshot"].append(one)
                found[name]["audiomentations"].append(float(other))
    for name, rates in found.items():
        peer = pairs[name][1] is not None
        pairs_of_rounds = list(zip(rates["manyshot"], rates["audiomentations"], strict=True))
        rows[name] = {
            "manyshot": median(rates["manyshot"]),
            "audiomentations": median(rates["audiomentations"]) if peer else None,
            "ratio": median(one / other for one, other in pairs_of_rounds) if peer else None,
        }
        print(name, {key: None if value is None else round(value, 1) for key, value in rows[name].items()})
    if options.json is not None:
        what = "sounds of 1 s at 16 kHz a CPU second, one thread; medians over rounds; a ratio is ours to theirs"
        versions = {name: version(name) for name in ("manyshot", "torch", "audiomentations", "numpy")}
        write_json(options.json, {"what": what, "rounds": rounds, "rows": rows, "versions": versions})


if __name__ == "__main__":
    main()
