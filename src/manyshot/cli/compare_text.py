"""The part of `manyshot compare` for sentences, where a frozen encoder is judged with several plans and learners."""

from pathlib import Path
from typing import Any

from manyshot.base import write_json
from manyshot.cli.options import command_line, print_json, print_table
from manyshot.cli.ranges import number_or_range

ENCODER = "minilm"
"""Where none is named."""
OPTIONS = (
    *("data", "arms", "out", "split", "root", "text_column", "label_column", "encoding", "learner", "encoder", "ways"),
    *("shots", "queries", "within_group", "tasks", "device", "seed", "as_json", "quiet"),
)
"""What means something here; all else is about a training."""


def takes(data: str, root: Path | None) -> bool:
    """Whether data are sentences.

    Example:
        >>> takes("clinc150", None), takes("omniglot", None), takes("faq.csv", None)
        (True, False, True)
    """
    from manyshot.datasets import DATASETS
    from manyshot.datasets.text_table import holds_sentences

    if data in DATASETS:
        return DATASETS[data].default_size is None
    path = Path(data).expanduser()
    return holds_sentences(path if path.exists() or root is None else root / data)


def compare_text(
    data: str,
    arms: list[str],
    out: Path,
    split: str | None,
    root: Path | None,
    columns: tuple[str | None, str | None, str | None],
    learner: str,
    encoder: str,
    sizes: tuple[str, str, int],
    within_group: float,
    tasks: int,
    device: str,
    seed: int,
    as_json: bool,
) -> None:
    """Judge plans and learners on tasks of all the sentences, write the report, and print what came of it.

    Args:
        data: name or path.
        arms: as written.
        out: the folder of the report.
        split: part of a data set.
        root: of a data set's files.
        columns: text and label column and encoding of a table.
        learner: of arms that name none.
        encoder: of arms that name none.
        sizes: ways, shots and queries.
        within_group: share of tasks within one group.
        tasks: how many.
        device: where to compute.
        seed: of tasks and draws.
        as_json: print JSON.
    """
    from manyshot.compare import Arm, EvaluationSuite, check_arms
    from manyshot.compare.frozen import compare_frozen
    from manyshot.report.compare_page import COLUMNS, result_rows
    from manyshot.report.page import write_page
    from manyshot.report.sentences_page import sentences_page
    from manyshot.training import Config, Settings, load_sources
    from manyshot.training.task_csv import TASKS, write_task_csv

    ways, shots, queries = sizes
    text_column, label_column, encoding = columns
    config = Config(
        data=data,
        split=split,
        root=None if root is None else str(root),
        text_column=text_column,
        label_column=label_column,
        encoding=encoding,
        learner=learner,
        encoder=encoder,
        ways=number_or_range(ways, "--ways"),
        shots=number_or_range(shots, "--shots"),
        queries=queries,
        validation=0.0,
        fit=Settings(seed=seed, device=device),
    )
    check_arms((), out)
    source = load_sources(config).training
    judging = EvaluationSuite("", config.ways, config.shots, queries, tasks, within_group=within_group)
    compared = compare_frozen([Arm.parse(arm) for arm in arms], config, judging, source)
    told: dict[str, Any] = compared.as_dict() | {"data": source.name, "encoder": encoder}
    told["tasks_file"] = str(out / TASKS)
    report = out / "report.html"
    write_json(out / "compare.json", told)
    write_task_csv(out / TASKS, compared.task_rows())
    title = f"{len(arms)} ways to learn from {source.name}"
    write_page(report, sentences_page(title, compared, source, command_line()))
    if as_json:
        print_json(told | {"report": str(report)})
        return
    (results,) = compared.results.values()
    print_table(COLUMNS, result_rows(results), right=(1, 2, 3))
    print(f"{tasks:,} tasks of {source.name}, nothing trained; intervals are 95 %, over tasks")
    print(f"Look at {report}, and at each task in {out / TASKS}")
