"""What `manyshot evaluate` writes and prints."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyshot.base import InputError
from manyshot.cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from manyshot.tasks import Source
    from manyshot.training import Evaluation
    from manyshot.training.memorization_probe import MemorizationProbe
    from manyshot.training.name_probe import NameProbe

TRANSDUCTIVE = "transductive: each query was normalized by the statistics of all queries of its task"


def write_tasks(
    path: Path,
    result: "Evaluation",
    description: dict[str, Any],
    seed: int,
    probe: "MemorizationProbe | None" = None,
    names: Sequence[str] = (),
) -> None:
    """Write the accuracy of each task as CSV.

    Args:
        path: The file.
        result: The evaluation.
        description: What was evaluated: its run or encoder is the value of the column `arm`.
        seed: Seed of the training.
        probe: Results on the same tasks with shuffled labels of the support, for a column of its own.
        names: Names of the tasks, where they have such, for a column of its own.

    Raises:
        InputError: If the file cannot be written.
    """
    from manyshot.training.task_csv import write_task_csv

    rows = result.task_rows(arm=str(description.get("run") or description["encoder"]), seed=seed)
    if probe is not None:
        rows = [row | {"shuffled_support": float(one)} for row, one in zip(rows, probe.shuffled, strict=True)]
    if names:
        rows = [row | {"name": name} for row, name in zip(rows, names, strict=True)]
    try:
        write_task_csv(path, rows)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another --tasks-file") from None


def print_evaluation(
    result: "Evaluation",
    probe: "MemorizationProbe | None",
    names: "NameProbe | None",
    source: "Source",
    description: dict[str, Any],
    as_json: bool,
) -> None:
    """Print the hardest classes, accuracy and calibration.

    Args:
        result: The evaluation.
        probe: Results with shuffled labels of the support, if asked for.
        names: Results with other classes' names, if asked for.
        source: Data that the tasks were drawn from.
        description: What was evaluated, for JSON.
        as_json: Print JSON.
    """
    from manyshot.training import mean_interval

    if as_json:
        answer = result.as_dict(source.class_names)
        answer |= {} if probe is None else {"shuffled_support": probe.as_dict()}
        answer |= {} if names is None else {"shuffled_names": names.as_dict()}
        print_json(description | answer)
        return
    low, high = result.interval
    worst = sorted((accuracy, source.class_names[c]) for c, accuracy in result.per_class.items())[:10]
    print_table(("hardest classes", "accuracy"), [(name, f"{accuracy:.1%}") for accuracy, name in worst], right=(1,))
    kind, tasks = "transductive " if result.transductive else "", len(result.accuracy)
    say(f"{kind}accuracy {result.mean:.2%} [{low:.2%}, {high:.2%}] over {tasks:,} tasks of {source.name}")
    if result.shared is not None:
        say(str(result.shared))
    if probe is not None:
        low, high = probe.interval
        say(
            f"accuracy with shuffled labels of the support {probe.shuffled.mean():.2%}; "
            f"difference {probe.gap:+.2%} [{low:+.2%}, {high:+.2%}]"
        )
    if names is not None:
        for what, lost in names.lost.items():
            low, high = mean_interval(lost)
            say(f"points lost with {what}: {100 * lost.mean():.1f} [{100 * low:.1f}, {100 * high:.1f}]")
    if result.answers is not None:
        for metric in ("balanced-accuracy", "auroc", "average-precision", "brier"):
            one = result.score(metric)
            say(f"{metric.replace('-', ' ')} {one.value:.3f} [{one.low:.3f}, {one.high:.3f}], mean over tasks")
    for level, one in result.sensitivities().items():
        say(
            f"sensitivity {one.value:.1%} [{one.low:.1%}, {one.high:.1%}] at the threshold that had a specificity of "
            f"{level:.0%} on tasks of the validation part"
        )
    say(f"expected calibration error {result.calibration_error:.1%} (mean gap between confidence and accuracy)")
