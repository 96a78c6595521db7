"""`manyshot compare` on sentences, scans and examples of several parts: plans and learners on a frozen encoder."""

from pathlib import Path
from typing import Any

from manyshot.base import write_json
from manyshot.cli.option_groups import Keywords
from manyshot.cli.output import command_line, print_json, print_table, say

ENCODER = "minilm"
"""The encoder where none is named."""
PARTS_DEFAULTS = {"encoder": "parts", "learner": "fusion"}
"""The encoder and the learner of examples of several parts, likewise."""
SCANS_DEFAULTS = {"encoder": "efficientnet-lite0"}
"""The encoder of slices of scans, likewise."""
SCAN_OPTIONS = ("size", "window", "group_by")
"""Settings of a run that have an effect on scans besides."""
CONFIG_OPTIONS = (
    *("data", "split", "root", "text_column", "label_column", "encoding", "parts", "learner", "encoder", "ways"),
    *("shots", "queries", "within_group"),
)
"""Settings of a run that have an effect without a training."""
TEXT_OPTIONS = (*CONFIG_OPTIONS, "arms", "out", "tasks", "metric", "device", "seed", "as_json", "quiet")
"""Options that have an effect on sentences; all others are about a training."""


def is_text(data: str, root: str | None) -> bool:
    """Whether data are sentences.

    Example:
        >>> is_text("clinc150", None), is_text("omniglot", None), is_text("faq.csv", None)
        (True, False, True)
    """
    from manyshot.datasets import DATASETS
    from manyshot.datasets.picture_table import holds_picture_paths
    from manyshot.datasets.text_table import holds_sentences

    if data in DATASETS:
        return DATASETS[data].default_size is None and not DATASETS[data].sounds
    path = Path(data).expanduser()
    path = path if path.exists() or root is None else Path(root) / data
    return holds_sentences(path) and not holds_picture_paths(path)


def has_parts(config: Keywords) -> bool:
    """Whether data are examples of several parts.

    Args:
        config: Values of `CONFIG_OPTIONS`.
    """
    from manyshot.datasets import DATASETS, Columns
    from manyshot.datasets.list_multipart import holds_parts

    data, root = config["data"], config["root"]
    path = Path(data).expanduser()
    path = path if path.exists() or root is None else Path(root) / data
    columns = Columns(
        config["text_column"], config["label_column"], config["encoding"] or "utf-8", parts=config["parts"]
    )
    return data not in DATASETS and holds_parts(path, columns)


def compare_text(
    config: Keywords, fit: Keywords, arms: list[str], tasks: int, metric: str, out: Path, as_json: bool
) -> None:
    """Compare plans and learners on tasks of all the examples, write the report, and print the results.

    Args:
        config: Values of `CONFIG_OPTIONS` and, of scans, `SCAN_OPTIONS`; learner and encoder are those of arms
            that name none.
        fit: Settings of a training loop, of which the seed and the device matter.
        arms: The arms, as written.
        tasks: Number of tasks.
        metric: What arms are compared by.
        out: Folder of the report.
        as_json: Print JSON.
    """
    from manyshot.compare import Arm, EvaluationSuite, check_arms
    from manyshot.compare.compare_frozen import compare_frozen
    from manyshot.report.compare_page import columns_of, result_rows
    from manyshot.report.page import write_page
    from manyshot.report.sentences_page import sentences_page
    from manyshot.training import Config, Settings, load_sources
    from manyshot.training.task_csv import TASKS, write_task_csv

    shared = Config(**config, validation=0.0, fit=Settings(seed=fit["seed"], device=fit["device"]))
    check_arms((), out)
    source = load_sources(shared).training
    suite = EvaluationSuite("", shared.ways, shared.shots, shared.queries, tasks, within_group=shared.within_group)
    compared = compare_frozen([Arm.parse(arm) for arm in arms], shared, suite, source, metric)
    answer: dict[str, Any] = compared.as_dict() | {"data": source.name, "encoder": shared.encoder}
    answer["tasks_file"] = str(out / TASKS)
    report = out / "report.html"
    write_json(out / "compare.json", answer)
    write_task_csv(out / TASKS, compared.task_rows())
    title = f"{len(arms)} ways to learn from {source.name}"
    write_page(report, sentences_page(title, compared, source, command_line()))
    if as_json:
        print_json(answer | {"report": str(report)})
        return
    (results,) = compared.results.values()
    print_table(columns_of(results), result_rows(results), right=(1, 2, 3))
    say(f"{tasks:,} tasks of {source.name}, nothing trained; 95 % intervals over tasks")
    say(f"Look at {report}, and at each task in {out / TASKS}")
