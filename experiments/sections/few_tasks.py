"""The picture of the comparison few-tasks."""

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator, NullLocator, PercentFormatter

from manyshot.report.plots import COLORS, STYLE


def curve(found: dict) -> Figure:
    """Accuracy of each arm by the number of training classes, a panel a judging; a dot for each training seed."""
    comparisons = {int(title.split()[0]): one["suites"] for title, one in found["comparisons"].items()}
    judgings = next(iter(comparisons.values()))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9.0, 3.6), layout="constrained")
        FigureCanvasAgg(figure)
        panels = figure.subplots(1, len(judgings))
        for axes, (judging, judged) in zip(panels, judgings.items(), strict=True):
            for index, (arm, color) in enumerate(zip(judged["arms"], COLORS, strict=False)):
                results = [one[judging]["arms"][arm] for one in comparisons.values()]
                x = [classes * 1.015 ** (index - 1.5) for classes in comparisons]  # so that dots stand apart
                axes.plot(x, [one["accuracy"] for one in results], color=color, linewidth=1.8, label=arm)
                for seeds in zip(*(one["by_seed"] for one in results), strict=True):
                    axes.plot(x, seeds, "o", color=color, markersize=3, alpha=0.6)
            axes.set_xscale("log")
            axes.set_xticks(list(comparisons), [str(classes) for classes in comparisons])
            axes.xaxis.set_minor_locator(NullLocator())
            axes.yaxis.set_major_locator(MultipleLocator(0.05))
            axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
            axes.grid(axis="y")
            axes.set_title(f"Accuracy, {judging}")
            axes.set_xlabel("training classes")
        panels[0].legend()
    return figure
