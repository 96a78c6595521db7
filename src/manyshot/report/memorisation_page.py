"""The page of the comparison of what learners know by heart."""

from collections.abc import Sequence

from manyshot.compare.memorisation import SHOTS, STEP_SIZE, WIDTH, Remembered
from manyshot.report.compare_page import difference_cell
from manyshot.report.page import Page, Paragraph, Section, Table, interval, provenance

COLUMNS = (
    "arm",
    "error on new waves",
    "difference",
    "shuffled support",
    "training waves",
    "shuffled support there",
    "CPU seconds per training",
)


def memorisation_page(title: str, found: Sequence[Remembered], steps: int, command: str) -> Page:
    """A table for each number of training waves.

    Args:
        title: stands at the top.
        found: one for each number of waves.
        steps: of each training.
        command: the command line that made it.
    """
    sections = [Section(f"{one.waves} training waves", [Table(COLUMNS, memorisation_rows(one))]) for one in found]
    seeds = len(next(iter(found[0].new.values())))
    told = Paragraph(
        f"Mean squared errors of MAML (one inner step of {STEP_SIZE:g}, {WIDTH} units in two layers), {steps:,} steps, "
        f"{seeds} seeds. Each wave has an interval of x to itself and {SHOTS} support points. Errors are means over "
        "the same new waves for every arm; the difference from the first arm is paired and includes the training seed "
        "(95 %; with one seed it has no interval)."
    )
    summary = "; ".join(
        f"{one.waves} waves: " + ", ".join(f"'{arm}' {one.errors(arm).mean():.3f}" for arm in one.new) for one in found
    )
    return Page(
        title, f"Squared error on new waves. {summary}.", [*sections, Section("How", [told]), provenance(command, {})]
    )


def memorisation_rows(found: Remembered) -> list[tuple[str, ...]]:
    """The rows of `COLUMNS`, as text."""
    rows = []
    for arm, told in found.as_dict().items():
        gap = found.against_first(arm)
        difference = difference_cell(found.difference(arm), gap, 1, digits=3)
        each = (told["new_waves"]["shuffled_support"], *told["training_waves"].values())
        error = interval(told["error"], *told["interval"], digits=3)
        rows.append(
            (arm, error, difference, *(f"{value:.3f}" for value in each), f"{told['cpu_seconds_per_training']:,.0f}")
        )
    return rows
