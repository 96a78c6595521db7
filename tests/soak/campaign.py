"""A campaign against the command line: kills, bad inputs, races and full disks, for as long as you let it.

    make soak                                             # ten minutes
    python tests/soak/campaign.py --minutes 60 --jobs 2   # kills:inputs:races:disks by time 4:4:1:1

Every command runs in a child forked from a process that has imported everything, bad inputs fifty to a child, so that
hundreds fit into a minute.
Exit status 1 if anything failed; each fault is written to the log at once, with the input that caused it beside it.
"""

import argparse
import contextlib
import gc
import io
import json
import os
import random
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "helpers")]

import numpy as np  # noqa: E402
from full_disks import full_disk  # noqa: E402
from inputs import bad_inputs  # noqa: E402
from kills import COMMANDS, TINY, filled_in, killed  # noqa: E402
from PIL import Image  # noqa: E402
from races import race  # noqa: E402
from tally import Tally  # noqa: E402

PARTS = {"kills": 4, "inputs": 4, "races": 1, "disks": 1}
"""Parts, and their portions of the time."""


def good_inputs(folder: Path) -> None:
    """Write what the campaign damages: pictures, tables, a run, a model."""
    rng = np.random.default_rng(0)
    for label in ("ant", "bee"):
        (folder / "pictures" / label).mkdir(parents=True)
        for number in range(6):
            suffix = ("png", "png", "jpg", "gif", "webp", "bmp")[number]
            pixels = rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "pictures" / label / f"{number}.{suffix}")
    (folder / "tables").mkdir()
    rows = [(f"please book table {n} for two", ("book", "cancel")[n % 2]) for n in range(12)]
    text = "".join(f'"{sentence}",{label}\n' for sentence, label in rows)
    (folder / "tables" / "x.csv").write_text("text,label\n" + text, encoding="utf-8")
    (folder / "tables" / "x.tsv").write_text("text\tlabel\n" + text.replace(",", "\t"), encoding="utf-8")
    lines = [json.dumps({"text": sentence, "label": label}) + "\n" for sentence, label in rows]
    (folder / "tables" / "x.jsonl").write_text("".join(lines), encoding="utf-8")
    run_here(["train", "digits", "--steps", "5", *TINY, "--out", str(folder / "run")])
    run_here([*filled_in("fit", folder), "--out", str(folder / "model")])


def warm_up(good: Path, folder: Path, parts: tuple[str, ...]) -> None:
    """Run everything once in this process, so that the children find all modules and kernels loaded."""
    for number, name in enumerate(COMMANDS):
        if name == "augment" or {"kills", "disks"} & {*parts}:
            run_here([*filled_in(name, good), "--out", str(folder / str(number))])
    run_here(["evaluate", str(good / "run"), "digits", "--tasks", "2", "--ways", "3"])
    run_here(["predict", str(good / "model"), str(good / "tables" / "x.csv"), "--out", str(folder / "answers.csv")])
    run_here(["augment", str(good / "tables" / "x.csv"), "--plan", "shots: eda", "--out", str(folder / "more.csv")])
    run_here(["data", "check", str(good / "pictures")])


def run_here(arguments: list[str]) -> None:
    """Run `manyshot ARGUMENTS` in this process."""
    from manyshot.cli.main import app

    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            app(arguments, prog_name="manyshot")
    except SystemExit as ended:
        if ended.code:
            raise SystemExit(f"manyshot {' '.join(arguments)}: {said.getvalue()[-600:]}") from None


def work(number: int, seed: int, seconds: float, parts: tuple[str, ...], base: Path) -> Tally:
    """Try one thing after the other until the time is over."""
    import torch

    torch.set_num_threads(1)
    tally = Tally(base / f"faults-{number}.jsonl")
    folder, references, seeds = base / str(number), base / f"references-{number}", base / "good"
    chance = random.Random(f"{seed} {number}")
    os.environ |= {"MANYSHOT_CACHE": str(base / f"cache-{number}"), "OMP_NUM_THREADS": "1"}
    used = dict.fromkeys(parts, 0.0)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline or not all(used.values()):  # each part has its turn
        part = min(parts, key=lambda part: used[part] / PARTS[part])
        began = time.monotonic()
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if part == "kills":
            slow = chance.random() < 0.1  # a comparison starts processes of its own
            name = "compare" if slow else chance.choice(sorted(COMMANDS.keys() - {"compare"}))
            killed(name, folder, references, seeds, chance, tally)
        elif part == "inputs":
            bad_inputs(folder, seeds, chance, tally)
        elif part == "races":
            race(folder, references, chance, tally)
        else:
            full_disk(folder, seeds, chance, tally)
        used[part] += time.monotonic() - began
    return tally


def campaign(seed: int, seconds: float, parts: tuple[str, ...], jobs: int, base: Path) -> Tally:
    """Run the parts in several processes and add up what they found."""
    (base / "good").mkdir(parents=True)
    good_inputs(base / "good")
    warm_up(base / "good", base / "warm", parts)
    gc.collect()
    gc.freeze()  # the children share this memory, as long as no collection writes to it
    with ProcessPoolExecutor(jobs, get_context("fork")) as pool:
        tallies = [pool.submit(work, number, seed, seconds, parts, base) for number in range(jobs)]
    total = Tally()
    for tally in (one.result() for one in tallies):
        total.trials += tally.trials
        total.struck += tally.struck
        total.faults += tally.faults
    return total


def add_to(path: Path, settings: dict[str, float], found: Tally) -> None:
    """Add a campaign to those in a file."""
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    counts = {"tried": dict(found.trials), "struck": dict(found.struck), "faults": found.faults}
    path.write_text(json.dumps([*before, settings | counts], indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Try, print, and say by the exit status whether anything failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--json", type=Path, help="add the counts and faults to the campaigns in this file")
    parser.add_argument("--keep", type=Path, help="an empty folder to work in, which is kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="manyshot-soak-") as scratch:
        base = options.keep or Path(scratch)
        found = campaign(options.seed, options.minutes * 60, tuple(options.parts), options.jobs, base.resolve())
        print(found.table())
        for fault in found.faults:
            print(f"\n{fault['part']}: {fault['what']}\n  {fault['how']}")
        if options.json:
            add_to(options.json, {"seed": options.seed, "minutes": options.minutes, "jobs": options.jobs}, found)
    sys.exit(bool(found.faults))


if __name__ == "__main__":
    main()
