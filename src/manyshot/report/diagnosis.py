"""Sections of an augmenter's page: generated samples, metrics and warnings."""

import numpy as np
from torch import Tensor

from manyshot.meta_augment.augmenter_diagnosis import Diagnosis
from manyshot.meta_augment.augmenter_run import AugmenterRun
from manyshot.report.page import Paragraph, Part, Picture, Section, Table, interval
from manyshot.report.run_page import is_ink
from manyshot.samples.contact_sheet import SheetRow, draw_sheet
from manyshot.samples.nearest_pictures import nearest_pictures
from manyshot.tasks import EpisodeSampler, Source

SHOWN = 8
"""Number of generated samples of each class."""
MOST_WAYS = 10
POOL = 500
"""Number of real images among which the nearest to a generated feature is searched."""


def diagnosis_sections(run: AugmenterRun, diagnosis: Diagnosis, source: Source) -> list[Section]:
    """Samples generated for a task, the effect of the augmenter, and the probabilities of a policy's ops.

    Args:
        run: Run of the augmenter.
        diagnosis: Diagnosis of the augmenter.
        source: Classes that it was diagnosed on.
    """
    sections = [_pictures(run, source)] if isinstance(source.store, Tensor) else []
    parts: list[Part] = [Paragraph(f"Warning: {warning}") for warning in diagnosis.warnings]
    sections.append(Section("Effect", [*parts, _gains(diagnosis), _metrics(diagnosis, source)]))
    if diagnosis.choices is not None:
        sections.append(Section("Probabilities of the ops", [_choices(diagnosis)]))
    return sections


def _pictures(run: AugmenterRun, source: Source) -> Section:
    """Originals of a task, and the images generated from them or the real images nearest to the generated features."""
    ways = min(5, MOST_WAYS, len(source.class_names))
    sampler = EpisodeSampler(source, ways, 1, 1, seed=0)
    table = sampler.indices(0, 1)
    names = [source.class_names[c] for c in table.classes[0]]
    originals = np.concatenate([np.asarray(indices) for indices in table.support[0]])
    images = source.gather(originals)
    generated = run.augment(images, names, SHOWN)
    if run.augmenter.space == "items":
        heading, shown = "generated", generated.items
        caption = "One example of each class of an unseen task, and samples generated from it."
    else:
        others = np.setdiff1d(np.linspace(0, len(source) - 1, min(POOL, len(source))).astype(np.int64), originals)
        heading, shown = "nearest others", nearest_pictures(run, generated.items, source.gather(others))
        caption = "One example of each class of an unseen task, and the images nearest to features generated from it."
    rows = [
        SheetRow(name, [images[index], *shown[index * SHOWN : (index + 1) * SHOWN]]) for index, name in enumerate(names)
    ]
    drawn = draw_sheet(rows, headings=("original", heading), rules=(1,), cell=56, paper=is_ink(run.run.config.data))
    return Section("Generated samples", [Picture.of(drawn, alt="Originals and generated samples", caption=caption)])


def _gains(diagnosis: Diagnosis) -> Table:
    rows = []
    for shots, gain in diagnosis.gains.items():
        cells = [_points(gain.difference, gain.low, gain.high)]
        if diagnosis.control is not None:
            control = diagnosis.control[shots]
            cells.append(_points(control.difference, control.low, control.high))
        rows.append((f"{shots}", *cells))
    columns = ["shots", "gain, points [95 %]"]
    caption = "Accuracy with generated shots minus accuracy without, on the same tasks."
    if diagnosis.control is not None:
        columns.append("gain of the control")
        caption += " The control changes each example as far as the augmenter does, in a random direction."
    return Table(columns, rows, caption=caption)


def _metrics(diagnosis: Diagnosis, source: Source) -> Table:
    swap = diagnosis.swap
    rows = [
        (
            "distance of a generated example from its original",
            f"{diagnosis.displacement:.2f}",
            "1: a real example from its class mean",
        ),
        ("variance within a class, generated / real", f"{diagnosis.variance:.2f}", "1: as real examples"),
        (
            "fraction of the change that differs between copies",
            "-" if diagnosis.noise is None else f"{diagnosis.noise:.2f}",
            "0: one shift for all copies",
        ),
        (
            "fraction of generated examples nearest to their own class",
            f"{diagnosis.neighbors:.2f}",
            f"real examples: {diagnosis.real_neighbors:.2f}",
        ),
        (
            "kernel distance to real examples",
            f"{diagnosis.kernel:.3f}",
            f"between real examples: {diagnosis.real_kernel:.3f}",
        ),
        (
            "accuracy lost with another task's context, points",
            _points(swap.difference, swap.low, swap.high),
            "0: the augmenter ignores the task",
        ),
    ]
    return Table(("metric", "value", "reference"), rows, caption=f"On {source.name}.")


def _choices(diagnosis: Diagnosis) -> Table:
    assert diagnosis.choices is not None
    rows = [
        (name, f"{p:.2f}", f"{diagnosis.choices.std[name]:.2f}") for name, p in diagnosis.choices.probabilities.items()
    ]
    rows.sort(key=lambda row: -float(row[1]))
    return Table(
        ("op", "probability", "spread between classes"),
        rows,
        caption=f"{diagnosis.choices.entropy:.2f} bits per op: 0 at probability 0 or 1, 1 at 0.5.",
    )


def _points(value: float, low: float, high: float) -> str:
    return interval(100 * value, 100 * low, 100 * high, signed=True)
