"""`manyshot evaluate --one-shot-runs`: runs that are tasks of their own."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyshot.base import note, track
from manyshot.cli.evaluate_options import EvaluateArguments
from manyshot.cli.output import print_json, print_table, say
from manyshot.cli.print_evaluation import TRANSDUCTIVE, write_tasks

if TYPE_CHECKING:
    from manyshot.augment import Plan
    from manyshot.training import Run


def evaluate_one_shot(
    run: "Run",
    runs: Path,
    plan: "Plan",
    options: EvaluateArguments,
    description: dict[str, Any],
    as_json: bool,
) -> None:
    """Evaluate a learner on one-shot runs, and print the error of each.

    Args:
        run: The learner's run.
        runs: A zip or folder of one-shot runs.
        plan: Plan at use time.
        options: Options of the command: seed, device and file of the tasks.
        description: What is evaluated, for JSON.
        as_json: Print JSON.
    """
    from manyshot.datasets import load_one_shot_runs
    from manyshot.training import evaluate

    trials = load_one_shot_runs(runs, run.size, run.config.centered)
    batches = [trials.episode[index : index + 1] for index in range(len(trials.episode))]
    result = evaluate(run.learner, track(batches, "one-shot runs"), plan, options.seed, options.device)
    if options.csv is not None:
        write_tasks(options.csv, result, description, run.config.fit.seed, names=trials.names)
    count = int(trials.episode.query.weight.sum())
    errors = {name: 1 - float(accuracy) for name, accuracy in zip(trials.names, result.accuracy, strict=True)}
    error, low, high = 1 - result.mean, 1 - result.interval[1], 1 - result.interval[0]
    if result.transductive:
        note(TRANSDUCTIVE)
    if as_json:
        answer: dict[str, Any] = {"error": error, "interval": [low, high], "trials": count, "interval_over": "runs"}
        print_json(description | answer | {"transductive": result.transductive, "runs": errors})
        return
    print_table(("run", "error"), [(name, f"{one:.1%}") for name, one in errors.items()], right=(1,))
    kind = "transductive " if result.transductive else ""
    say(f"{kind}error {error:.2%} [{low:.2%}, {high:.2%}] over {count} trials of {len(errors)} runs")
