"""The page of Omniglot's one-shot challenge: the error on each rung of the ladder."""

from manyshot.compare.omniglot_ladder import LADDER, LadderResult
from manyshot.report.compare_page import difference_cell
from manyshot.report.page import Page, Paragraph, Section, Table, interval, provenance

COLUMNS = ("rung", "error %", "difference, points", "p (Holm)", "CPU seconds per training")


def one_shot_page(title: str, found: LadderResult, command: str) -> Page:
    """The ladder, and what its rungs train with.

    Args:
        title: stands at the top.
        found: what was reached.
        command: the command line that made it.
    """
    rows = one_shot_rows(found)
    best = min(found.results, key=lambda name: 1 - found.results[name].mean)
    trials, runs = found.trials
    arms = [(arm.name, arm.plan, " ".join(f"{n}={v}" for n, v in arm.settings), arm.test_plan) for arm in LADDER]
    told = Paragraph(
        f"Trained on the five alphabets of Omniglot's small1, {found.steps:,} steps a training; judged on {trials:,} "
        f"trials of {runs} runs, which no training saw. Intervals are 95 %, over runs; differences are against the "
        "first rung, paired, and include the training seed (with one seed they have no interval). Seeds used together "
        "are an ensemble, and called so."
    )
    sections = [
        Section("", [Table(COLUMNS, rows)]),
        Section("How", [Table(("rung", "training plan", "sets", "plan at use time"), arms), told]),
        provenance(command, {}),
    ]
    return Page(title, f"'{best}' errs least, {1 - found.results[best].mean:.1%} of the time.", sections)


def one_shot_rows(found: LadderResult) -> list[tuple[str, ...]]:
    """The rows of `COLUMNS`, as text."""
    rows: list[tuple[str, ...]] = []
    for name, told in found.as_dict()["rungs"].items():
        low, high = (100 * end for end in told["interval"])
        gap = told["against_first"]
        difference, p_value = "", ""
        if gap is not None and gap["interval"] is None:
            difference = difference_cell(gap["difference"], None, 100)
        elif gap is not None:
            ends = [100 * end for end in (gap["difference"], *gap["interval"])]
            difference, p_value = interval(*ends, signed=True), f"{gap['p_value_holm']:.2g}"
        seconds = f"{told['cpu_seconds_per_training']:.0f}" if "cpu_seconds_per_training" in told else ""
        rows.append((name, interval(100 * told["error"], low, high), difference, p_value, seconds))
    return rows
