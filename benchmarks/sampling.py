"""Time drawing 5-way 1-shot 15-query episodes of 28 x 28 images, beside other libraries, in one interleaved run.

    python benchmarks/sampling.py --quick
    python benchmarks/sampling.py --peers /tmp/sampling-peers --json results/sampling.json

Each library runs in a process of its own, one thread, on the same images. In every round each sampler draws for a slice
of time, one after the other and in another order each round, so that a busy machine disturbs all alike. CPU time is
counted, not wall time. Printed are medians over rounds; a ratio is the median of the ratios within a round.
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
from output import print_table, ratio_cell
from rich.table import Table
from sampling_worker import OPTIONS, PEERS, SAMPLERS

from manyshot.base import track, write_json

OURS = "manyshot"
OWN = [name for name in SAMPLERS if name not in PEERS]
HERE = Path(__file__).resolve().parent


class Worker:
    """A process that draws with the samplers named, in one interpreter."""

    def __init__(self, python: Path | str, names: list[str]) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
        self.process = subprocess.Popen(
            [str(python), "-W", "ignore", str(HERE / "sampling_worker.py"), *names],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if python == sys.executable else subprocess.DEVNULL,  # the peers greet us with advice
            text=True,
            env=environment,
        )

    def answer(self) -> dict[str, Any]:
        """The next line that the process writes."""
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{' '.join(self.process.args)}: ended early; run it by hand to see why")
        return json.loads(line)

    def seconds(self, name: str, episodes: int) -> float:
        """CPU time of drawing so many episodes."""
        self.process.stdin.write(json.dumps({"name": name, "episodes": episodes}) + "\n")
        self.process.stdin.flush()
        return self.answer()["seconds"]

    def close(self) -> None:
        """Let the process end."""
        self.process.stdin.close()
        self.process.wait()


def measure(peers: Path | None, rounds: int, slice_seconds: float) -> dict[str, Any]:
    """Episodes a CPU second of every sampler in every round, and why the missing ones are missing."""
    workers, reasons, versions, started = {}, {}, {}, []
    for names in [OWN + list(OPTIONS), *([peer] for peer in PEERS)]:
        separate = peers is not None and (peers / names[0] / "bin" / "python").exists()
        started.append((Worker(peers / names[0] / "bin" / "python" if separate else sys.executable, names), names))
    for worker, names in started:
        hello = worker.answer()
        versions[names[0]] = hello["versions"]
        reasons |= hello["failed"]
        running = [name for name in names if name not in hello["failed"]]
        workers |= dict.fromkeys(running, worker)
        if not running:
            worker.close()
    # Enough episodes for one slice, a multiple of every T.
    share = {name: 64 * max(1, round(slice_seconds / worker.seconds(name, 64))) for name, worker in workers.items()}
    speeds: dict[str, list[float]] = {name: [] for name in workers}
    order = list(workers)
    for turn in track(range(rounds), "rounds"):
        for name in order[turn % len(order) :] + order[: turn % len(order)]:
            speeds[name].append(share[name] / workers[name].seconds(name, share[name]))
    for worker in set(workers.values()):
        worker.close()
    return {"speeds": speeds, "reasons": reasons, "versions": versions}


def ratio(speeds: dict[str, list[float]], ours: str, peer: str) -> float:
    """How many times as many episodes we draw."""
    return round(median(a / b for a, b in zip(speeds[ours], speeds[peer], strict=True)), 2)


def summary(found: dict[str, Any], rounds: int, slice_seconds: float) -> dict[str, Any]:
    """What goes into the JSON file."""
    speeds = found["speeds"]
    peers = [name for name in SAMPLERS if not name.startswith(OURS)]
    rows = []
    for name in [*SAMPLERS, *OPTIONS]:
        if name not in speeds:
            rows.append({"sampler": name, "episodes_a_second": None, "note": found["reasons"][name]})
            continue
        rows.append(
            {
                "sampler": name,
                "episodes_a_second": round(median(speeds[name])),
                "least": round(min(speeds[name])),
                "most": round(max(speeds[name])),
            }
        )
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=HERE, capture_output=True, text=True).stdout.strip()
    return {
        "what": "5-way 1-shot 15-query episodes of 28x28x1 uint8 from 964 classes x 20 items in memory; one thread, "
        "episodes a CPU second, medians over rounds; 'manyshot' draws T=16 at once, and so do the options",
        "ratios": {name: ratio(speeds, OURS, name) for name in peers if name in speeds},
        "ratios_one_at_a_time": {name: ratio(speeds, f"{OURS}, T=1", name) for name in peers if name in speeds},
        "rows": rows,
        "machine": {
            "cpu": cpu_name(),
            "cores": os.cpu_count(),
            "threads": 1,
            "load": round(os.getloadavg()[0], 1),
            "versions": found["versions"],
            "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
            "commit": commit or None,
            "command": " ".join(["python", "benchmarks/sampling.py", *sys.argv[1:]]),
            "rounds": rounds,
            "slice_seconds": slice_seconds,
        },
    }


def show(result: dict[str, Any]) -> None:
    """Print the table."""
    table = Table(title="5-way 1-shot 15-query episodes of 28 x 28 a CPU second, one thread")
    table.add_column("sampler", no_wrap=True)
    for column in ("median", "least", "most", "T=16 / it", "T=1 / it"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in result["rows"]:
        name = row["sampler"]
        if name == next(iter(OPTIONS)):
            table.add_section()
        if row["episodes_a_second"] is None:
            table.add_row(name, "-")
            continue
        ratios = (result[key].get(name) for key in ("ratios", "ratios_one_at_a_time"))
        table.add_row(
            f"T=16, {name}" if name in OPTIONS else f"{OURS}, T=16" if name == OURS else name,
            *(f"{row[key]:,}" for key in ("episodes_a_second", "least", "most")),
            *(ratio_cell(value, 2) for value in ratios),
        )
    print_table(table, {row["sampler"]: row["note"] for row in result["rows"] if "note" in row})


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: under half a minute")
    parser.add_argument(
        "--peers",
        type=Path,
        help="folder with a virtual environment a peer, named learn2learn, easyfsl, torchmeta (README.md says how to "
        "make them); without it the peers are looked for beside this interpreter's own packages",
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    rounds, slice_seconds = (5, 0.05) if arguments.quick else (25, 0.3)
    result = summary(measure(arguments.peers, rounds, slice_seconds), rounds, slice_seconds)
    show(result)
    if arguments.json is not None:
        write_json(arguments.json, result)


if __name__ == "__main__":
    main()
