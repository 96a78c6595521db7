"""A full disk ends a command with one line that names the file, and leaves nothing that keeps it from going on."""

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from commands import run_command
from kills import COMMANDS, filled_in
from tally import Tally


def full_disk(folder: Path, seeds: Path, chance: random.Random, tally: Tally) -> None:
    """Run a command on a small disk, or with a limit on the size of a file, and then again where there is room."""
    name = chance.choice(sorted(COMMANDS))
    words = filled_in(name, seeds)
    size = int(2 ** chance.uniform(6, 19))
    roomy = folder / "out"
    with small_disk(folder / "disk", size) if chance.random() < 0.5 else limited(folder / "disk", size) as limit:
        out = folder / "disk" / "out"
        ended = run_command([*words, "--out", str(out)], folder / "log", limit)
        if name not in ("augment", "fit") and out.exists():  # these two start anew
            shutil.copytree(out, roomy)
    told = f"{name}, {size} bytes {'on a disk' if limit == NO_LIMIT else 'a file'}"
    tally.tried("disks", ended.status != 0)
    fault = ended.fault((0, 1))
    if fault:
        tally.failed("disks", told, f"{fault}: {ended.errors[-900:]}")
    elif ended.status == 1 and str(folder) not in ended.errors and "manyshot" not in ended.errors:
        tally.failed("disks", told, f"no file is named: {ended.errors[-300:]}")
    resume = ["--resume"] if name.startswith(("train", "gan")) else []
    again = run_command([*words, "--out", str(roomy), *resume], folder / "log")
    if again.status != 0:
        tally.failed("disks", told, f"does not go on: status {again.status}: {again.errors[-600:]}")


NO_LIMIT = 1 << 40
"""Largest size in bytes of a file where the disk is what is small."""


@contextmanager
def limited(folder: Path, size: int) -> Iterator[int]:
    """A folder, and the size in bytes that files may have."""
    folder.mkdir()
    yield size


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[int]:
    """Mount a disk in memory of a number of bytes; where that is not allowed, files are limited instead."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={max(size, os.sysconf('SC_PAGE_SIZE'))}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        yield size
        return
    try:
        yield NO_LIMIT
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
