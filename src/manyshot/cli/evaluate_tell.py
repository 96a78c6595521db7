"""How `manyshot evaluate` tells what it found."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyshot.base import InputError
from manyshot.cli.options import print_json, print_table

if TYPE_CHECKING:
    from manyshot.tasks import Source
    from manyshot.training import Evaluation
    from manyshot.training.support_shuffle import MemorisationProbe

TRANSDUCTIVE = "transductive: each query was judged by the statistics of all queries of its task"


def write_evaluated(
    path: Path,
    found: "Evaluation",
    told: dict[str, Any],
    seed: int,
    probed: "MemorisationProbe | None" = None,
    names: Sequence[str] = (),
) -> None:
    """Write the accuracy of each task as CSV.

    Args:
        path: the file.
        found: the evaluation.
        told: what was evaluated: its run or encoder stands in the column `arm`.
        seed: of the training.
        probed: the same tasks with shuffled labels of the support, for a column of its own.
        names: of the tasks, where they have such, for a column of its own.

    Raises:
        InputError: if the file cannot be written.
    """
    from manyshot.training.task_csv import write_task_csv

    rows = found.task_rows(arm=str(told.get("run") or told["encoder"]), seed=seed)
    if probed is not None:
        rows = [row | {"shuffled_support": float(one)} for row, one in zip(rows, probed.shuffled, strict=True)]
    if names:
        rows = [row | {"name": name} for row, name in zip(rows, names, strict=True)]
    try:
        write_task_csv(path, rows)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another --tasks-file") from None


def tell(
    found: "Evaluation", probed: "MemorisationProbe | None", source: "Source", told: dict[str, Any], as_json: bool
) -> None:
    """Print the hardest classes, accuracy and calibration.

    Args:
        found: the judging.
        probed: the same with shuffled labels of the support, if wanted.
        source: what was judged on.
        told: what was judged, for JSON.
        as_json: print JSON.
    """
    if as_json:
        answer = found.as_dict(source.class_names)
        answer |= {} if probed is None else {"shuffled_support": probed.as_dict()}
        print_json(told | answer)
        return
    low, high = found.interval
    worst = sorted((accuracy, source.class_names[c]) for c, accuracy in found.per_class.items())[:10]
    print_table(("hardest classes", "accuracy"), [(name, f"{accuracy:.1%}") for accuracy, name in worst], right=(1,))
    kind, tasks = "transductive " if found.transductive else "", len(found.accuracy)
    print(f"{kind}accuracy {found.mean:.2%} [{low:.2%}, {high:.2%}] over {tasks:,} tasks of {source.name}")
    if probed is not None:
        low, high = probed.interval
        print(
            f"with shuffled labels of the support {probed.shuffled.mean():.2%}: "
            f"they are worth {probed.gap:+.2%} [{low:+.2%}, {high:+.2%}]"
        )
    print(f"calibration error {found.calibration_error:.1%} (mean gap between how sure and how right)")
