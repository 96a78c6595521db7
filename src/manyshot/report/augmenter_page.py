"""The page of an augmenter's training."""

from manyshot.meta_augment.augmenter_diagnosis import Diagnosis
from manyshot.meta_augment.augmenter_run import AugmenterRun
from manyshot.report.diagnosis import diagnosis_sections
from manyshot.report.page import Page, Picture, Section, provenance
from manyshot.report.plots import training_curves
from manyshot.report.run_page import accuracy_curves, loss_curve
from manyshot.tasks import Source


def augmenter_page(run: AugmenterRun, command: str, diagnosed: tuple[Diagnosis, Source] | None = None) -> Page:
    """A page of an augmenter's training: curves, examples generated for unseen classes, and settings.

    Args:
        run: The trained run.
        command: Command line that wrote the page.
        diagnosed: Diagnosis of the augmenter, and the classes that it was diagnosed on.
    """
    losses = [row["loss"] for row in run.rows if "loss" in row]
    accuracies = [row["validation_accuracy"] for row in run.rows if "validation_accuracy" in row]
    accuracy = f"Accuracy with generated shots on held-out classes: {max(accuracies):.1%}." if accuracies else ""
    trained = f"{len(losses):,} steps, last loss {losses[-1]:.3f}." if losses else "Nothing to train."
    sections = []
    if losses:
        curves = training_curves({"training": loss_curve(run.rows)}, accuracy_curves({"held-out": run.rows}))
        sections.append(Section("Training", [Picture.of(curves, alt="Loss and held-out accuracy by step")]))
    if diagnosed is not None:
        sections += diagnosis_sections(run, *diagnosed)
    settings = run.config.as_dict()
    sections.append(provenance(command, settings | settings["fit"] | {"data": run.run.config.data}))
    return Page(
        title=f"{run.config.augmenter} for {run.run.config.learner} on {run.run.config.data}",
        summary=f"{trained} {accuracy}".strip(),
        sections=sections,
    )
