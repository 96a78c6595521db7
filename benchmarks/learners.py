"""Time second-order MAML beside other libraries, in one interleaved run.

    python benchmarks/learners.py --quick
    python benchmarks/learners.py --learn2learn /tmp/learn2learn-0.2.0 --json results/learners.json

A row is a process of its own; in every round each takes one outer step over the same tasks, one after the other and in
another order each round, so that a busy machine disturbs all alike. Before anything is timed, each row's gradient in
double precision must equal the plain loop's. Printed are medians over rounds; a ratio is the median of the ratios
within a round.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import torch
from learners_worker import ROWS
from machine import cpu_name
from output import print_table, ratio_cell
from rich.table import Table

from manyshot.base import track, write_json

HERE = Path(__file__).resolve().parent
OURS, REFERENCE = "manyshot", "plain loop"
CASES = [(width, steps) for width in (32, 64) for steps in (1, 5)]
TOLERANCE = 1e-10


def command(row: str, width: int, steps: int, tasks: int, threads: int, source: Path | None) -> list[str]:
    """How a row's process is started."""
    more = [] if source is None else ["--learn2learn", str(source)]
    numbers = [str(number) for number in (width, steps, tasks, threads)]
    return [sys.executable, "-W", "ignore", str(HERE / "learners_worker.py"), row, *numbers, *more]


def environment(threads: int) -> dict[str, str]:
    """Threads wait as they do by default: told to sleep at once, peers on two threads were 1.7 times slower."""
    mine = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    return {**mine, "OMP_NUM_THREADS": str(threads), "CUDA_VISIBLE_DEVICES": ""}


class Worker:
    """A row's process."""

    def __init__(self, arguments: list[str], threads: int) -> None:
        self.process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(threads)
        )
        self.hello = self.answer()

    def answer(self) -> dict[str, Any]:
        """The next line that it writes."""
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{' '.join(self.process.args)}: ended early; run it by hand to see why")
        return json.loads(line)

    def step(self) -> dict[str, Any]:
        """Take one outer step."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.answer()

    def close(self) -> None:
        """Let the process end."""
        self.process.stdin.close()
        self.process.wait()


def check_gradients(width: int, steps: int, source: Path | None) -> dict[str, float]:
    """The largest difference of each row's gradient from the plain loop's, relative to its size.

    Raises:
        SystemExit: if one is not the same.
    """
    with tempfile.TemporaryDirectory() as folder:
        result = {}
        for row in ROWS:
            path = Path(folder) / "gradient.pt"
            path.unlink(missing_ok=True)
            arguments = [*command(row, width, steps, 2, 1, source), "--gradient", str(path)]
            subprocess.run(arguments, check=True, env=environment(1), stdout=subprocess.DEVNULL)
            if path.exists():
                result[row] = torch.load(path, weights_only=True)
    gaps = {}
    for row, grads in result.items():
        pairs = zip(grads, result[REFERENCE], strict=True)
        gaps[row] = max(float((a - b).norm() / b.norm().clamp(min=1e-12)) for a, b in pairs)
        if gaps[row] > TOLERANCE:
            raise SystemExit(f"{row}: its gradient differs by {gaps[row]:.1e} at width {width}, {steps} steps")
    return gaps


def measure(width: int, steps: int, tasks: int, threads: int, rounds: int, source: Path | None) -> dict[str, Any]:
    """Seconds and memory of a step of every row in every round."""
    workers, missing = {}, {}
    for row in ROWS:
        worker = Worker(command(row, width, steps, tasks, threads, source), threads)
        if "failed" in worker.hello:
            missing[row] = worker.hello["failed"]
            worker.close()
        else:
            workers[row] = worker
    result: dict[str, list[dict[str, float]]] = {row: [] for row in workers}
    order = list(workers)
    for worker in workers.values():
        worker.step()  # numba loads or compiles, caches fill
    for turn in track(range(rounds), f"Conv4-{width}, {steps} steps, {threads} threads"):
        for row in order[turn % len(order) :] + order[: turn % len(order)]:
            result[row].append(workers[row].step())
    versions = workers[OURS].hello["versions"]
    for worker in workers.values():
        worker.close()
    return {"found": result, "missing": missing, "versions": versions}


def summarize(measured: dict[str, Any], tasks: int) -> dict[str, Any]:
    """Medians and ratios of a case."""
    result = measured["found"]
    rows = {
        row: {
            "tasks_a_second": round(tasks / median(step["wall"] for step in steps), 1),
            "cpu_milliseconds_a_task": round(1000 * median(step["cpu"] for step in steps) / tasks, 2),
            "memory_mib": round(max(step["memory"] for step in steps), 1),
        }
        for row, steps in result.items()
    }

    def ratio(row: str, clock: str) -> float:
        pairs = zip(result[row], result[OURS], strict=True)
        return round(median(theirs[clock] / own[clock] for theirs, own in pairs), 2)

    peers = [row for row in result if row != OURS]
    return {
        "rows": rows,
        "ratios": {row: ratio(row, "wall") for row in peers},
        "cpu_ratios": {row: ratio(row, "cpu") for row in peers},
        "missing": measured["missing"],
    }


def show(title: str, case: dict[str, Any]) -> None:
    """Print a case."""
    table = Table(title=title)
    table.add_column("row", no_wrap=True)
    for column in ("tasks / s", "CPU ms / task", "MiB", "wall / ours", "CPU / ours"):
        table.add_column(column, justify="right", no_wrap=True)
    for row, numbers in case["rows"].items():
        ratios = [ratio_cell(case[kind].get(row), 2) for kind in ("ratios", "cpu_ratios")]
        table.add_row(row, *(str(number) for number in numbers.values()), *ratios)
    print_table(table, case["missing"])


def main() -> None:
    """Check, measure, print, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer tasks and rounds: some minutes")
    parser.add_argument("--learn2learn", type=Path, help="folder of its unpacked source (README.md says how)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="all cores if not given")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    tasks, rounds = (4, 3) if arguments.quick else (16, 9)
    cases, versions, load = [], {}, os.getloadavg()[0]
    for width, steps in CASES:
        gaps = check_gradients(width, steps, arguments.learn2learn)
        measured = measure(width, steps, tasks, arguments.threads, rounds, arguments.learn2learn)
        case = summarize(measured, tasks)
        versions = measured["versions"]
        show(f"Conv4-{width}, {steps} inner steps, {arguments.threads} threads", case)
        cases.append({"width": width, "steps": steps, "gradient_gaps": gaps, **case})
    if arguments.json is not None:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=HERE, capture_output=True, text=True).stdout.strip()
        result = {
            "what": "second-order MAML, 5-way 1-shot 15 queries of 28x28x1, float32, batch normalization by the "
            f"statistics of the batch at hand; {tasks} tasks a step; memory is the peak beyond what was held before",
            "ratios": {f"Conv4-{case['width']}, {case['steps']} steps": case["ratios"] for case in cases},
            "cases": cases,
            "machine": {
                "cpu": cpu_name(),
                "cores": os.cpu_count(),
                "threads": arguments.threads,
                "load_at_start": round(load, 1),
                "versions": versions,
                "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
                "commit": commit or None,
                "command": " ".join(["python", "benchmarks/learners.py", *sys.argv[1:]]),
                "rounds": rounds,
            },
        }
        write_json(arguments.json, result)


if __name__ == "__main__":
    main()
