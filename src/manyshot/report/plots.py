"""Plots for reports: curves, paired differences, accuracies and calibration, each with its uncertainty.

Every function returns a matplotlib `Figure` that belongs to no window and no global state; `svg` and `png` turn it into
bytes.
The colors are those of Okabe and Ito (2008), which are distinguishable with any color vision.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from manyshot.classify.evaluate.example_intervals import Estimate

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
INK = "#212529"
FAINT = "#868e96"
DARK = {
    INK: "#e9ecef",
    FAINT: "#a5acb3",
    "#e9ecef": "#3a3f45",
    "#0072B2": "#4a9fe0",
    "#D55E00": "#f08a4b",
    "#009E73": "#2fbf95",
    "#CC79A7": "#e0a3c4",
    "#56B4E9": "#a8dcff",
    "#000000": "#ffffff",
}
"""What a dark screen shows instead of a color; other colors stay."""
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titlepad": 10,
    "grid.color": "#e9ecef",
    "legend.frameon": False,
    "lines.solid_capstyle": "round",
    "svg.fonttype": "path",
    # Fixed, so that equal figures give equal bytes.
    "svg.hashsalt": "manyshot",
    "text.color": INK,
    # Dollar signs and backslashes in class names are not formulas.
    "text.parse_math": False,
    "xtick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.color": FAINT,
    "ytick.labelcolor": INK,
}


@dataclass(frozen=True)
class Curve:
    """Values that were recorded during training.

    Args:
        steps: Steps.
        values: Value at each step.
    """

    steps: Sequence[float]
    values: Sequence[float]


def training_curves(loss: Mapping[str, Curve], accuracy: Mapping[str, Curve]) -> Figure:
    """Draw the training loss and, where classes were held out, the accuracy on them, of each arm by step.

    The loss is drawn faintly, and its running mean over a twentieth of the run strongly; NaN leaves a gap.

    Args:
        loss: Curve of each arm.
        accuracy: Curve of each arm, from 0 to 1, in a second panel; an arm has the same color in both.

    Example:
        >>> figure = training_curves({"plain": Curve([0, 1, 2], [2.0, 1.0, 0.5])}, {"plain": Curve([0, 2], [0.2, 0.8])})
        >>> len(figure.axes)
        2
    """
    with matplotlib.rc_context(STYLE):
        figure = new_figure(9.0, 3.4)
        panels = figure.subplots(1, 2 if accuracy else 1, squeeze=False)[0]
        left, right = panels[0], panels[-1]
        color = _colors([*loss, *accuracy])
        for name, curve in loss.items():
            mean = _running_mean(np.asarray(curve.values, dtype=float), max(1, len(curve.values) // 20))
            left.plot(curve.steps, curve.values, color=color[name], alpha=0.22, linewidth=0.8)
            left.plot(curve.steps, mean, color=color[name], linewidth=1.8, label=_shown(name))
        for name, curve in accuracy.items():
            dots = "o" if len(curve.steps) <= 40 else ""
            right.plot(
                curve.steps,
                curve.values,
                color=color[name],
                linewidth=1.8,
                marker=dots,
                markersize=3.5,
                label=_shown(name),
            )
        _titled(left, "Training loss", "step")
        if accuracy:
            _titled(right, "Held-out accuracy", "step")
            right.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        for axes in panels:
            axes.grid(axis="y")
            axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        if len(color) > 1:
            right.legend()
    return figure


def differences(estimates: Mapping[str, Estimate], *, baseline: str, unit: str = "percentage points") -> Figure:
    """Draw each arm's paired difference from a baseline, with its interval; zero is marked.

    An interval that excludes zero is drawn in color, one that includes zero in gray.

    Args:
        estimates: Difference of each arm in `unit`, from top to bottom.
        baseline: Name of the arm that the others are compared with.
        unit: Unit at the axis.

    Example:
        >>> differences({"affine": Estimate(6.1, 4.0, 8.2)}, baseline="nothing").axes[0].get_xlabel()
        'difference from nothing, percentage points'
    """
    with matplotlib.rc_context(STYLE):
        figure = new_figure(7.0, 0.9 + 0.42 * max(len(estimates), 1))
        axes = figure.subplots()
        axes.axvline(0, color=FAINT, linewidth=1)
        for row, e in enumerate(estimates.values()):
            color = FAINT if e.low <= 0 <= e.high else COLORS[0] if e.value > 0 else COLORS[1]
            axes.plot([e.low, e.high], [row, row], color=color, linewidth=2.4)
            axes.plot(e.value, row, "o", color=color, markersize=7)
            axes.annotate(
                f"{e.value:+.1f}  [{e.low:+.1f}, {e.high:+.1f}]".replace("-", "−"),
                (1.01, row),
                xycoords=("axes fraction", "data"),
                va="center",
                color=INK,
            )
        axes.set_yticks(range(len(estimates)), [_shown(name) for name in estimates])
        axes.set_ylim(max(len(estimates), 1) - 0.5, -0.5)
        axes.set_xlabel(f"difference from {_shown(baseline)}, {unit}")
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")
        axes.set_axisbelow(True)
    return figure


def accuracies(groups: Mapping[str, Mapping[str, Estimate]], what: str = "Accuracy") -> Figure:
    """Draw bars of accuracy, or of another measure, with intervals, side by side within each group.

    Args:
        groups: Estimate of each arm, from 0 to 1, for each group (such as "1 shot"); an arm keeps its color.
        what: What was measured.

    Example:
        >>> arms = {"plain": Estimate(0.56, 0.55, 0.57), "augmented": Estimate(0.65, 0.64, 0.66)}
        >>> len(accuracies({"1 shot": arms}).axes[0].patches)
        2
    """
    with matplotlib.rc_context(STYLE):
        bars = sum(len(arms) for arms in groups.values())
        figure = new_figure(min(2.2 + 0.8 * bars, 12.0), 3.4)
        axes = figure.subplots()
        color = _colors([name for arms in groups.values() for name in arms])
        x = 0.0
        centers = []
        for arms in groups.values():
            centers.append(x + (len(arms) - 1) / 2)
            for name, e in arms.items():
                axes.bar(x, e.value, width=0.86, color=color[name], alpha=0.85)
                axes.plot([x, x], [e.low, e.high], color=INK, linewidth=1.5)
                axes.annotate(
                    f"{e.value:.1%}", (x, e.high), (0, 3), textcoords="offset points", ha="center", fontsize=9
                )
                x += 1
            x += 0.7
        axes.set_xticks(centers, [_shown(name) for name in groups])
        axes.tick_params(axis="x", length=0)
        highest = max((e.high for arms in groups.values() for e in arms.values()), default=1.0)
        axes.set_ylim(0, min(1.08, 1.15 * highest + 0.01))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.grid(axis="y")
        axes.set_axisbelow(True)
        _titled(axes, f"{what} with 95 % interval", "")
        if len(color) > 1:
            handles = [Patch(color=shade, alpha=0.85, label=_shown(name)) for name, shade in color.items()]
            figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 3))
    return figure


def reliability(confidence: Sequence[float], accuracy: Sequence[float], fraction: Sequence[float]) -> Figure:
    """Draw the accuracy at each level of confidence (a reliability diagram).

    Args:
        confidence: Mean confidence in each bin, from 0 to 1.
        accuracy: Fraction of correct predictions in each bin.
        fraction: Fraction of all predictions in each bin, the area of its dot. Empty bins are left out.

    Example:
        >>> reliability([0.2, 0.9], [0.3, 0.8], [0.5, 0.5]).axes[0].get_ylabel()
        'accuracy'
    """
    with matplotlib.rc_context(STYLE):
        figure = new_figure(4.2, 4.2)
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
        full = np.asarray(fraction, dtype=float) > 0
        x, y, area = (np.asarray(values, dtype=float)[full] for values in (confidence, accuracy, fraction))
        axes.plot(x, y, color=COLORS[0], linewidth=1.5)
        axes.scatter(x, y, s=20 + 600 * area, color=COLORS[0], alpha=0.85, edgecolor="white", zorder=3)
        axes.annotate("perfect", (0.14, 0.16), color=FAINT, rotation=45, ha="center", va="bottom", fontsize=9)
        axes.set(xlim=(0, 1.03), ylim=(0, 1.03), aspect="equal", ylabel="accuracy")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.grid()
        axes.set_axisbelow(True)
        _titled(axes, "Calibration", "confidence")
    return figure


def confusion(counts: NDArray[np.int64], names: Sequence[str]) -> Figure:
    """Draw how many examples of each class (row) got each answer (column).

    Args:
        counts: Numbers `[classes, classes]`; the fraction of its row sets the color of a cell.
        names: Names of the classes.

    Example:
        >>> confusion(np.array([[3, 1], [0, 2]]), ["cat", "dog"]).axes[0].get_ylabel()
        'class'
    """
    with matplotlib.rc_context(STYLE):
        side = 1.4 + 0.42 * len(names)
        figure = new_figure(side + 0.9, side)
        axes = figure.subplots()
        for (row, column), count in np.ndenumerate(counts):
            if count:
                fraction = count / counts[row].sum()
                color = COLORS[0] if row == column else COLORS[1]
                axes.add_patch(
                    Rectangle((column - 0.5, row - 0.5), 1, 1, color=color, alpha=0.6 * fraction, linewidth=0)
                )
                axes.annotate(f"{count:,}", (column, row), ha="center", va="center", color=INK, fontsize=9)
        labels = [_shown(name if len(name) <= 20 else name[:19] + "…") for name in names]
        axes.set_xticks(range(len(names)), labels, rotation=90)
        axes.set_yticks(range(len(names)), labels)
        axes.tick_params(length=0)
        axes.set(xlim=(-0.5, len(names) - 0.5), ylim=(len(names) - 0.5, -0.5), xlabel="answer", ylabel="class")
        axes.set_aspect("equal")
    return figure


def svg(figure: Figure) -> bytes:
    """The figure as SVG, with letters as outlines and dark colors for dark screens; equal figures give equal bytes.

    Example:
        >>> svg(differences({"a": Estimate(1.0, 0.5, 1.5)}, baseline="b"))[:5]
        b'<?xml'
    """
    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(
            buffer, format="svg", metadata={"Date": None}, bbox_inches="tight", pad_inches=0.1, transparent=True
        )
    # The first style element is matplotlib's own.
    return buffer.getvalue().replace(b"</style>", _dark_style().encode() + b"</style>", 1)


def _dark_style() -> str:
    """Rules that replace colors on a dark screen. Only `!important` overrides the style attribute of an element."""
    rules = "".join(
        f'[style*="{kind}: {light.lower()}"]{{{kind}:{dark}!important}}'
        for light, dark in DARK.items()
        for kind in ("fill", "stroke")
    )
    return f"@media screen and (prefers-color-scheme: dark){{{rules}}}"


def png(figure: Figure, dots: int = 160) -> bytes:
    """The figure as PNG with `dots` pixels per inch.

    Example:
        >>> png(differences({"a": Estimate(1.0, 0.5, 1.5)}, baseline="b"))[1:4]
        b'PNG'
    """
    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(buffer, format="png", dpi=dots, metadata={"Software": None}, bbox_inches="tight", pad_inches=0.1)
    return buffer.getvalue()


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of this size in inches, which belongs to no window.

    Example:
        >>> new_figure(2.0, 1.0).axes
        []
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _colors(names: Sequence[str]) -> dict[str, str]:
    return {name: COLORS[index % len(COLORS)] for index, name in enumerate(dict.fromkeys(names))}


def _shown(name: str) -> str:
    """A name that can be drawn: bytes of file names that are not valid text become question marks."""
    return name.encode("utf-8", "replace").decode()


def _titled(axes: Axes, title: str, xlabel: str) -> None:
    axes.set_title(title)
    axes.set_xlabel(xlabel)


def _running_mean(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """The mean of each value and up to `window - 1` before it; NaN counts as missing."""
    known = np.isfinite(values)
    total = np.cumsum(np.where(known, values, 0.0))
    count = np.cumsum(known)
    total[window:] -= total[:-window].copy()
    count[window:] -= count[:-window].copy()
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
