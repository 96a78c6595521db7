"""The third part of the demo: a classifier of scanned digits from five of each, fitted, evaluated and exported."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from manyshot.classify import fit_model, load_examples, save_model
from manyshot.classify.evaluate.evaluate_model import ModelEvaluation, evaluate_model
from manyshot.classify.export.export_model import ExportReport, export_model
from manyshot.classify.fit_report import FitReport
from manyshot.datasets import load_dataset
from manyshot.report.page import Command, Paragraph, Section, Table
from manyshot.samples.contact_sheet import save_image, to_pil

FITTED = "fitted"
"""Folder of the examples, the model and the exported file."""
ENCODER, SIZE = "efficientnet-lite0", 64
SHOTS, TESTS, BUDGET = 5, 5, 30.0


@dataclass(frozen=True, eq=False)
class DemoFit:
    """A classifier that was fitted in the demo.

    Args:
        report: Report of the fit.
        evaluation: Its results on other scans.
        exported: The exported file.
        section: Section of the page.
    """

    report: FitReport
    evaluation: ModelEvaluation
    exported: ExportReport
    section: Section

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        accuracy = self.evaluation.metrics.accuracy
        return {
            "examples": self.report.examples,
            "chosen": self.report.chosen.as_dict(),
            "estimated_accuracy": self.report.accuracy,
            "estimated_interval": list(self.report.interval),
            "accuracy": accuracy.value,
            "interval": [accuracy.low, accuracy.high],
            "onnx": str(self.exported.path),
            "onnx_difference": self.exported.difference,
        }


def fit_digits(out: Path, seed: int) -> DemoFit:
    """Write scanned digits as folders of pictures, fit a classifier to five of each, evaluate it on others, export it.

    Args:
        out: Folder of the demo.
        seed: Seed of the draw and the fit.
    """
    folder = out / FITTED
    _write_scans(folder, seed)
    examples = load_examples(folder / "examples")
    model, report = fit_model(examples, encoder=ENCODER, budget=BUDGET, seed=seed)
    save_model(model, folder / "model")
    evaluation = evaluate_model(model, load_examples(folder / "test", class_names=model.class_names))
    exported = export_model(model, folder / "model.onnx", examples=examples)
    return DemoFit(report, evaluation, exported, _section(report, evaluation, exported))


def _write_scans(folder: Path, seed: int) -> None:
    """Pictures to fit to, and others to test on, in a folder a digit."""
    source = load_dataset("digits", size=SIZE)
    random = np.random.default_rng(seed)
    for label, name in enumerate(source.class_names):
        rows = random.permutation(np.flatnonzero(source.labels == label))[: SHOTS + TESTS]
        for number, image in enumerate(source.gather(rows)):
            part = "examples" if number < SHOTS else "test"
            save_image(to_pil(image), folder / part / name / f"{number}.png")


def _section(report: FitReport, evaluation: ModelEvaluation, exported: ExportReport) -> Section:
    accuracy, (low, high) = evaluation.metrics.accuracy, report.interval
    estimate = "" if report.accuracy is None else f"{report.accuracy:.1%} [{low:.1%}, {high:.1%}]"
    rows = [
        ("estimated from the examples themselves", estimate),
        (
            f"on {len(evaluation.labels)} other scans",
            f"{accuracy.value:.1%} [{accuracy.low:.1%}, {accuracy.high:.1%}]",
        ),
    ]
    return Section(
        "A finished classifier",
        [
            Paragraph(
                f"Fitted to {SHOTS} scans of each digit, with no training but that of a linear classifier on the "
                f"features of a frozen encoder: {report.chosen.encoder}, {report.chosen.setting.head}, augmentation "
                f"{report.chosen.setting.plan}. The model and {exported.path.name} are in '{FITTED}'; the file's "
                f"probabilities differ from the model's by at most {exported.difference:.1g}."
            ),
            Table(("accuracy", "95 % interval"), rows),
            Command("manyshot fit FOLDER --out model", "The same for your own pictures"),
        ],
    )
