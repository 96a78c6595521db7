"""The page of comparisons: what each arm reached, and by how much they differ."""

from collections.abc import Mapping, Sequence

from manyshot.compare import Arm, ArmResult, ComparisonResult
from manyshot.report.page import Page, Paragraph, Picture, Section, Table, interval, provenance
from manyshot.report.plots import Estimate, accuracies, differences, training_curves
from manyshot.report.run_page import accuracy_curves, loss_curve, task_shown
from manyshot.training.statistics import Difference

Results = Mapping[str, ArmResult]
"""What each arm reached, by name; the first is what the others are measured against."""

ARM_COLUMNS = ("arm", "training plan", "sets", "plan at use time", "CPU seconds per training")
COLUMNS = ("arm", "accuracy %", "difference, points", "p (Holm)")


def compare_page(title: str, compared: Sequence[ComparisonResult], command: str, more: Sequence[Section] = ()) -> Page:
    """Tables, plots and pictures of arms beside each other.

    Args:
        title: stands at the top.
        compared: one comparison, or several; each says its own arms.
        command: the command line that made it.
        more: sections to stand before the provenance.
    """
    groups = groups_of(compared)
    sections = [
        Section(name, [Table(COLUMNS, result_rows(found)), *differences_of(found)]) for name, found in groups.items()
    ]
    bars = {name: [_estimate(arm, result) for arm, result in found.items()] for name, found in groups.items()}
    sections.append(
        Section("All beside each other", [Picture.of(accuracies(bars), alt="Accuracy of each arm, with intervals")])
    )
    for one in compared:
        sections += [_arms(one), _training(one)]
    # Comparisons of a preset differ in what is learned from, not in what is done to it.
    first = compared[0]
    sections += [Section(f"A training task of '{name}'", [task_shown(arm[0])]) for name, arm in first.runs.items()]
    return Page(title, _summary(groups), [*sections, *more, provenance(command, _settings(compared))])


def groups_of(compared: Sequence[ComparisonResult]) -> dict[str, Results]:
    """Results by comparison and judging, such as "20 classes, 5 ways"; empty names are left out."""
    return {
        ", ".join(filter(None, (one.comparison.name, judging))): results
        for one in compared
        for judging, results in one.results.items()
    }


def result_rows(results: Results) -> list[tuple[str, str, str, str]]:
    """The rows of `COLUMNS`, as text."""
    rows = []
    for name, result in results.items():
        low, high = result.interval
        gap = result.against_first
        rows.append(
            (
                f"{name} (transductive)" if result.transductive else name,
                interval(100 * result.mean, 100 * low, 100 * high),
                difference_cell(result.difference, gap, 100),
                "" if result.p_value is None else f"{result.p_value:.2g}",
            )
        )
    return rows


def difference_cell(difference: float | None, gap: Difference | None, scale: float, digits: int = 1) -> str:
    """A difference from the first arm as tables print it: with its interval, if it has one.

    Example:
        >>> difference_cell(0.021, Difference(0.021, 0.01, 0.03, 0.01), 100), difference_cell(0.021, None, 100)
        ('+2.1 [+1.0, +3.0]', '+2.1')
    """
    if gap is not None:
        return interval(scale * gap.difference, scale * gap.low, scale * gap.high, signed=True, digits=digits)
    return "" if difference is None else f"{scale * difference:+.{digits}f}".replace("-", "−")


def _heading(one: ComparisonResult, what: str) -> str:
    return f"{one.comparison.name}: {what}" if one.comparison.name else what


def _settings(compared: Sequence[ComparisonResult]) -> dict[str, object]:
    """What trainings were made from, but for what arms set themselves; each comparison's value where they differ."""
    own = {"plan", "test_plan"}
    told: dict[str, dict[str, object]] = {}
    for one in compared:
        values = one.comparison.config.as_dict()
        told[one.comparison.name] = values | values.pop("fit")
        own |= {name.replace("-", "_") for arm in one.comparison.arms for name, _ in arm.settings}
    settings: dict[str, object] = {}
    for name, value in told[compared[0].comparison.name].items():
        if name not in own:
            alike = all(values[name] == value for values in told.values())
            settings[name] = value if alike else "; ".join(f"{one}: {values[name]}" for one, values in told.items())
    return settings


def _arms(one: ComparisonResult) -> Section:
    arms = one.comparison.arms
    own = " but for what the arm sets itself" if any(arm.settings for arm in arms) else ""
    judged = "; ".join(
        f"{judging.name + ': ' if judging.name else ''}{judging.tasks:,} tasks of {one.judged_on[judging.name]}"
        for judging in one.comparison.judgings
    )
    steps = one.comparison.config.fit.steps
    return Section(
        _heading(one, "the arms") if one.comparison.name else "The arms",
        [
            Table(ARM_COLUMNS, [_arm_row(arm, one.cpu_seconds(arm.name)["cpu_seconds_per_training"]) for arm in arms]),
            Paragraph(
                f"Every arm: {one.comparison.seeds} training seeds, {steps:,} steps each, the same "
                f"tasks and first weights for a seed{own}. All are judged on the same tasks ({judged}). Intervals "
                f"are 95 %; those of an arm are over tasks, for these trainings. {differences_told(one)}"
            ),
        ],
    )


def differences_told(one: ComparisonResult) -> str:
    """What the intervals of differences cover, in words."""
    if one.comparison.seeds == 1:
        return "Differences have no interval: each arm was trained once, and another training may differ."
    return "Those of differences are paired and include the training seed (seeds and tasks as crossed random effects)."


def _training(one: ComparisonResult) -> Section:
    curves = training_curves(
        {name: loss_curve(arm[0].rows) for name, arm in one.runs.items()},
        accuracy_curves({name: arm[0].rows for name, arm in one.runs.items()}),
    )
    picture = Picture.of(curves, alt="Loss by step of each arm", caption="The first seed of each arm.")
    return Section(_heading(one, "training") if one.comparison.name else "Training", [picture])


def _arm_row(arm: Arm, seconds: float) -> tuple[str, str, str, str, str]:
    sets = " ".join(f"{name}={value}" for name, value in arm.settings)
    use = arm.test_plan + ("" if arm.test_learner is None else f" by {arm.test_learner}")
    return arm.name, arm.plan, sets, use, f"{seconds:.0f}"


def _estimate(name: str, result: ArmResult) -> Estimate:
    return Estimate(name, result.mean, *result.interval)


def differences_of(results: Results) -> list[Picture]:
    """A plot of each arm's difference from the first; none where there is but one arm."""
    gaps = {name: result.against_first for name, result in results.items()}
    estimates = [Estimate(n, 100 * g.difference, 100 * g.low, 100 * g.high) for n, g in gaps.items() if g is not None]
    if not estimates:
        return []
    first = next(iter(results))
    return [Picture.of(differences(estimates, baseline=first), alt=f"Difference of each arm from '{first}'")]


def _summary(groups: Mapping[str, Results]) -> str:
    parts = []
    for group, results in groups.items():
        best = max(results, key=lambda name: results[name].mean)
        parts.append(f"{group}: '{best}' does best with {results[best].mean:.1%}")
    return "; ".join(parts) + "."
