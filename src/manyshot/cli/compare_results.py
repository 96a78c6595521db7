"""How `manyshot compare` tells what it found."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyshot.cli.options import command_line, print_json, print_table

if TYPE_CHECKING:
    from manyshot.compare import ComparisonResult


def tell(title: str, compared: "list[ComparisonResult]", out: Path, told: dict[str, Any] | None) -> None:
    """Write the report of comparisons, and print their tables or JSON.

    Args:
        title: of the report.
        compared: the comparisons.
        out: their folder, which the report is written to.
        told: the JSON, to which the report is added; None for tables.
    """
    from manyshot.compare.run_arms import ONE_TRAINING
    from manyshot.report.compare_page import COLUMNS, compare_page, groups_of, result_rows
    from manyshot.report.page import write_page
    from manyshot.training.task_csv import TASKS

    report = out / "report.html"
    write_page(report, compare_page(title, compared, command_line()))
    if told is not None:
        print_json(told | {"report": str(report)})
        return
    for name, results in groups_of(compared).items():
        if name:
            print(f"{name}:")
        print_table(COLUMNS, result_rows(results), right=(1, 2, 3))
    first = compared[0].comparison
    print(f"{first.seeds} seeds, {first.judgings[0].tasks:,} tasks; intervals are 95 %, those of arms over tasks alone")
    if first.seeds == 1 and len(first.arms) > 1:
        print(ONE_TRAINING)
    files = sorted(str(path) for path in (out / TASKS, *out.glob(f"*/{TASKS}")) if path.exists())
    print(f"Look at {report}, and at each task in {', '.join(files)}")
