"""What `manyshot fit` prints."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyshot.cli.output import say

if TYPE_CHECKING:
    from manyshot.classify.fit_report import FitReport, PairedGain
    from manyshot.classify.multipart.parts_report import PartsReport

TRIED = 5
"""Number of candidates that are printed."""
MOST = 8
"""Number of suspects, duplicates and confusions that are printed; JSON has all of them."""


def fit_json(report: "FitReport | PartsReport", out: Path, page: Path | None = None) -> dict[str, Any]:
    """The report for JSON; `augmentation` has its keys even where nothing could be held out.

    Args:
        report: Report of a fit.
        out: Folder of the model.
        page: HTML page that was written, if any.
    """
    answer: dict[str, Any] = dict(report.as_dict())
    answer["augmentation"] = answer["augmentation"] or {"difference": None, "interval": None, "clear": False}
    return answer | {"model": str(out), "report": None if page is None else str(page)}


def print_fit(report: "FitReport", out: Path) -> None:
    """Print what was tried, what was kept and why, how accurate it is, and what to look at.

    Args:
        report: Report of a fit.
        out: Folder of the model.
    """
    from manyshot.classify.fit_report import METRIC_WORDS

    what = METRIC_WORDS[report.metric]
    if report.considered > 1:
        say(f"tried {report.considered:,} candidates, the most promising first, with their cross-validated {what}:")
        for one in report.tried[:TRIED]:
            setting = one.candidate.setting
            say(f"  {_percent(one.accuracy):>6}  {one.candidate.encoder}, {setting.head}, augmentation {setting.plan}")
    chosen = report.chosen.setting
    alike = ", classes weighed alike" if report.balanced else ""
    say(f"kept: {report.chosen.encoder}, {chosen.head}, augmentation {chosen.plan}{alike}")
    say(f"why: {report.why}")
    for line in (
        *_left_out(report),
        _accuracy(report),
        *_measures(report),
        *_augmentation(report),
        *_names(report),
        *_suspicions(report),
    ):
        say(line)
    say(f"model in {out} after {report.seconds:.0f} s; next: manyshot predict {out} NEW_EXAMPLES")


def _percent(accuracy: float | None) -> str:
    return "" if accuracy is None else f"{accuracy:.1%}"


def _left_out(report: "FitReport") -> Iterator[str]:
    if report.left_out:
        yield f"not tried, since it would take longer than the budget: {', '.join(report.left_out)}; raise --budget"


def _accuracy(report: "FitReport") -> str:
    low, high = report.interval
    if report.accuracy is None:
        return (
            f"accuracy on new examples: unknown, since with one example (or group) of a class none can be held "
            f"out; all that is certain is [{low:.0%}, {high:.0%}]"
        )
    return (
        f"accuracy on new examples: {report.accuracy:.1%} [{low:.1%}, {high:.1%}] (95 % interval over the "
        f"{report.units}, each held out)"
    )


def _measures(report: "FitReport") -> Iterator[str]:
    """Measures that do not depend on how frequent classes are, and what is found at a specificity."""
    found = report.measures
    if found is None or found.auroc is None or found.average_precision is None:
        return
    area, precision, balanced = found.auroc, found.average_precision, found.balanced_accuracy
    yield (
        f"balanced accuracy {balanced.value:.1%} [{balanced.low:.1%}, {balanced.high:.1%}], area under the ROC curve "
        f"{area.value:.3f} [{area.low:.3f}, {area.high:.3f}], average precision {precision.value:.3f} "
        f"[{precision.low:.3f}, {precision.high:.3f}]"
    )
    for level, one in found.sensitivity.items():
        yield f"sensitivity at specificity {level:g}: {one.mean.value:.1%} [{one.mean.low:.1%}, {one.mean.high:.1%}]"


def _augmentation(report: "FitReport") -> Iterator[str]:
    gain = report.augmentation
    if gain is None:
        return
    if gain.low == gain.high == 0 and report.chosen.setting.variants:
        yield "augmentation changed no answer on held-out examples"
        return
    if gain.low == gain.high == 0:
        yield "augmentation: no candidate with augmentation was chosen, neither here nor in the splits that judge"
        return
    yield f"augmentation gained {_points(gain)}"


def _names(report: "FitReport") -> Iterator[str]:
    names = report.names_used
    if names is None:
        return
    alone = f"by themselves they classify {names.right:.0%} of the examples right"
    if not names.strength:
        yield f"names of classes: not used, since they do not agree with the examples ({alone})"
    elif names.gain is None:
        yield f"names of classes: used ({alone}); what they gain cannot be measured with one example of a class"
    else:
        yield f"names of classes gained {_points(names.gain)}; {alone}"
        if names.wrong_names is not None:
            yield f"  another class's name in place of each gains {_points(names.wrong_names)}"


def _points(gain: "PairedGain") -> str:
    interval = f"[{100 * gain.low:+.1f}, {100 * gain.high:+.1f}]"
    return f"{100 * gain.difference:+.1f} points {interval}{'' if gain.is_clear else ', not clearly'}"


def _suspicions(report: "FitReport") -> Iterator[str]:
    """The examples and classes that a person should look at."""
    names, classes = report.names, report.classes
    yield from _some(
        "labels that look wrong:",
        [
            f"{names[one.example]}: {classes[one.label]}, or rather {classes[one.suggestion]}? "
            f"(wrong with a probability of {one.probability:.0%})"
            for one in report.suspects
        ],
    )
    yield from _some(
        "duplicates:",
        [
            f"{names[one.second]} is {'the same as' if one.kind == 'exact' else 'nearly'} {names[one.first]}"
            f"{', in another class' if one.across_classes else ''}"
            for one in report.duplicates
        ],
    )
    yield from _some(
        "classes that are confused:",
        [
            f"{classes[one.classes[0]]} and {classes[one.classes[1]]}: about {one.wrong:.0f} of {one.examples}"
            for one in report.confusions
        ],
    )


def _some(heading: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield heading
        yield from (f"  {line}" for line in lines[:MOST])
    if len(lines) > MOST:
        yield f"  and {len(lines) - MOST:,} more (--json lists them)"
