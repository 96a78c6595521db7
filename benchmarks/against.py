"""Time the code of this checkout beside another checkout of it, in turns and on one thread.

    git worktree add /tmp/before COMMIT
    python benchmarks/against.py /tmp/before --json results/against.json

Each checkout has a process of its own, which does the work of its own `benchmarks/augment.py` or of its own
`benchmarks/learners_worker.py`. In every round each takes its turn, in another order each round, so that a busy machine
disturbs both alike. CPU time is counted; a ratio is this checkout's time divided by the other's within a round, and
printed is the median over rounds. The plain loop is the same code in both: its ratio says how far ratios scatter.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from machine import cpu_name
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent.parent
PIPELINES = (
    "few-shot standard",
    "few-shot standard, float",
    "affine",
    "flip + crop",
    "color jitter",
    "RandAugment(2)",
    "mixup",
    "CutMix",
)
"""All of `benchmarks/augment.py`, by their places there: a checkout may have other names for them."""
SIZES = ("28x28x1", "32x32x3", "84x84x3", "224x224x3")
CASES = ((32, 1), (32, 5), (64, 1), (64, 5))
"""Width of Conv4 and number of inner steps of MAML."""
TASKS = 2
MORE = 3
"""Rounds of pipelines, which take milliseconds, for each of learners."""
AUGMENT = """
import functools, json, sys, time, warnings
import augment, torch

warnings.simplefilter("ignore")
torch.set_num_threads(1)


@functools.cache
def contestant(pipeline, size):
    return augment.ours([*augment.OPS, *augment.MIXES][pipeline], *augment.SIZES[size])["manyshot"]


for line in sys.stdin:
    one = contestant(*json.loads(line))
    one.work()  # kernels are compiled, the cache is filled
    times = [time.process_time()]
    for _ in range(5):
        one.work()
        times.append(time.process_time())
    print(min(b - a for a, b in zip(times, times[1:])) / one.images * 1e6, flush=True)
"""


class Process:
    """A process of one checkout."""

    def __init__(self, checkout: Path, arguments: list[str]) -> None:
        paths = os.pathsep.join(str(checkout / folder) for folder in ("src", "benchmarks"))
        environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
        command = [sys.executable, "-W", "ignore", *arguments]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=checkout
        )

    def ask(self, line: str) -> Any:
        """The answer to a line, read as JSON."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self) -> Any:
        """The next line that it writes."""
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{' '.join(self.process.args)[:300]}: ended early; run it by hand to see why")
        return json.loads(line)

    def close(self) -> None:
        """Let the process end."""
        self.process.stdin.close()
        self.process.wait()


def in_turns(processes: list[Process], line: str, rounds: int) -> list[list[float]]:
    """CPU time of each process in each round, after a round that does not count."""
    times: list[list[float]] = [[] for _ in processes]
    for number in range(rounds + 1):
        order = [*enumerate(processes)][:: 1 if number % 2 else -1]
        for index, process in order:
            answer = process.ask(line)
            if number:
                times[index].append(answer if isinstance(answer, float) else 1000 * answer["cpu"] / TASKS)
    return times


def measure_augment(checkouts: list[Path], rounds: int) -> dict[str, list[list[float]]]:
    """Microseconds an image, of each pipeline at each size: the fastest of five calls in a round."""
    processes = [Process(checkout, ["-c", AUGMENT]) for checkout in checkouts]
    times = {
        f"{pipeline}, {size}": in_turns(processes, json.dumps([number, size]), rounds)
        for number, pipeline in enumerate(PIPELINES)
        for size in SIZES
    }
    for process in processes:
        process.close()
    return times


def measure_learners(checkouts: list[Path], rounds: int) -> dict[str, list[list[float]]]:
    """Milliseconds a task of an outer step of MAML, and of the plain loop."""
    times = {}
    for width, steps in CASES:
        for row in ("manyshot", "plain loop"):
            options = ["benchmarks/learners_worker.py", row, *map(str, (width, steps, TASKS, 1))]
            processes = [Process(checkout, options) for checkout in checkouts]
            for process in processes:
                process.answer()
            name = "MAML" if row == "manyshot" else "the same by a plain loop"
            times[f"{name}, Conv4-{width}, {steps} inner steps"] = in_turns(processes, "", rounds)
            for process in processes:
                process.close()
    return times


def commit_of(checkout: Path) -> str:
    """The commit that is checked out."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True).stdout.strip()


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="the other checkout")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    given = parser.parse_args()
    checkouts = [given.before.resolve(), HERE]
    times = measure_augment(checkouts, MORE * given.rounds) | measure_learners(checkouts, given.rounds)
    rows = {
        name: {
            "before": round(median(before), 2),
            "now": round(median(now), 2),
            "ratio": round(median(b / a for a, b in zip(before, now, strict=True)), 3),
        }
        for name, (before, now) in times.items()
    }
    table = Table("row", "before", "now", "now / before", title="CPU time: microseconds an image, milliseconds a task")
    for name, row in rows.items():
        table.add_row(name, *(f"{value:g}" for value in row.values()))
    Console(width=110).print(table)
    if given.json is not None:
        result = {
            "rows": rows,
            "rounds": given.rounds,
            "pipeline_rounds": MORE * given.rounds,
            "commits": {"before": commit_of(checkouts[0]), "now": commit_of(HERE)},
            "cpu": cpu_name(),
            "load_at_end": round(os.getloadavg()[0], 1),
            "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        }
        given.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
