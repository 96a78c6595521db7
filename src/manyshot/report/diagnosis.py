"""The part of an augmenter's page that tells what it does: made samples, measures, and what to be wary of."""

import numpy as np
from torch import Tensor

from manyshot.meta_augment.diagnose import Diagnosis
from manyshot.meta_augment.train import AugmenterRun
from manyshot.report.page import Paragraph, Part, Picture, Section, Table, interval
from manyshot.report.run_page import is_ink
from manyshot.samples.contact_sheet import Row, sheet
from manyshot.samples.nearest_pictures import nearest_pictures
from manyshot.tasks import EpisodeSampler, Source

SHOWN = 8
"""Made samples of each class."""
MOST_WAYS = 10
POOL = 500
"""Real pictures among which the nearest to a made feature is looked for."""


def diagnosis_sections(run: AugmenterRun, found: Diagnosis, source: Source) -> list[Section]:
    """Sections of a page: what it makes of a task, whether it does its work, and what a policy chose.

    Args:
        run: the augmenter's.
        found: its diagnosis.
        source: the classes that it was diagnosed on.
    """
    sections = [_pictures(run, source)] if isinstance(source.store, Tensor) else []
    parts: list[Part] = [Paragraph(f"Warning: {warning}") for warning in found.warnings]
    sections.append(Section("What it does", [*parts, _gains(found), _measures(found, source)]))
    if found.choices is not None:
        sections.append(Section("What it chose", [_choices(found)]))
    return sections


def _pictures(run: AugmenterRun, source: Source) -> Section:
    """One task's originals, and what was made of them, or the real pictures that lie nearest to that."""
    ways = min(5, MOST_WAYS, len(source.class_names))
    sampler = EpisodeSampler(source, ways, 1, 1, seed=0)
    table = sampler.indices(0, 1)
    names = [source.class_names[c] for c in table.classes[0]]
    originals = np.concatenate([np.asarray(places) for places in table.support[0]])
    images = source.gather(originals)
    made = run.augment(images, names, SHOWN)
    if run.augmenter.space == "items":
        heading, shown = "made", made.items
        caption = "One example of each class of an unseen task, and samples made of it."
    else:
        some = np.setdiff1d(np.linspace(0, len(source) - 1, min(POOL, len(source))).astype(np.int64), originals)
        heading, shown = "nearest others", nearest_pictures(run, made.items, source.gather(some))
        caption = "One example of each class of an unseen task, and the other pictures nearest to features made of it."
    rows = [Row(name, [images[place], *shown[place * SHOWN : (place + 1) * SHOWN]]) for place, name in enumerate(names)]
    drawn = sheet(rows, headings=("original", heading), rules=(1,), cell=56, paper=is_ink(run.run.config.data))
    return Section("What it makes", [Picture.of(drawn, alt="Originals, and what was made of them", caption=caption)])


def _gains(found: Diagnosis) -> Table:
    rows = []
    for shots, gain in found.gains.items():
        told = [_points(gain.difference, gain.low, gain.high)]
        if found.control is not None:
            control = found.control[shots]
            told.append(_points(control.difference, control.low, control.high))
        rows.append((f"{shots}", *told))
    columns = ("shots", "gain, points [95 %]", *(("gain of the control",) if found.control is not None else ()))
    return Table(columns, rows, caption="Accuracy with made shots minus accuracy without, on the same tasks.")


def _measures(found: Diagnosis, source: Source) -> Table:
    swap = found.swap
    rows = [
        ("distance of a made item from its own", f"{found.displacement:.2f}", "1: a real item from its class's mean"),
        ("variance within a class, made / real", f"{found.variance:.2f}", "1: as real items"),
        (
            "share of the change that differs between copies",
            "-" if found.noise is None else f"{found.noise:.2f}",
            "0: one shift for all copies",
        ),
        (
            "made items nearest to their own class",
            f"{found.neighbours:.2f}",
            f"real items: {found.real_neighbours:.2f}",
        ),
        ("kernel distance to real items", f"{found.kernel:.3f}", f"between real items: {found.real_kernel:.3f}"),
        (
            "accuracy lost with another task's context, points",
            _points(swap.difference, swap.low, swap.high),
            "0: it does not look at the task",
        ),
    ]
    return Table(("measure", "value", "to compare"), rows, caption=f"On {source.name}.")


def _choices(found: Diagnosis) -> Table:
    assert found.choices is not None
    rows = [
        (name, f"{chance:.2f}", f"{found.choices.spread[name]:.2f}") for name, chance in found.choices.chances.items()
    ]
    rows.sort(key=lambda row: -float(row[1]))
    return Table(
        ("op", "acts with probability", "which differs between classes by"),
        rows,
        caption=f"{found.choices.undecided:.2f} bits an op: 0 where it always or never acts, 1 for even chances.",
    )


def _points(value: float, low: float, high: float) -> str:
    return interval(100 * value, 100 * low, 100 * high, signed=True)
