"""Export the images of a generative model to class folders, with a contact sheet per class and a manifest."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from manyshot.base import InputError, note
from manyshot.base.seeds import generator
from manyshot.datasets import DATASETS
from manyshot.datasets.image_folder import load_folder, read_headers
from manyshot.datasets.pictures import Header
from manyshot.generate.generated_source import generate_examples
from manyshot.generate.generator_run import GeneratorRun
from manyshot.generate.score import ScoreReport
from manyshot.generate.snapshots import SnapshotImages
from manyshot.samples.contact_sheet import SheetRow, draw_sheet, save_image, to_pil
from manyshot.samples.output_folder import (
    COMPRESSION,
    MANIFEST,
    STEM,
    Exported,
    check_class_names,
    check_per_class,
    check_target,
    sheet_name,
    write_folder_aside,
    write_line,
)
from manyshot.samples.write_variants import SHEET_CELL, single_thread
from manyshot.tasks import Source

UNLABELED = "generated"
"""Folder of images that have no class."""
NOISE_KEY = "made"  # a change would change the bytes that a seed gives
COLUMNS = 10
ROWS = 10


def export_samples(
    run: GeneratorRun,
    per_class: int,
    out: Path | str,
    *,
    classes: tuple[str, ...] = (),
    seed: int = 0,
    overwrite: bool = False,
) -> Exported:
    """Generate images from noise, class by class if the model is conditional, and write them to files.

    `out` receives `<class>/<number>.png` (`generated/<number>.png` if the model has no classes), `<class>.sheet.png`,
    and `manifest.jsonl`; nothing is written if it fails.

    Args:
        run: Run of the model.
        per_class: Number of images per class, or in all if the model has no classes, 1 to 100,000.
        out: Folder to write; it must be empty or not exist yet.
        classes: Names of the classes to generate; all classes that the model was trained on if empty.
        seed: Seed; the same seed gives the same bytes.
        overwrite: Whether to replace `out` if an earlier export wrote all of it.

    Returns:
        The folder, the number of images of each class, and the contact sheets.

    Raises:
        InputError: If the model generates no images or is conditioned on examples, a class is unknown to it, or `out`
            is in use.
    """
    out = Path(out).expanduser()
    _require_pictures(run, per_class)
    check_target(None, out, overwrite)
    if run.model.conditioning in ("item", "mean"):
        raise InputError(
            f"{run.folder}: this model is conditioned on images; use export_augmented (manyshot gan augment)"
        )
    if run.model.conditioning == "nothing":
        if classes:
            raise InputError(
                f"{run.folder}: this model has no classes; leave classes (--class) out, or train 'conditional'"
            )
        with torch.no_grad():
            images = run.model.sample(per_class, generator=generator(seed, NOISE_KEY)).cpu()
        named = {UNLABELED: images}
    else:
        blank = torch.zeros(len(run.class_names), *run.model.shape)
        known = Source.of(blank, list(run.class_names), name=str(run.folder))
        known = known.subset(classes=classes) if classes else known
        named = _by_class(generate_examples(run.model, known, per_class, seed, run.class_names))
    # Names such as Omniglot's Greek/character01 become one folder, so that the images can be loaded again.
    named = {name.replace("/", "-"): images for name, images in named.items()}
    return _write(run, named, {name: [None] * per_class for name in named}, {}, out, seed, overwrite)


def export_augmented(
    run: GeneratorRun,
    pictures: Path | str,
    per_class: int,
    out: Path | str,
    *,
    resize: bool = False,
    split: str | None = None,
    seed: int = 0,
    overwrite: bool = False,
) -> Exported:
    """Generate further images of the classes of a folder, which may be new to the model, and write them to files.

    Sample k of a class of n images is generated from image k mod n. Models of handwriting are trained on bright ink;
    for such a model, images of dark ink on paper are inverted, and the samples are inverted back.

    Args:
        run: Run of a model that is conditioned on images, such as DAGAN.
        pictures: Folder with one folder of images per class, or a zip of one.
        per_class: Number of samples per class, 1 to 100,000.
        out: Folder to write; it must be empty or not exist yet.
        resize: Whether to resize images to the size of the model's.
        split: Split of the images, if they are divided into splits.
        seed: Seed; the same seed gives the same bytes.
        overwrite: Whether to replace `out` if an earlier export wrote all of it.

    Returns:
        The folder, the number of samples of each class, and the contact sheets.

    Raises:
        InputError: If the images cannot be read or differ in size from the model's, the model is not conditioned on
            images, or `out` is in use.
    """
    pictures, out = Path(pictures).expanduser(), Path(out).expanduser()
    if not pictures.exists():
        hint = " (the name of a data set is not accepted here)" if str(pictures) in DATASETS else ""
        raise InputError(f"no folder or zip '{pictures}'{hint}; give one with a folder of images per class")
    _require_pictures(run, per_class)
    check_target(pictures, out, overwrite)
    if run.model.conditioning not in ("item", "mean"):
        raise InputError(
            f"{run.folder}: this model is not conditioned on images; use export_samples (manyshot gan sample)"
        )
    channels, size = run.model.shape[:2]
    headers = read_headers(pictures, split)
    _check_headers(pictures, headers, run, resize)
    source = load_folder(pictures, split, size, channels == 3)
    dark = run.config.data in DATASETS and DATASETS[run.config.data].ink and _is_bright(source)
    conditions = _invert(source) if dark else source
    generated = generate_examples(run.model, conditions, per_class, seed)
    named = _by_class(_invert(generated) if dark else generated)
    files = list(headers)
    sources, originals = {}, {}
    for name, start, count in zip(source.class_names, source.starts.tolist(), source.counts.tolist(), strict=False):
        sources[name] = [files[start + number % count] for number in range(per_class)]
        originals[name] = source.gather(np.arange(start, start + count))
    return _write(run, named, sources, originals, out, seed, overwrite)


def snapshot_sheet(path: Path, paper: bool) -> Callable[[SnapshotImages], None]:
    """Build a function that draws the snapshots of a training to an image file, one row per snapshot.

    Args:
        path: Image file to write.
        paper: Whether to show bright strokes as dark ink on white paper.

    Returns:
        A function that draws the snapshots so far each time that it is called.
    """

    def draw(snapshots: SnapshotImages) -> None:
        rows = [] if snapshots.conditions is None else [SheetRow("condition", snapshots.conditions)]
        steps = sorted(snapshots.generated)
        if len(steps) > ROWS:  # evenly spaced, the last one included
            steps = sorted({steps[round(i * (len(steps) - 1) / (ROWS - 1))] for i in range(ROWS)})
        rows += [SheetRow(f"step {step:,}", snapshots.generated[step]) for step in steps]
        save_image(
            draw_sheet(rows, title=f"snapshots of generated images, {max(snapshots.generated):,} steps", paper=paper),
            path,
        )

    return draw


def copies_sheet(scored: ScoreReport, path: Path, paper: bool) -> None:
    """Draw the generated images that are nearest to real images that the model saw, each above its nearest one.

    Args:
        scored: Scores of a model of images.
        path: Image file to write.
        paper: Whether to show bright strokes as dark ink on white paper.
    """
    assert scored.pairs is not None
    generated, nearest = scored.pairs
    rows = []
    for first in range(0, len(generated), COLUMNS):
        rows += [
            SheetRow("generated", generated[first : first + COLUMNS]),
            SheetRow("nearest real", nearest[first : first + COLUMNS]),
        ]
    title = "generated images that are nearest to images that the model saw"
    save_image(draw_sheet(rows, title=title, paper=paper), path)


def _require_pictures(run: GeneratorRun, per_class: int) -> None:
    if len(run.model.shape) != 3:
        raise InputError(
            f"{run.folder}: this model generates features, which cannot be exported as images; use it in Python"
        )
    check_per_class(per_class)


def _check_headers(pictures: Path, files: Mapping[str, Header], run: GeneratorRun, resize: bool) -> None:
    """Refuse images that differ in size from the model's, unless they are resized; print a note if colors are lost."""
    channels, size = run.model.shape[:2]
    for name, header in files.items():
        if not resize and (header.height, header.width) != (size, size):
            raise InputError(
                f"{pictures}: '{name}' has {header.width} x {header.height} pixels, but the model's images have "
                f"{size} x {size}; allow resizing (--resize)"
            )
    colored = [name for name, header in files.items() if header.color]
    if channels == 1 and colored:
        note(
            f"{pictures}: color images, such as '{colored[0]}', are converted to gray, since the model was trained on "
            "gray images"
        )


def _by_class(source: Source) -> dict[str, Tensor]:
    starts = source.starts.tolist()
    return {n: source.gather(np.arange(a, b)) for n, a, b in zip(source.class_names, starts, starts[1:], strict=False)}


def _is_bright(source: Source) -> bool:
    """Whether the mean pixel is brighter than mid-gray, as with dark ink on paper."""
    assert isinstance(source.store, Tensor)
    return float(source.store.float().mean()) > 127


def _invert(source: Source) -> Source:
    assert isinstance(source.store, Tensor)
    groups = None if source.groups is None else dict(zip(source.class_names, source.groups, strict=True))
    items = 255 - source.gather(np.arange(len(source)))
    return Source.of(items, [source.class_names[c] for c in source.labels], groups=groups, name=source.name)


def _write(
    run: GeneratorRun,
    named: Mapping[str, Tensor],
    sources: Mapping[str, list[Any]],
    originals: Mapping[str, Tensor],
    out: Path,
    seed: int,
    overwrite: bool,
) -> Exported:
    check_class_names(named, str(run.folder))
    paper = run.config.data in DATASETS and DATASETS[run.config.data].ink
    common = {
        "ops": run.config.model,
        "params": {"step": run.step},
        "seed": seed,
        "plan": None,
        "run": str(run.folder),
    }
    with write_folder_aside(out, overwrite) as folder, single_thread(), (folder / MANIFEST).open("wb") as manifest:
        for name, images in named.items():
            (folder / name).mkdir()
            for number, (image, source) in enumerate(zip(images, sources[name], strict=True)):
                stem = "" if source is None else f"{Path(source).stem[:STEM]}-"
                file = f"{name}/{stem}{number:05}.png"
                to_pil(image).save(folder / file, compress_level=COMPRESSION)
                line = {"file": file, "class": name, "source": source, "number": number, **common}
                write_line(manifest, line)
            rows = [SheetRow("original", originals[name][:COLUMNS])] if name in originals else []
            for first in range(0, min(len(images), COLUMNS * ROWS), COLUMNS):
                rows.append(SheetRow("" if first else "generated", images[first : first + COLUMNS]))
            contact = draw_sheet(rows, title=name, cell=SHEET_CELL, paper=paper and name not in originals)
            contact.save(folder / sheet_name(name))
    return Exported(
        out, {name: len(images) for name, images in named.items()}, [out / sheet_name(name) for name in named]
    )
