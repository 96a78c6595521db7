"""The page of one evaluation: how right, how sure, and which classes are hard."""

from typing import Any

from manyshot.report.page import Page, Picture, Section, Table, provenance
from manyshot.report.plots import reliability
from manyshot.training import Evaluation


def evaluate_page(
    found: Evaluation, name: str, class_names: tuple[str, ...], told: dict[str, Any], command: str
) -> Page:
    """What an evaluation found.

    Args:
        found: the results.
        name: of what it was judged on.
        class_names: of the source.
        told: run (or encoder), learner, plan and seed, for the provenance.
        command: the command line that made it.
    """
    low, high = found.interval
    share, sure, right = found.reliability.T
    hardest = sorted((accuracy, class_names[c]) for c, accuracy in found.per_class.items())
    transductive = "; transductive: each query was judged by the statistics of all queries of its task"
    return Page(
        title=f"{told.get('run') or told['encoder']} on {name}",
        summary=f"Accuracy {found.mean:.1%} [{low:.1%}, {high:.1%}] over {len(found.accuracy):,} tasks"
        f"{transductive if found.transductive else ''}.",
        sections=[
            Section(
                "How sure, and how right",
                [
                    Picture.of(
                        reliability(sure.tolist(), right.tolist(), share.tolist()),
                        alt="How often the classifier is right where it is so-and-so sure",
                        caption=f"Calibration error {found.calibration_error:.1%}: the mean gap between the two.",
                    )
                ],
            ),
            Section(
                "By class, the hardest first",
                [Table(("class", "accuracy %"), [(label, f"{100 * accuracy:.1f}") for accuracy, label in hardest])],
            ),
            provenance(command, told),
        ],
    )
