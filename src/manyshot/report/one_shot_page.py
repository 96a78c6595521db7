"""The page of Omniglot's one-shot challenge: the error of each arm of a ladder, which add one method each."""

from manyshot.compare.omniglot_ladder import LADDER, LadderResult
from manyshot.report.compare_page import difference_cell
from manyshot.report.page import Page, Paragraph, Section, Table, interval, provenance

COLUMNS = ("arm", "error %", "difference, points", "p (Holm)", "CPU seconds per training")


def one_shot_page(title: str, result: LadderResult, command: str) -> Page:
    """A page of the errors, and of what the arms train with.

    Args:
        title: Title of the page.
        result: Errors of the arms.
        command: Command line that wrote the page.
    """
    rows = one_shot_rows(result)
    best = min(result.results, key=lambda name: 1 - result.results[name].mean)
    trials, runs = result.trials
    arms = [(arm.name, arm.plan, " ".join(f"{n}={v}" for n, v in arm.settings), arm.test_plan) for arm in LADDER]
    details = Paragraph(
        f"Trained on the five alphabets of Omniglot's small1, {result.steps:,} steps each; evaluated on {trials:,} "
        f"trials of {runs} runs that no training saw. Intervals are 95 %, over runs; differences are against the "
        "first arm, paired, and include the training seed (with one seed they have no interval). An ensemble averages "
        "the predictions of all seeds."
    )
    sections = [
        Section("Errors", [Table(COLUMNS, rows)]),
        Section("The arms", [Table(("arm", "training plan", "other settings", "test plan"), arms), details]),
        provenance(command, {}),
    ]
    return Page(title, f"'{best}' has the lowest error, {1 - result.results[best].mean:.1%}.", sections)


def one_shot_rows(result: LadderResult) -> list[tuple[str, ...]]:
    """The rows of `COLUMNS`, as text."""
    rows: list[tuple[str, ...]] = []
    for name, values in result.as_dict()["arms"].items():
        low, high = (100 * end for end in values["interval"])
        gap = values["against_first"]
        difference, p_value = "", ""
        if gap is not None and gap["interval"] is None:
            difference = difference_cell(gap["difference"], None, 100)
        elif gap is not None:
            ends = [100 * end for end in (gap["difference"], *gap["interval"])]
            difference, p_value = interval(*ends, signed=True), f"{gap['p_value_holm']:.2g}"
        seconds = f"{values['cpu_seconds_per_training']:.0f}" if "cpu_seconds_per_training" in values else ""
        rows.append((name, interval(100 * values["error"], low, high), difference, p_value, seconds))
    return rows
