"""The page of a comparison: what each arm reached, and by how much they differ."""

from collections.abc import Mapping, Sequence

from manyshot.report.page import Page, Paragraph, Picture, Section, Table, interval, provenance
from manyshot.report.plots import Estimate, accuracies, differences, training_curves
from manyshot.report.run_page import accuracy_curves, loss_curve, task_picture
from manyshot.training import Arm, ArmResult, Run

Results = Mapping[str, ArmResult]
"""What each arm reached, by name; the first is what the others are measured against."""

ARM_COLUMNS = ("arm", "training plan", "sets", "plan at use time", "CPU seconds")
COLUMNS = ("arm", "accuracy %", "difference, points", "p (Holm)")


def compare_page(
    title: str,
    groups: Mapping[str, Results],
    arms: Sequence[Arm],
    runs: Mapping[str, Sequence[Run]],
    seconds: Mapping[str, float],
    command: str,
    more: Sequence[Section] = (),
) -> Page:
    """Tables, plots and pictures of arms beside each other.

    Args:
        title: stands at the top.
        groups: results by kind of test, such as "1 shot" and "5 shots".
        arms: what they train and are used with.
        runs: each arm's runs, for their curves and pictures.
        seconds: CPU seconds that training each arm took.
        command: the command line that made it.
        more: sections to stand before the provenance.
    """
    first = next(iter(runs))
    seeds, steps = len(runs[first]), runs[first][0].config.fit.steps
    tasks = next(iter(groups.values()))[first].accuracy.shape[1]
    sections = [
        Section(name, [Table(COLUMNS, result_rows(found)), *_differences(found)]) for name, found in groups.items()
    ]
    bars = {name: [_estimate(arm, result) for arm, result in found.items()] for name, found in groups.items()}
    settings = runs[first][0].config.as_dict()
    settings |= settings.pop("fit")
    differing = {"plan", "test_plan", *(name.replace("-", "_") for arm in arms for name, _ in arm.settings)}
    sections += [
        Section("All beside each other", [Picture.of(accuracies(bars), alt="Accuracy of each arm, with intervals")]),
        Section(
            "The arms",
            [
                Table(ARM_COLUMNS, [_arm_row(arm, seconds[arm.name]) for arm in arms]),
                Paragraph(
                    f"Every arm: {seeds} training seeds, {steps:,} steps each, the same tasks and first weights for a "
                    f"seed{' but for what the arm sets itself' if any(arm.settings for arm in arms) else ''}. "
                    f"All are judged on the same {tasks:,} tasks. Intervals are 95 %; those of differences are "
                    "paired and "
                    "include the training seed (seeds and tasks as crossed random effects)."
                ),
            ],
        ),
        Section(
            "Training",
            [
                Picture.of(
                    training_curves(
                        {name: loss_curve(arm[0].rows) for name, arm in runs.items()},
                        accuracy_curves({name: arm[0].rows for name, arm in runs.items()}),
                    ),
                    alt="Loss by step of each arm",
                    caption="The first seed of each arm.",
                )
            ],
        ),
        *(Section(f"A training task of '{name}'", [task_picture(arm[0])]) for name, arm in runs.items()),
        *more,
        provenance(command, {name: value for name, value in settings.items() if name not in differing}),
    ]
    return Page(title, _summary(groups), sections)


def result_rows(results: Results) -> list[tuple[str, str, str, str]]:
    """The rows of `COLUMNS`, as text."""
    rows = []
    for name, result in results.items():
        low, high = result.interval
        gap = result.against_first
        rows.append(
            (
                name,
                interval(100 * result.mean, 100 * low, 100 * high),
                "" if gap is None else interval(100 * gap.difference, 100 * gap.low, 100 * gap.high, signed=True),
                "" if result.p_value is None else f"{result.p_value:.2g}",
            )
        )
    return rows


def _arm_row(arm: Arm, seconds: float) -> tuple[str, str, str, str, str]:
    sets = " ".join(f"{name}={value}" for name, value in arm.settings)
    use = arm.test_plan + ("" if arm.test_learner is None else f" by {arm.test_learner}")
    return arm.name, arm.plan, sets, use, f"{seconds:.0f}"


def _estimate(name: str, result: ArmResult) -> Estimate:
    return Estimate(name, result.mean, *result.interval)


def _differences(results: Results) -> list[Picture]:
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
