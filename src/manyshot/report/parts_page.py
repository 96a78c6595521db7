"""Pages of classifiers of examples of several parts."""

from dataclasses import replace
from typing import TYPE_CHECKING

from manyshot.classify.multipart.parted_examples import PartedExamples
from manyshot.report.classifier_page import fit_page
from manyshot.report.page import Page, Section, Table

if TYPE_CHECKING:
    from manyshot.classify.multipart.parts_report import PartsReport


def parts_fit_page(report: "PartsReport", examples: PartedExamples, command: str) -> Page:
    """A page of a fit: that of examples of one part, and how much each part counts.

    Args:
        report: Report of the fit.
        examples: The examples that it was fitted to.
        command: Command line that wrote the page.
    """
    rows = []
    for name, missing in report.missing.items():
        alone = None if report.alone is None else report.alone.get(name)
        known = "" if alone is None else f"{100 * alone:.1f}"
        encoder = report.encoders.get(name, "as they are")
        rows.append((name, encoder, f"{missing:,}", f"{report.weights[name]:.2f}", known))
    heads = ("part", "encoder", "missing", "weight", "accuracy alone %")
    caption = "Weights of examples that have all parts; each part alone on held-out examples that have it."
    page = fit_page(report.fit, examples, command)
    return replace(page, sections=[Section("Parts", [Table(heads, rows, caption)]), *page.sections])
