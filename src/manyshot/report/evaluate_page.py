"""The page of one evaluation: accuracy, calibration, and the hardest classes."""

from typing import Any

from manyshot.report.page import Page, Picture, Section, Table, glossary, interval, provenance
from manyshot.report.plots import reliability
from manyshot.training import Evaluation

NAMES = {
    "balanced-accuracy": "balanced accuracy",
    "auroc": "area under the ROC curve",
    "average-precision": "average precision",
    "brier": "Brier score",
}
"""What pages call the measures of tasks."""


def evaluate_page(
    result: Evaluation, name: str, class_names: tuple[str, ...], description: dict[str, Any], command: str
) -> Page:
    """A page of an evaluation's results.

    Args:
        result: The evaluation.
        name: Name of the data.
        class_names: Names of the classes of the data.
        description: Run (or encoder), learner, plan and seed, for the provenance.
        command: Command line that wrote the page.
    """
    low, high = result.interval
    fraction, confidence, correct = result.reliability.T
    hardest = sorted((accuracy, class_names[c]) for c, accuracy in result.per_class.items())
    transductive = "; transductive: each query was normalized by the statistics of all queries of its task"
    return Page(
        title=f"{description.get('run') or description['encoder']} on {name}",
        summary=f"Accuracy {result.mean:.1%} [{low:.1%}, {high:.1%}] over {len(result.accuracy):,} tasks"
        f"{transductive if result.transductive else ''}{'' if result.shared is None else f'; {result.shared}'}.",
        sections=[
            *_measures(result),
            Section(
                "Calibration",
                [
                    Picture.of(
                        reliability(confidence.tolist(), correct.tolist(), fraction.tolist()),
                        alt="Accuracy of the predictions at each level of confidence",
                        caption=f"Calibration error {result.calibration_error:.1%}: mean gap to the confidence.",
                    )
                ],
            ),
            Section(
                "By class, the hardest first",
                [Table(("class", "accuracy %"), [(label, f"{100 * accuracy:.1f}") for accuracy, label in hardest])],
            ),
            glossary(
                "[low, high]",
                *(NAMES.values() if result.answers is not None else []),
                *(["sensitivity"] if result.thresholds else []),
                "calibration error",
                *(["transductive"] if result.transductive else []),
            ),
            provenance(command, description),
        ],
    )


def _measures(result: Evaluation) -> list[Section]:
    """Measures beside accuracy, if the learner's answers were kept."""
    if result.answers is None:
        return []
    scores = {words: result.score(name) for name, words in NAMES.items()}
    scores |= {f"sensitivity at specificity {level:g}": one for level, one in result.sensitivities().items()}
    rows = [(name, interval(one.value, one.low, one.high, digits=3)) for name, one in scores.items()]
    over = "tasks" if result.shared is None else result.shared.unit
    thresholds = " Thresholds come from tasks of the validation part." if result.thresholds else ""
    caption = f"Means over tasks; 95 % intervals over {over}.{thresholds}"
    return [Section("Measures", [Table(("measure", "value"), rows, caption)])]
