"""The page of one training."""

from manyshot.augment import Plan
from manyshot.base.seeds import generator
from manyshot.datasets import DATASETS
from manyshot.report.page import Page, Picture, Section, Table, provenance
from manyshot.report.plots import Curve, training_curves
from manyshot.runtime.metrics_log import Row as MetricsRow
from manyshot.samples.contact_sheet import SheetRow, draw_sheet
from manyshot.training import Run, load_sources
from manyshot.training.splits import describe_authors, training_sampler


def run_page(run: Run, command: str) -> Page:
    """A page of a training's curves and of a task before and after augmentation.

    Args:
        run: The trained run.
        command: Command line that wrote the page.
    """
    losses = [row["loss"] for row in run.rows if "loss" in row]
    accuracies = [row["validation_accuracy"] for row in run.rows if "validation_accuracy" in row]
    told = describe_authors(load_sources(run.config)) if run.config.group_by else None
    people = "" if told is None else f"; {told}"
    accuracy = f"; accuracy on held-out classes {max(accuracies):.1%}" if accuracies else ""
    sections = [
        Section(
            "Training",
            [
                Picture.of(
                    training_curves({"training": loss_curve(run.rows)}, accuracy_curves({"held-out": run.rows})),
                    alt="Loss and held-out accuracy by step",
                )
            ],
        ),
        Section("A training task", [task_shown(run)]),
        provenance(command, {**run.config.as_dict(), **run.config.as_dict()["fit"]}),
    ]
    return Page(
        title=f"{run.config.learner} on {run.config.data}",
        summary=f"{len(losses):,} steps, last loss {losses[-1]:.3f}{accuracy}{people}.",
        sections=sections,
    )


def is_ink(data: str) -> bool:
    """Whether a data set holds handwriting or print, which is shown as dark ink on white paper."""
    return data in DATASETS and DATASETS[data].ink


def loss_curve(rows: list[MetricsRow]) -> Curve:
    """The training loss by step."""
    noted = [row for row in rows if "loss" in row]
    return Curve([row["step"] for row in noted], [row["loss"] for row in noted])


def accuracy_curves(arms: dict[str, list[MetricsRow]]) -> dict[str, Curve]:
    """The held-out accuracy of each arm that was evaluated during training."""
    curves = {}
    for name, rows in arms.items():
        noted = [row for row in rows if "validation_accuracy" in row]
        if noted:
            curves[name] = Curve([row["step"] for row in noted], [row["validation_accuracy"] for row in noted])
    return curves


def task_shown(run: Run) -> Picture | Table:
    """Support and query of the first training task, before and after augmentation by the training plan."""
    source = load_sources(run.config).training
    plain = training_sampler(run.config, source).batch(0, 1)
    changed = Plan(run.config.plan).apply(plain.as_float(), generator(run.config.fit.seed, "plan", 0))
    if source.is_text:
        sides = (("support", plain.support, changed.support), ("query", plain.query, changed.query))
        pairs = [(name, *pair) for name, a, b in sides for pair in zip(a.items[0][:16], b.items[0][:16], strict=False)]
        return Table(("set", "sentence", "augmented"), pairs, caption=f"Plan: {run.config.plan}")
    rows = [
        SheetRow("support", plain.support.items[0][:16]),
        SheetRow("support, augmented", changed.support.items[0][:16]),
        SheetRow("query", plain.query.items[0][:16]),
        SheetRow("query, augmented", changed.query.items[0][:16]),
    ]
    return Picture.of(
        draw_sheet(rows, cell=48, paper=is_ink(run.config.data)),
        alt="Examples of a training task, before and after augmentation",
        caption=f"Plan: {run.config.plan}",
    )
