"""Fit a classifier to what is on the page, and say how good it is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from manyshot.app.html import table
from manyshot.base import listen
from manyshot.classify.examples.example_set import ExampleSet

if TYPE_CHECKING:
    from manyshot.classify.model.model import Model

MOST_LISTED = 20
"""Largest number of examples that a list of the report shows."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """A model, and the examples that it was fitted to.

    Args:
        model: The model.
        examples: Its examples; None if the model was opened.
    """

    model: "Model"
    examples: ExampleSet | None = None


def fit(examples: ExampleSet, budget: float, encoder: str, plan: str, progress: Callable[[float, str], None]) -> Fitted:
    """Fit a classifier.

    Args:
        examples: Labeled examples.
        budget: Seconds that encoding may take.
        encoder: Name of an encoder, or "auto".
        plan: Ops as in plans, "none", or "auto".
        progress: Called with the fraction done of each step and its name; what it raises ends the fit.

    Raises:
        InputError: If the examples do not make a classifier.
    """
    from manyshot.classify.fit_model import fit_model

    def show_progress(what: str, done: float, total: float | None) -> None:
        progress(done / total if total else 0.0, what)

    with listen(show_progress):
        model, _ = fit_model(
            examples, encoder=encoder, plan=plan, budget=budget, progress=lambda line: progress(0.0, line)
        )
    return Fitted(model, examples)


def report_html(report: Mapping[str, Any]) -> str:
    """The report of a fit for the page.

    Args:
        report: As `FitReport.as_dict` gives it and a model keeps it.

    Example:
        >>> report = {"accuracy": None, "interval": [0, 1], "examples": 2, "classes": {"a": 1, "b": 1}, "why": "few."}
        >>> report_html(report | {"chosen": {"encoder": "ngrams", "head": "ridge", "plan": "none"}})[:65]
        '<p class="result"><strong>?</strong> With one example of a class,'
    """
    low, high = report["interval"]
    count = f"{report['examples']} examples of {len(report['classes'])} classes"
    chosen = {key: escape(str(value)) for key, value in report["chosen"].items()}
    if report["accuracy"] is None:
        result = "<strong>?</strong> With one example of a class, nothing can be held out to measure the accuracy."
    else:
        result = (
            f"<strong>{report['accuracy']:.0%}</strong> accuracy on new examples, estimated from {count}; "
            f'<span class="quiet">95 % interval {low:.0%} to {high:.0%}.</span>'
        )
    lines = [
        f'<p class="result">{result}</p>',
        f"<p>Encoder <b>{chosen['encoder']}</b>, head <b>{chosen['head']}</b>, augmentation <b>{chosen['plan']}</b>: "
        f"{escape(str(report['why']).rstrip('.'))}.</p>",
    ]
    gain = report.get("augmentation")
    if gain:
        low, high = gain["interval"]
        lines.append(
            f"<p>Augmentation changes the accuracy by {100 * gain['difference']:+.1f} points "
            f"({100 * low:+.1f} to {100 * high:+.1f}){'' if gain['clear'] else ', which is not clear'}.</p>"
        )
    names = report.get("class_names")
    if names and names["used"]:
        lines.append(f"<p>Names of classes are used; alone they classify {names['right_alone']:.0%} right.</p>")
    lines += _details("Examples that look mislabeled", report.get("suspects"))
    lines += _details("Examples that are there twice", report.get("duplicates"))
    lines += _details("Classes that are confused", report.get("confusions"))
    return "".join(lines)


def _details(title: str, entries: Sequence[Mapping[str, Any]] | None) -> list[str]:
    if not entries:
        return []
    keys = list(entries[0])
    rows = [[_cell(entry[key]) for key in keys] for entry in entries[:MOST_LISTED]]
    cells = table([key.replace("_", " ") for key in keys], rows)
    return [f"<details><summary>{title} ({len(entries)})</summary>{cells}</details>"]


def _cell(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_cell, value))
    return f"{value:.2f}" if isinstance(value, float) else str(value)
