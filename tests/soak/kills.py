"""Commands that are killed at random moments and started again must end with the same bytes as if left alone."""

import json
import os
import random
import shutil
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from commands import finish, run_command, start
from tally import Tally

TINY = (
    "--encoder",
    "conv4(8, 8, 8, 8)",
    "--ways",
    "3",
    "--queries",
    "2",
    "--validation-tasks",
    "3",
    "--save-every",
    "5",
)
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "train prototypes": ("train", "digits", "--steps", "40", "--plan", "support: affine elastic; task: turn", *TINY),
    "train maml": ("train", "glyphs", "--learner", "maml", "--steps", "15", *TINY),
    "gan train": ("gan", "train", "digits", "--steps", "15", "--batch-size", "16", "--save-every", "5"),
    "augment": ("augment", "PICTURES", "--plan", "shots: affine flip", "--per-class", "40"),
    "compare": ("compare", "digits", "--arms", "none", "--arms", "a = support: affine", "--seeds", "2", "--steps", "8",
                "--jobs", "1", "--tasks", "10", "--encoder", "conv4(4, 4, 4, 4)", "--test", "0.4", "--ways", "3"),
    "fit": ("fit", "SENTENCES", "--encoder", "ngrams", "--plan", "none", "--head", "centroid"),
}  # fmt: skip
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
TIMED = ("seconds", "rate", "cpu", "date", "created", "report", "version")
"""Parts of names whose values may differ between two runs of the same command."""


def filled_in(name: str, seeds: Path) -> list[str]:
    """The arguments of a command, with its data."""
    paths = {"PICTURES": str(seeds / "pictures"), "SENTENCES": str(seeds / "tables" / "x.csv")}
    return [paths.get(word, word) for word in COMMANDS[name]]


def killed(
    name: str, folder: Path, references: Path, seeds: Path, chance: random.Random, tally: Tally, most: int = 12
) -> None:
    """Kill a command several times, let it end, and compare its folder with that of an undisturbed run."""
    words = filled_in(name, seeds)
    expected, disturbed, took = references / name, folder / "disturbed", references / f"{name}.seconds"
    if not took.exists():
        references.mkdir(exist_ok=True)
        first = run_command([*words, "--out", str(expected)], folder / "log")
        if first.status != 0:
            tally.failed("kills", name, f"could not be run at all: {first.errors[-300:]}")
            return
        took.write_text(str(first.seconds), encoding="ascii")
    seconds = float(took.read_text(encoding="ascii"))
    again = [*words, "--out", str(disturbed)]
    resume = ["--resume"] if name.startswith(("train", "gan")) else []
    for _ in range(chance.randint(1, most)):
        began = time.monotonic()
        log = folder / "log"
        child = start([*again, *resume], log)
        time.sleep(chance.uniform(0, 1.1 * seconds))
        sign = chance.choice(SIGNALS)
        os.kill(child, sign)
        ended = finish(child, log, again, began)
        tally.tried("kills", ended.status != 0)
        fault = ended.fault((0, 1, 2, 130, -signal.SIGKILL, -signal.SIGTERM))
        if fault:
            tally.failed("kills", f"{name} ({sign.name})", f"{fault}: {ended.errors[-600:]}")
    if name in ("augment", "fit") and disturbed.exists():
        shutil.rmtree(disturbed)  # neither goes on; what the kill left must not stand in the way elsewhere
    last = run_command([*again, *resume], folder / "log")
    if last.status != 0:
        tally.failed("kills", name, f"does not go on: status {last.status}: {last.errors[-600:]}")
        return
    different = differences(expected, disturbed)
    if different:
        tally.failed("kills", name, f"differs from an undisturbed run in {different}")
    left = [path.name for path in folder.iterdir() if path.name.startswith(".") and path.name != ".lock"]
    if left:
        tally.failed("kills", name, f"left behind {left}")


def differences(expected: Path, disturbed: Path) -> list[str]:
    """Files that are not the same: weights and pictures byte by byte, JSON but for times."""
    names = {path.relative_to(root) for root in (expected, disturbed) for path in root.rglob("*") if path.is_file()}
    return sorted(str(name) for name in names if _differ(expected / name, disturbed / name))


def _differ(one: Path, other: Path) -> bool:
    if one.name.startswith(("events.out", ".")) or one.suffix in (".html", ".svg"):
        return False
    if not (one.exists() and other.exists()):
        return True
    if one.suffix in (".json", ".jsonl"):
        return [_timeless(row) for row in _rows(one)] != [_timeless(row) for row in _rows(other)]
    return one.read_bytes() != other.read_bytes()


def _rows(path: Path) -> list[object]:
    text = path.read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()] if path.suffix == ".jsonl" else [json.loads(text)]


def _timeless(value: object) -> object:
    if isinstance(value, dict):
        return {key: _timeless(one) for key, one in value.items() if not any(word in key.lower() for word in TIMED)}
    return [_timeless(one) for one in value] if isinstance(value, list) else value
