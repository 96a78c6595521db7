"""What `manyshot compare` writes and prints after its trainings."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyshot.cli.output import command_line, print_json, print_table, say

if TYPE_CHECKING:
    from manyshot.compare import ComparisonResult


def print_comparisons(title: str, results: "list[ComparisonResult]", out: Path, answer: dict[str, Any] | None) -> None:
    """Write the report of comparisons, and print their tables or JSON.

    Args:
        title: Title of the report.
        results: Results of the comparisons.
        out: Their folder, which the report is written to.
        answer: The JSON, to which the path of the report is added; None for tables.
    """
    from manyshot.compare.arm_result import ONE_TRAINING
    from manyshot.report.compare_page import columns_of, compare_page, groups_of, result_rows
    from manyshot.report.page import write_page
    from manyshot.training.task_csv import TASKS

    report = out / "report.html"
    write_page(report, compare_page(title, results, command_line()))
    if answer is not None:
        print_json(answer | {"report": str(report)})
        return
    for name, arms in groups_of(results).items():
        if name:
            say(f"{name}:")
        print_table(columns_of(arms), result_rows(arms), right=(1, 2, 3))
    first = results[0].comparison
    say(f"{first.seeds} seeds, {first.suites[0].tasks:,} tasks; 95 % intervals, those of arms over tasks alone")
    if first.seeds == 1 and len(first.arms) > 1:
        say(ONE_TRAINING)
    files = sorted(str(path) for path in (out / TASKS, *out.glob(f"*/{TASKS}")) if path.exists())
    say(f"Look at {report}, and at each task in {', '.join(files)}")
