"""The part of `manyshot evaluate` for one-shot runs, which are tasks of their own."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyshot.base import note
from manyshot.cli.evaluate_tell import TRANSDUCTIVE, write_evaluated
from manyshot.cli.options import print_json, print_table

if TYPE_CHECKING:
    from manyshot.augment import Plan
    from manyshot.training import Run


def evaluate_runs(
    made: "Run",
    runs: Path,
    how: "Plan",
    seed: int,
    device: str | None,
    told: dict[str, Any],
    tasks_file: Path | None,
    as_json: bool,
) -> None:
    """Judge a learner on one-shot runs, and print the error of each.

    Args:
        made: the learner's run.
        runs: a zip or folder of one-shot runs.
        how: the plan at use time.
        seed: of its draws.
        device: where to compute.
        told: what is judged, for JSON.
        tasks_file: CSV of each run's accuracy; None to write none.
        as_json: print JSON.
    """
    from manyshot.base import track
    from manyshot.datasets import one_shot_runs
    from manyshot.training import evaluate

    trials = one_shot_runs(runs, made.size, made.config.centered)
    batches = [trials.episode[place : place + 1] for place in range(len(trials.episode))]
    found = evaluate(made.learner, track(batches, "one-shot runs"), how, seed, device)
    if tasks_file is not None:
        write_evaluated(tasks_file, found, told, made.config.fit.seed, names=trials.names)
    count = int(trials.episode.query.weight.sum())
    errors = {name: 1 - float(accuracy) for name, accuracy in zip(trials.names, found.accuracy, strict=True)}
    low, high = found.interval
    if found.transductive:
        note(TRANSDUCTIVE)
    if as_json:
        answer: dict[str, Any] = {"error": 1 - found.mean, "interval": [1 - high, 1 - low], "trials": count}
        answer["interval_over"] = "runs"
        print_json(told | answer | {"transductive": found.transductive, "runs": errors})
        return
    print_table(("run", "error"), [(name, f"{error:.1%}") for name, error in errors.items()], right=(1,))
    kind, error = "transductive " if found.transductive else "", f"{1 - found.mean:.2%} [{1 - high:.2%}, {1 - low:.2%}]"
    print(f"{kind}error {error} over {count} trials of {len(errors)} runs")
