"""Two commands that write to one folder: one at most says that it is done, and the folder is wholly its own."""

import random
import shutil
import time
from pathlib import Path

from commands import finish, run_command, start
from kills import TINY, differences
from tally import Tally


def race(folder: Path, references: Path, chance: random.Random, tally: Tally) -> None:
    """Start two trainings of different seeds with one `--out`."""
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    children = []
    for seed in ("0", "1"):
        words = training(seed, out)
        children.append((start(words, folder / f"log-{seed}"), folder / f"log-{seed}", words, time.monotonic()))
        time.sleep(chance.choice((0, 0, 0.01, 0.1, 0.3)))
    ends = [finish(*child) for child in children]
    tally.tried("races", any(end.status != 0 for end in ends))
    for end in ends:
        fault = end.fault((0, 2))
        if fault:
            tally.failed("races", "two trainings", f"{fault}: {end.errors[-600:]}")
    done = [seed for seed, end in zip(("0", "1"), ends, strict=True) if end.status == 0]
    if len(done) != 1:
        tally.failed("races", "two trainings", f"{len(done)} of two said that they are done")
        return
    expected = references / done[0]
    if not expected.exists():
        run_command(training(done[0], expected), folder / "log")
    different = differences(expected, out)
    if different:
        tally.failed("races", "two trainings", f"seed {done[0]} is done, but {different} are not its own")


def training(seed: str, out: Path) -> list[str]:
    """A training of a few steps."""
    return ["train", "digits", "--steps", "10", "--seed", seed, *TINY, "--out", str(out)]
