"""What a generative model makes, as files: pictures in class folders, a sheet a class, a manifest."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from manyshot.base import InputError, note
from manyshot.base.seeds import generator
from manyshot.datasets import DATASETS
from manyshot.datasets.image_folder import headers, load_folder
from manyshot.datasets.pictures import Header
from manyshot.generate.generated_source import generate_examples
from manyshot.generate.score import ScoreReport
from manyshot.generate.snapshots import SnapshotImages
from manyshot.generate.train import GeneratorRun
from manyshot.samples.contact_sheet import Row, save, sheet, to_pillow
from manyshot.samples.export_pictures import COMPRESSION, MOST, SHEET_CELL, Exported, single_thread
from manyshot.samples.output_folder import MANIFEST, STEM, aside, check_target, sheet_name
from manyshot.tasks import Source

UNLABELLED = "made"
"""The folder of items that have no class."""
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
    """Make pictures of noise, of each class if the model is told classes, and write them as files, all or none.

    `out` gets `<class>/<number>.png` (or `made/<number>.png`), `<class>.sheet.png`, and `manifest.jsonl`.

    Args:
        run: the model's.
        per_class: pictures of each class, or of all, 1 to 100,000.
        out: the folder to write, which must not be there yet, or be empty.
        classes: names of those to make; all that the model was trained on if there are none.
        seed: the same seed gives the same bytes.
        overwrite: replace `out` if an earlier export wrote all that is in it.

    Raises:
        InputError: if the model makes no pictures or is shown items, a class is unknown to it, or `out` is in use.
    """
    out = Path(out).expanduser()
    _require_pictures(run, per_class)
    check_target(None, out, overwrite)
    if run.model.conditioning in ("item", "mean"):
        raise InputError(f"{run.folder}: this model makes more of pictures that it is shown; use manyshot gan augment")
    if run.model.conditioning == "nothing":
        if classes:
            raise InputError(f"{run.folder}: this model knows no classes; leave --class out, or train 'conditional'")
        with torch.no_grad():
            made = run.model.sample(per_class, generator=generator(seed, UNLABELLED)).cpu()
        named = {UNLABELLED: made}
    else:
        blank = torch.zeros(len(run.class_names), *run.model.shape)
        known = Source.of(blank, list(run.class_names), name=str(run.folder))
        known = known.subset(classes=classes) if classes else known
        named = _by_class(generate_examples(run.model, known, per_class, seed, run.class_names))
    # Omniglot's classes lie in alphabets; here a class is one folder, so that the pictures can be loaded again.
    named = {name.replace("/", "-"): made for name, made in named.items()}
    return _write(run, named, {name: [None] * per_class for name in named}, {}, out, seed)


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
    """Make further pictures of a person's own classes, which the model need not know, and write them as files.

    The pictures of a class take turns: picture k of a class of n is made of picture k modulo n. Handwriting models are
    trained on bright ink; a run on such data takes dark ink on paper for bright, and gives it back dark.

    Args:
        run: of a model that is shown pictures, such as DAGAN.
        pictures: a folder with a folder of pictures a class, or a zip of one.
        per_class: pictures of each class, 1 to 100,000.
        out: see `export_samples`.
        resize: bring pictures of another size to the run's.
        split: the part of the pictures, where they have parts.
        seed: see `export_samples`.
        overwrite: see there.

    Raises:
        InputError: if the pictures cannot be read or are of another size than the run's, the model is not shown
            pictures, or `out` is in use.
    """
    pictures, out = Path(pictures).expanduser(), Path(out).expanduser()
    if not pictures.exists():
        known = " (a data set's name does not do here)" if str(pictures) in DATASETS else ""
        raise InputError(f"no folder or zip '{pictures}'{known}; give one with a folder of pictures for each class")
    _require_pictures(run, per_class)
    check_target(pictures, out, overwrite)
    if run.model.conditioning not in ("item", "mean"):
        raise InputError(f"{run.folder}: this model is not shown pictures; use manyshot gan sample, or train 'dagan'")
    channels, size = run.model.shape[:2]
    found = headers(pictures, split)
    _check_headers(pictures, found, run, resize)
    source = load_folder(pictures, split, size, channels == 3)
    dark = run.config.data in DATASETS and DATASETS[run.config.data].ink and _is_paper(source)
    shown = _inverted(source) if dark else source
    made = generate_examples(run.model, shown, per_class, seed)
    named = _by_class(_inverted(made) if dark else made)
    files = list(found)
    sources, originals = {}, {}
    for name, start, count in zip(source.class_names, source.starts.tolist(), source.counts.tolist(), strict=False):
        sources[name] = [files[start + number % count] for number in range(per_class)]
        originals[name] = source.gather(np.arange(start, start + count))
    return _write(run, named, sources, originals, out, seed)


def snapshot_sheet(path: Path, paper: bool) -> Callable[[SnapshotImages], None]:
    """What draws the pictures that a training has made so far, a row a look, to a file each time that it is called.

    Args:
        path: of the picture.
        paper: whether bright strokes are shown as dark ink.
    """

    def draw(looks: SnapshotImages) -> None:
        rows = [] if looks.conditions is None else [Row("shown", looks.conditions)]
        steps = sorted(looks.generated)
        if len(steps) > ROWS:  # evenly, the last one always among them
            steps = sorted({steps[round(i * (len(steps) - 1) / (ROWS - 1))] for i in range(ROWS)})
        rows += [Row(f"step {step:,}", looks.generated[step]) for step in steps]
        save(sheet(rows, title=f"made so far, {max(looks.generated):,} steps", paper=paper), path)

    return draw


def copies_sheet(scored: ScoreReport, path: Path, paper: bool) -> None:
    """Draw the made pictures that are nearest to one that the model was trained on or shown, each above that one.

    Args:
        scored: of a model of pictures.
        path: of the picture.
        paper: see `snapshot_sheet`.
    """
    assert scored.pairs is not None
    made, nearest = scored.pairs
    rows = []
    for first in range(0, len(made), COLUMNS):
        rows += [
            Row("made", made[first : first + COLUMNS]),
            Row("nearest seen", nearest[first : first + COLUMNS]),
        ]
    save(sheet(rows, title="the made pictures that are nearest to pictures that the model saw", paper=paper), path)


def _require_pictures(run: GeneratorRun, per_class: int) -> None:
    if len(run.model.shape) != 3:
        raise InputError(f"{run.folder}: this model makes features, which are no files to look at; use it in Python")
    if not 1 <= per_class <= MOST:
        raise InputError(f"per_class={per_class}: give 1 to {MOST:,} pictures a class")


def _check_headers(pictures: Path, files: Mapping[str, Header], run: GeneratorRun, resize: bool) -> None:
    """Refuse pictures of another size than the run's, unless they are to be resized; tell if colours are lost."""
    channels, size = run.model.shape[:2]
    for name, header in files.items():
        if not resize and (header.height, header.width) != (size, size):
            raise InputError(
                f"{pictures}: '{name}' has {header.width} x {header.height} pixels, and the run's pictures have "
                f"{size} x {size}; add --resize to bring all to that size"
            )
    coloured = [name for name, header in files.items() if header.color]
    if channels == 1 and coloured:
        note(
            f"{pictures}: pictures stored in colour, such as '{coloured[0]}', are shown to the model in gray, as it "
            "was trained on gray ones and makes such"
        )


def _by_class(source: Source) -> dict[str, Tensor]:
    starts = source.starts.tolist()
    return {n: source.gather(np.arange(a, b)) for n, a, b in zip(source.class_names, starts, starts[1:], strict=False)}


def _is_paper(source: Source) -> bool:
    """Whether most of most pictures is bright."""
    assert isinstance(source.store, Tensor)
    return float(source.store.float().mean()) > 127


def _inverted(source: Source) -> Source:
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
) -> Exported:
    paper = run.config.data in DATASETS and DATASETS[run.config.data].ink
    common = {
        "ops": run.config.model,
        "params": {"step": run.step},
        "seed": seed,
        "plan": None,
        "run": str(run.folder),
    }
    with aside(out) as folder, single_thread(), (folder / MANIFEST).open("wb") as manifest:
        for name, made in named.items():
            (folder / name).mkdir()
            for number, (image, source) in enumerate(zip(made, sources[name], strict=True)):
                stem = "" if source is None else f"{Path(source).stem[:STEM]}-"
                file = f"{name}/{stem}{number:05}.png"
                to_pillow(image).save(folder / file, compress_level=COMPRESSION)
                line = {"file": file, "class": name, "source": source, "number": number, **common}
                manifest.write((json.dumps(line, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace"))
            rows = [Row("original", originals[name][:COLUMNS])] if name in originals else []
            shown = made[: COLUMNS * ROWS]
            rows += [
                Row("" if first else "made", shown[first : first + COLUMNS]) for first in range(0, len(shown), COLUMNS)
            ]
            contact = sheet(rows, title=name, cell=SHEET_CELL, paper=paper and name not in originals)
            contact.save(folder / sheet_name(name))
    return Exported(out, {name: len(made) for name, made in named.items()}, [out / sheet_name(name) for name in named])
