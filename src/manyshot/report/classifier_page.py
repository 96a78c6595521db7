"""Pages of fitted classifiers: what `fit` tried and chose, and how good a model is on other examples."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from manyshot.classify.data_issues.find_duplicate_examples import DuplicateExamples
from manyshot.classify.data_issues.label_issues import LabelIssue, find_confusions
from manyshot.classify.evaluate.evaluate_model import ModelEvaluation
from manyshot.classify.evaluate.example_intervals import Estimate
from manyshot.classify.evaluate.metrics import Metrics
from manyshot.classify.examples.example_set import ExampleSet
from manyshot.classify.fit_report import METRIC_WORDS
from manyshot.classify.multipart.parted_examples import PartedExamples
from manyshot.report.page import Gallery, Page, Paragraph, Part, Picture, Section, Table, glossary, interval, provenance
from manyshot.report.parts_shown import parts_shown
from manyshot.report.plots import confusion, reliability
from manyshot.report.sound_clip import sound_clip

if TYPE_CHECKING:
    from manyshot.classify.fit_report import FitReport

MOST = 24
"""Largest number of mistakes, suspects or pairs of duplicates that are shown."""
TRIED = 12
"""Largest number of candidates that are listed."""
DRAWN_CLASSES = 30
"""Largest number of classes whose confusion matrix is drawn."""
CLIPS = 12
"""Largest number of recordings of a gallery that can be played; each takes at most 50,000 bytes."""
SIDE = 144
"""Height and width of a shown picture in pixels."""


def evaluation_page(result: ModelEvaluation, examples: ExampleSet | PartedExamples, command: str) -> Page:
    """A page of a model's results on labeled examples: measures, classes, calibration and the worst mistakes.

    Args:
        result: The evaluation.
        examples: The examples, for the mistakes to be shown.
        command: Command line that wrote the page.
    """
    metrics = result.metrics
    units = f"{metrics.examples:,} examples" if metrics.groups is None else f"{metrics.groups:,} groups of examples"
    accuracy, over = metrics.accuracy, f"95 % intervals over {units}."
    unknown = ("unknown %", f"{100 * result.unknown.mean():.1f}")
    sections = [
        Section("Measures", [Table(("measure", "value"), [*_measures(metrics), unknown], over)]),
        Section("Most confident mistakes", _mistakes(result, examples)),
        Section("By class, the hardest first", [_classes(result)]),
        Section("Confusion", _confusion(result)),
        Section("Calibration", [_calibration(result)]),
        glossary(
            "balanced accuracy",
            "recall",
            "precision",
            "area under the ROC curve",
            "average precision",
            *(["sensitivity"] if metrics.sensitivity else []),
            "calibration error",
            "Brier score",
            "unknown",
            "[low, high]",
        ),
        provenance(command, {}),
    ]
    summary = f"Accuracy {accuracy.value:.1%} [{accuracy.low:.1%}, {accuracy.high:.1%}] over {units}."
    return Page("A classifier on new examples", summary, sections)


def fit_page(report: "FitReport", examples: ExampleSet | PartedExamples, command: str) -> Page:
    """A page of a fit: what was tried and chosen, how accurate it is, and which examples to look at.

    Args:
        report: Report of the fit.
        examples: The examples that it was fitted to, for suspects and duplicates to be shown.
        command: Command line that wrote the page.
    """
    low, high = report.interval
    if report.accuracy is None:
        judged = f"One example per class cannot be judged: accuracy between {low:.0%} and {high:.0%}."
    else:
        judged = f"Accuracy on new examples {report.accuracy:.1%} [{low:.1%}, {high:.1%}] over {report.units}."
    sections = [
        Section("What was chosen", _chosen(report)),
        Section("Measures on held-out examples", _held_out_measures(report)),
        Section("What was tried", [_tried(report)] if len(report.tried) > 1 else []),
        Section("Labels that may be wrong", _suspects(report.suspects, examples)),
        Section("Duplicates", _duplicates(report.duplicates, examples)),
        Section("Classes that are confused", [_pairs(report)]),
        glossary(*_fit_terms(report)),
        provenance(command, {}),
    ]
    title = f"A classifier of {len(report.classes)} classes from {report.examples:,} examples"
    return Page(title, judged, [section for section in sections if section.parts])


def _fit_terms(report: "FitReport") -> list[str]:
    measures = [
        "balanced accuracy",
        "area under the ROC curve",
        "average precision",
        "calibration error",
        "Brier score",
    ]
    some = report.measures is not None
    sensitive = ["sensitivity"] if report.measures is not None and report.measures.sensitivity else []
    return ["encoder", "head", "augmentation", "held out", *(measures if some else []), *sensitive, "[low, high]"]


def _held_out_measures(report: "FitReport") -> list[Part]:
    metrics = report.measures
    if metrics is None:
        return []
    # Accuracy stands above, with an interval that allows for the choice among candidates.
    rows = [row for row in _measures(metrics) if row[0] != "accuracy %"]
    caption = (
        f"95 % intervals over {report.units}. The scale of each probability was fitted to examples of the other folds."
    )
    return [Table(("measure", "value"), rows, caption)]


def _measures(metrics: Metrics) -> list[tuple[str, str]]:
    percent: dict[str, Estimate | None] = {
        "accuracy %": metrics.accuracy,
        "balanced accuracy %": metrics.balanced_accuracy,
        "calibration error %": metrics.calibration_error,
    }
    rows = [(name, _cell(one, 100)) for name, one in percent.items()]
    rows += [
        ("area under the ROC curve", _cell(metrics.auroc, 1, 3)),
        ("average precision", _cell(metrics.average_precision, 1, 3)),
        ("Brier score", _cell(metrics.brier, 1, 3)),
    ]
    rows += [
        (f"sensitivity % at specificity {level:g} (here {one.specificity:.2f})", _cell(one.mean))
        for level, one in metrics.sensitivity.items()
    ]
    return rows


def _cell(one: Estimate | None, scale: float = 100, digits: int = 1) -> str:
    return "" if one is None else interval(scale * one.value, scale * one.low, scale * one.high, digits=digits)


def _classes(result: ModelEvaluation) -> Table:
    metrics = result.metrics
    rows = []
    for c, (recall, precision) in enumerate(zip(metrics.recall, metrics.precision, strict=True)):
        if recall is not None or precision is not None:
            count = int(metrics.confusion[c].sum())
            order = (1.0 if recall is None else recall.value, result.class_names[c])
            rows.append((order, (result.class_names[c], f"{count:,}", _cell(recall), _cell(precision))))
    return Table(("class", "examples", "recall %", "precision %"), [row for _, row in sorted(rows)])


def _confusion(result: ModelEvaluation) -> list[Part]:
    metrics, names = result.metrics, result.class_names
    parts: list[Part] = []
    if len(names) <= DRAWN_CLASSES:
        picture = Picture.of(
            confusion(metrics.confusion, names),
            alt="Number of examples of each class by answer",
            caption="Each row is a class, each column an answer; blue answers are right, orange ones wrong.",
        )
        parts.append(picture)
    pairs = find_confusions(result.probabilities, result.labels, most=10)
    if pairs:
        rows = [(_pair(names, one.classes), f"{one.wrong:.0f} of {one.examples:,}") for one in pairs]
        parts.append(Table(("classes", "taken for each other"), rows))
    return parts


def _calibration(result: ModelEvaluation) -> Picture:
    fraction, confidence, correct = result.metrics.reliability.T
    error = result.metrics.calibration_error
    return Picture.of(
        reliability(confidence.tolist(), correct.tolist(), fraction.tolist()),
        alt="Accuracy of the answers at each level of confidence",
        caption=f"Calibration error {error.value:.1%} [{error.low:.1%}, {error.high:.1%}].",
    )


def _mistakes(result: ModelEvaluation, examples: ExampleSet | PartedExamples) -> list[Part]:
    mistakes = result.mistakes()
    if not mistakes:
        return [Paragraph("There are none.")]
    answers = result.probabilities.argmax(1)
    captions = [
        f"{result.class_names[result.labels[i]]}, taken for {result.class_names[answers[i]]} "
        f"({result.probabilities[i, answers[i]]:.0%})"
        for i in mistakes[:MOST]
    ]
    parts = _shown(examples, mistakes[:MOST], captions)
    rest = len(mistakes) - MOST
    return [*parts, Paragraph(f"And {rest:,} more mistakes.")] if rest > 0 else parts


def _shown(examples: ExampleSet | PartedExamples, rows: Sequence[int], captions: Sequence[str]) -> list[Part]:
    """Examples with what is to be said of each: a gallery of pictures, or of spectrograms with players, or a table."""
    if isinstance(examples, PartedExamples):
        return parts_shown(examples, rows, captions, SIDE, CLIPS)
    if examples.kind == "sentences":
        texts = examples.texts(np.asarray(rows, dtype=np.int64))
        return [Table(("sentence", "finding"), list(zip(texts, captions, strict=True)))]
    pixels = examples.pictures(np.asarray(rows, dtype=np.int64), SIDE).permute(0, 2, 3, 1).numpy()
    named = [
        (Image.fromarray(one), examples.names[i], text) for one, i, text in zip(pixels, rows, captions, strict=True)
    ]
    pictures = [Picture.of(picture, alt=name, caption=f"{name}: {text}") for picture, name, text in named]
    if examples.kind == "sounds":
        clips = map(sound_clip, examples.sounds(rows[:CLIPS]))
        pictures[:CLIPS] = [replace(picture, sound=clip) for picture, clip in zip(pictures, clips, strict=False)]
    return [Gallery(pictures)]


def _chosen(report: "FitReport") -> list[Part]:
    setting = report.chosen.setting
    rows = [("encoder", report.chosen.encoder), ("head", setting.head), ("augmentation", setting.plan)]
    names = report.names_used
    if names is not None:
        rows.append(("names of classes", f"used, with strength {names.strength:g}" if names.strength else "not used"))
        rows.append(("examples that names alone classify right", f"{names.right:.0%}"))
    gains = {"augmentation": report.augmentation}
    if names is not None and names.strength:
        gains |= {"names": names.gain, "another class's name": names.wrong_names}
    for what, gain in gains.items():
        if gain is not None:
            clear = "" if gain.is_clear else " (not clearly)"
            gained = interval(100 * gain.difference, 100 * gain.low, 100 * gain.high, signed=True)
            changed = gain.low < gain.high
            rows.append((f"gain from {what}, points", f"{gained}{clear}" if changed else "no held-out answer changed"))
    return [Table(("part", "choice"), rows), Paragraph(f"{report.why[0].upper()}{report.why[1:]}.")]


def _tried(report: "FitReport") -> Table:
    rows = [
        (
            one.candidate.encoder,
            one.candidate.setting.head,
            one.candidate.setting.plan,
            "" if one.accuracy is None else f"{100 * one.accuracy:.1f}",
        )
        for one in report.tried[:TRIED]
    ]
    rest = len(report.tried) - TRIED
    what = METRIC_WORDS[report.metric]
    caption = f"The most promising first; {what} on held-out examples." + (f" {rest:,} more were tried." * (rest > 0))
    return Table(("encoder", "head", "augmentation", f"{what} %"), rows, caption)


def _suspects(suspects: Sequence[LabelIssue], examples: ExampleSet | PartedExamples) -> list[Part]:
    names = examples.class_names
    captions = [
        f"labeled {names[one.label]}, probably {names[one.suggestion]} (wrong label: {one.probability:.0%})"
        for one in suspects[:MOST]
    ]
    return _shown(examples, [one.example for one in suspects[:MOST]], captions) if suspects else []


def _duplicates(duplicates: Sequence[DuplicateExamples], examples: ExampleSet | PartedExamples) -> list[Part]:
    rows = [
        (examples.names[one.first], examples.names[one.second], one.kind, "different" if one.across_classes else "same")
        for one in duplicates[:MOST]
    ]
    rest = len(duplicates) - MOST
    caption = f"And {rest:,} more." if rest > 0 else ""
    return [Table(("example", "copy", "kind", "classes"), rows, caption)] if rows else []


def _pairs(report: "FitReport") -> Part:
    if not report.confusions:
        return Paragraph("None of the examples that were held out was taken for another class.")
    rows = [(_pair(report.classes, one.classes), f"{one.wrong:.0f} of {one.examples:,}") for one in report.confusions]
    return Table(("classes", "taken for each other"), rows, "Counted on held-out examples.")


def _pair(names: Sequence[str], classes: tuple[int, int]) -> str:
    return " and ".join(names[c] for c in classes)
