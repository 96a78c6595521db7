"""The page of comparisons: accuracy of each arm, and the differences between them."""

from collections.abc import Mapping, Sequence

from manyshot.classify.evaluate.example_intervals import Estimate
from manyshot.compare import Arm, ArmResult, ComparisonResult
from manyshot.report.page import Page, Paragraph, Picture, Section, Table, glossary, interval, provenance
from manyshot.report.plots import accuracies, differences, training_curves
from manyshot.report.run_page import accuracy_curves, loss_curve, task_shown
from manyshot.training.seed_intervals import Difference
from manyshot.training.task_measures import MEASURES

Results = Mapping[str, ArmResult]
"""Results of each arm, by name; the others are compared with the first."""

ARM_COLUMNS = ("arm", "training plan", "other settings", "test plan", "CPU seconds per training")
COMPARE_TERMS = (
    "arm",
    "training plan",
    "test plan",
    "other settings",
    "difference",
    "[low, high]",
    "p (Holm)",
    "transductive",
)


def compare_page(title: str, compared: Sequence[ComparisonResult], command: str, more: Sequence[Section] = ()) -> Page:
    """A page of tables, plots and pictures that compare arms.

    Args:
        title: Title of the page.
        compared: Results of one comparison, or of several.
        command: Command line that wrote the page.
        more: Sections to insert before the glossary.
    """
    groups = groups_of(compared)
    sections = [
        Section(name, [Table(columns_of(results), result_rows(results)), *differences_of(results)])
        for name, results in groups.items()
    ]
    bars = {
        name: {arm: Estimate(result.mean, *result.interval) for arm, result in results.items()}
        for name, results in groups.items()
    }
    what = metric_of(next(iter(groups.values()))).capitalize()
    sections.append(
        Section(f"{what} of all arms", [Picture.of(accuracies(bars, what), alt=f"{what} of each arm, with intervals")])
    )
    for one in compared:
        sections += [_arms(one), _training(one)]
    # Comparisons of a preset differ in the training data, not in the augmentation.
    first = compared[0]
    sections += [Section(f"A training task of '{name}'", [task_shown(arm[0])]) for name, arm in first.runs.items()]
    return Page(
        title,
        _summary(groups),
        [*sections, *more, glossary(*_terms(compared)), provenance(command, _settings(compared))],
    )


def metric_of(results: Results) -> str:
    """What arms were compared by, in words.

    Example:
        >>> import numpy as np
        >>> metric_of({"none": ArmResult(np.array([[0.5]]), metric="balanced-accuracy")})
        'balanced accuracy'
    """
    metric = next(iter(results.values())).metric
    return {"auroc": "area under the ROC curve", "brier": "Brier score"}.get(metric, metric.replace("-", " "))


def columns_of(results: Results) -> tuple[str, str, str, str]:
    """The headings of `result_rows`.

    Example:
        >>> import numpy as np
        >>> columns_of({"none": ArmResult(np.array([[0.5]]))})
        ('arm', 'accuracy %', 'difference, points', 'p (Holm)')
    """
    return "arm", f"{metric_of(results)} %", "difference, points", "p (Holm)"


def groups_of(compared: Sequence[ComparisonResult]) -> dict[str, Results]:
    """Results by comparison and evaluation suite, such as "20 classes, 5 ways"; empty names are left out."""
    return {
        ", ".join(filter(None, (one.comparison.name, suite))): results
        for one in compared
        for suite, results in one.results.items()
    }


def result_rows(results: Results) -> list[tuple[str, str, str, str]]:
    """The rows below `columns_of`, as text."""
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
    """A difference from the first arm as tables show it, with its interval if there is one.

    Example:
        >>> difference_cell(0.021, Difference(0.021, 0.01, 0.03, 0.01), 100), difference_cell(0.021, None, 100)
        ('+2.1 [+1.0, +3.0]', '+2.1')
    """
    if gap is not None:
        return interval(scale * gap.difference, scale * gap.low, scale * gap.high, signed=True, digits=digits)
    return "" if difference is None else f"{scale * difference:+.{digits}f}".replace("-", "−")


def _heading(one: ComparisonResult, heading: str) -> str:
    """A heading, after the name of the comparison where it has one."""
    return f"{one.comparison.name}: {heading}" if one.comparison.name else heading.capitalize()


def _terms(compared: Sequence[ComparisonResult]) -> list[str]:
    """Terms of the page, but for those that no arm needs."""
    arms = [arm for one in compared for arm in one.comparison.arms]
    results = [result for one in compared for group in one.results.values() for result in group.values()]
    needed = {
        "other settings": any(arm.settings for arm in arms),
        "difference": len(arms) > len(compared),
        "p (Holm)": any(result.p_value is not None for result in results),
        "transductive": any(result.transductive for result in results),
    }
    return [term for term in COMPARE_TERMS if needed.get(term, True)]


def _settings(compared: Sequence[ComparisonResult]) -> dict[str, object]:
    """Settings of the trainings without those that arms set; each comparison's value where they differ."""
    own = {"plan", "test_plan"}
    by_comparison: dict[str, dict[str, object]] = {}
    for one in compared:
        values = one.comparison.config.as_dict()
        by_comparison[one.comparison.name] = values | values.pop("fit")
        own |= {name.replace("-", "_") for arm in one.comparison.arms for name, _ in arm.settings}
    settings: dict[str, object] = {}
    for name, value in by_comparison[compared[0].comparison.name].items():
        if name not in own:
            equal = all(values[name] == value for values in by_comparison.values())
            each = "; ".join(f"{one}: {values[name]}" for one, values in by_comparison.items())
            settings[name] = value if equal else each
    return settings


def _arms(one: ComparisonResult) -> Section:
    arms = one.comparison.arms
    except_own = ", except for the arm's other settings" if any(arm.settings for arm in arms) else ""
    tested = "; ".join(
        f"{suite.name + ': ' if suite.name else ''}{suite.tasks:,} tasks of {one.test_sources[suite.name]}"
        for suite in one.comparison.suites
    )
    steps = one.comparison.config.fit.steps
    return Section(
        _heading(one, "the arms"),
        [
            Table(ARM_COLUMNS, [_arm_row(arm, one.cpu_seconds(arm.name)["cpu_seconds_per_training"]) for arm in arms]),
            Paragraph(
                f"Every arm is trained with {one.comparison.seeds} seeds for {steps:,} steps each, with the same tasks "
                f"and initial weights for a seed{except_own}. All are evaluated on the same tasks ({tested}). "
                f"Intervals are 95 %; those of an arm are over tasks. {intervals_of_differences(one)}"
            ),
        ],
    )


def intervals_of_differences(one: ComparisonResult) -> str:
    """What the intervals of differences cover."""
    if one.comparison.seeds == 1:
        return "Differences have no interval: each arm was trained once, and another training may give another result."
    return "Those of differences are paired and include the training seed (seeds and tasks as crossed random effects)."


def _training(one: ComparisonResult) -> Section:
    curves = training_curves(
        {name: loss_curve(arm[0].rows) for name, arm in one.runs.items()},
        accuracy_curves({name: arm[0].rows for name, arm in one.runs.items()}),
    )
    picture = Picture.of(curves, alt="Loss by step of each arm", caption="The first seed of each arm.")
    return Section(_heading(one, "training"), [picture])


def _arm_row(arm: Arm, seconds: float) -> tuple[str, str, str, str, str]:
    sets = " ".join(f"{name}={value}" for name, value in arm.settings)
    use = arm.test_plan + ("" if arm.test_learner is None else f" by {arm.test_learner}")
    use += "" if arm.test_augmenter is None else f" from {arm.test_augmenter}"
    return arm.name, arm.plan, sets, use, f"{seconds:.0f}"


def differences_of(results: Results) -> list[Picture]:
    """A plot of each arm's difference from the first; none where there is only one arm."""
    gaps = {name: result.against_first for name, result in results.items()}
    estimates = {
        name: Estimate(100 * gap.difference, 100 * gap.low, 100 * gap.high)
        for name, gap in gaps.items()
        if gap is not None
    }
    if not estimates:
        return []
    first = next(iter(results))
    return [Picture.of(differences(estimates, baseline=first), alt=f"Difference of each arm from '{first}'")]


def _summary(groups: Mapping[str, Results]) -> str:
    parts = []
    for group, results in groups.items():
        lower = MEASURES[next(iter(results.values())).metric].lower_is_better
        best = (min if lower else max)(results, key=lambda name: results[name].mean)
        most = "lowest" if lower else "highest"
        parts.append(f"{group}: '{best}' has the {most} {metric_of(results)}, {results[best].mean:.1%}")
    return "; ".join(parts) + "."
