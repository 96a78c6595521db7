"""A file that cannot grow (a full disk) ends a command with one line that names the file, and leaves nothing broken."""

import random
import shutil
from pathlib import Path

from commands import run_command
from kills import COMMANDS, filled_in
from tally import Tally


def full_disk(folder: Path, seeds: Path, chance: random.Random, tally: Tally) -> None:
    """Run a command that may write files up to a random size alone."""
    name = chance.choice(sorted(COMMANDS))
    words = filled_in(name, seeds)
    limit = int(2 ** chance.uniform(6, 19))
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    ended = run_command([*words, "--out", str(out)], folder / "log", limit)
    tally.tried("disks", ended.status != 0)
    fault = ended.fault((0, 1))
    if fault:
        tally.failed("disks", f"{name}, {limit} bytes", f"{fault}: {ended.errors[-900:]}")
    elif ended.status == 1 and str(folder) not in ended.errors and "manyshot" not in ended.errors:
        tally.failed("disks", f"{name}, {limit} bytes", f"no file is named: {ended.errors[-300:]}")
