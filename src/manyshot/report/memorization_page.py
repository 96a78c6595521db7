"""The page of the comparison of learners that may memorize their training tasks."""

from collections.abc import Sequence

from manyshot.compare.memorization import SHOTS, STEP_SIZE, WIDTH, MemorizationResult
from manyshot.report.compare_page import difference_cell
from manyshot.report.page import Page, Paragraph, Section, Table, interval, provenance

COLUMNS = (
    "arm",
    "error on new waves",
    "difference",
    "shuffled support",
    "training waves",
    "training waves, shuffled support",
    "CPU seconds per training",
)


def memorization_page(title: str, results: Sequence[MemorizationResult], steps: int, command: str) -> Page:
    """A table for each number of training waves.

    Args:
        title: Title of the page.
        results: Results for each number of waves.
        steps: Number of steps of each training.
        command: Command line that wrote the page.
    """
    sections = [Section(f"{one.waves} training waves", [Table(COLUMNS, memorization_rows(one))]) for one in results]
    seeds = len(next(iter(results[0].new.values())))
    details = Paragraph(
        f"Mean squared errors of MAML (one inner step of {STEP_SIZE:g}, {WIDTH} units in two layers), {steps:,} steps, "
        f"{seeds} seeds. Each wave has its own interval of x and {SHOTS} support points. Errors are means over "
        "the same new waves for every arm; the difference from the first arm is paired and includes the training seed "
        "(95 %; with one seed it has no interval)."
    )
    summary = "; ".join(
        f"{one.waves} waves: " + ", ".join(f"'{arm}' {one.errors(arm).mean():.3f}" for arm in one.new)
        for one in results
    )
    return Page(
        title,
        f"Squared error on new waves. {summary}.",
        [*sections, Section("Details", [details]), provenance(command, {})],
    )


def memorization_rows(result: MemorizationResult) -> list[tuple[str, ...]]:
    """The rows of `COLUMNS`, as text."""
    rows = []
    for arm, values in result.as_dict().items():
        gap = result.against_first(arm)
        difference = difference_cell(result.difference(arm), gap, 1, digits=3)
        each = (values["new_waves"]["shuffled_support"], *values["training_waves"].values())
        error = interval(values["error"], *values["interval"], digits=3)
        rows.append(
            (arm, error, difference, *(f"{value:.3f}" for value in each), f"{values['cpu_seconds_per_training']:,.0f}")
        )
    return rows
