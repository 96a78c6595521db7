"""What `manyshot train` prints after a training."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from manyshot.cli.output import print_json, say


def print_training(
    folder: Path,
    rows: Sequence[Mapping[str, Any]],
    as_json: bool,
    next_command: Sequence[str],
    stage: str | None = None,
    diagnosis: Mapping[str, Any] | None = None,
) -> None:
    """Print how many steps a training took, its loss and its accuracy on held-out classes.

    Args:
        folder: Folder of the run, which holds the report.
        rows: Rows of the run's metrics.
        as_json: Print JSON.
        next_command: A command of Manyshot that evaluates the run.
        stage: Stage of an augmenter's training, for JSON.
        diagnosis: Diagnosis of an augmenter, for JSON.
    """
    losses = [row["loss"] for row in rows if "loss" in row]
    accuracies = [row["validation_accuracy"] for row in rows if "validation_accuracy" in row]
    report = folder / "report.html"
    if as_json:
        result = {
            "run": str(folder),
            "steps": len(losses),
            "loss": losses[-1] if losses else None,
            "validation_accuracy": max(accuracies, default=None),
            "report": str(report),
        }
        print_json(result if stage is None else result | {"stage": stage, "diagnosis": diagnosis})
        return
    steps = f"{len(losses):,} steps, loss {losses[-1]:.3f}" if losses else "nothing to train, statistics gathered"
    accuracy = f", accuracy on held-out classes {max(accuracies):.1%}" if accuracies else ""
    say(f"{folder}: {steps}{accuracy}")
    say(f"Look at {report}; evaluate it with: manyshot {' '.join(map(_quoted, next_command))}")


def _quoted(word: str) -> str:
    """A word of a command line, in double quotes if it is a plan."""
    return f'"{word}"' if " x " in word else shlex.quote(word)
