"""Time the code of this checkout beside another checkout of it, alternately and on one thread.

    git worktree add /tmp/before COMMIT
    python benchmarks/against.py /tmp/before augment --json results/against_augment.json
    python benchmarks/against.py /tmp/before learners --json results/against_learners.json

In every round each checkout runs its own `benchmarks/augment.py --quick` (or `learners.py --quick --threads 1`), in
another order each round, so that a busy machine disturbs both alike. CPU time is counted. A ratio is this checkout's
time divided by the other's, the median over rounds; rows of the plain loop, which is the same code in both, say how far
ratios scatter.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import geometric_mean, median
from typing import Any

from machine import cpu_name
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent.parent
BENCHMARKS = {"augment": ["augment.py", "--quick"], "learners": ["learners.py", "--quick", "--threads", "1"]}


def run(checkout: Path, benchmark: str) -> dict[str, float]:
    """The CPU time of each row, as one run of a checkout's benchmark measures it."""
    script, *options = BENCHMARKS[benchmark]
    environment = os.environ | {"PYTHONPATH": str(checkout / "src"), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figures.json"
        command = [sys.executable, "-W", "ignore", f"benchmarks/{script}", *options, "--json", str(path)]
        subprocess.run(command, check=True, cwd=checkout, env=environment, stdout=subprocess.DEVNULL)
        figures = json.loads(path.read_text())
    return _of_augment(figures) if benchmark == "augment" else _of_learners(figures)


def _of_augment(figures: dict[str, Any]) -> dict[str, float]:
    """Microseconds an image."""
    return {f"{row['pipeline']}, {row['size']}": row["microseconds"]["manyshot"] for row in figures["rows"]}


def _of_learners(figures: dict[str, Any]) -> dict[str, float]:
    """Milliseconds a task."""
    return {
        f"{row}, Conv4-{case['width']}, {case['steps']} inner steps": case["rows"][row]["cpu_milliseconds_a_task"]
        for case in figures["cases"]
        for row in ("manyshot", "plain loop")
    }


def commit_of(checkout: Path) -> str:
    """The commit that is checked out."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True).stdout.strip()


def main() -> None:
    """Measure in turns, print, save after every round."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="the other checkout")
    parser.add_argument("benchmark", choices=BENCHMARKS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures here after each round; rounds in it count")
    given = parser.parse_args()
    checkouts = {"before": given.before.resolve(), "now": HERE}
    commits = {name: commit_of(path) for name, path in checkouts.items()}
    times: dict[str, list[dict[str, float]]] = {name: [] for name in checkouts}
    if given.json is not None and given.json.exists():
        times = json.loads(given.json.read_text())["times"]
    for number in range(len(times["now"]), given.rounds):
        for name in [*checkouts][:: 1 if number % 2 == 0 else -1]:
            times[name].append(run(checkouts[name], given.benchmark))
        pairs = list(zip(times["now"], times["before"], strict=True))
        rows = {
            row: {
                "before": round(median(one[row] for one in times["before"]), 3),
                "now": round(median(one[row] for one in times["now"]), 3),
                "ratio": round(median(now[row] / before[row] for now, before in pairs), 3),
            }
            for row in times["now"][0]
            if row in times["before"][0]
        }
        result = {
            "rows": rows,
            "mean_ratio": round(geometric_mean([row["ratio"] for name, row in rows.items() if "plain" not in name]), 3),
            "rounds": number + 1,
            "commits": commits,
            "cpu": cpu_name(),
            "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
            "load_at_end": round(os.getloadavg()[0], 1),
            "times": times,
        }
        if given.json is not None:
            given.json.write_text(json.dumps(result, indent=1) + "\n")
    table = Table("row", "before", "now", "now / before", title=f"{given.benchmark}, CPU time, one thread")
    for name, row in rows.items():
        table.add_row(name, *(f"{row[key]:.3g}" for key in ("before", "now", "ratio")))
    Console(width=110).print(table, f"mean ratio {result['mean_ratio']:.3f}")


if __name__ == "__main__":
    main()
