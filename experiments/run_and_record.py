"""What every experiment notes beside its figures, and how it runs our commands."""

import argparse
import json
import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "results"


def parse_options(doc: str | None, root: str, runs: str, what: str = "the trainings") -> argparse.Namespace:
    """Read `--root`, `--runs` and `--tiny`.

    Args:
        doc: Docstring of the experiment, for `--help`.
        root: What the folder of data holds.
        runs: Default folder of the trainings.
        what: What lies in that folder.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default="data", help=f"the folder that holds {root}")
    parser.add_argument("--runs", default=Path(runs), type=Path, help=f"where {what} lie")
    parser.add_argument("--tiny", action="store_true", help="a few steps of everything, to see that it runs; no result")
    return parser.parse_args()


def answer(command: str) -> dict:
    """Run a command of ours and read its JSON."""
    words = f"{sys.executable} -m {command} --json"
    done = subprocess.run(words, shell=True, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def write(name: str, found: dict) -> None:
    """Write results/NAME.json: the figures, and the commit, threads and versions that they were made with."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    output = {
        **found,
        "commit": commit,
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "versions": {"python": platform.python_version(), **{p: version(p) for p in ("manyshot", "torch", "numpy")}},
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(output, indent=2) + "\n", encoding="utf-8")
