"""Samples that a learned augmenter makes of a folder of pictures, as files: pictures, or features to learn from."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from manyshot.base import InputError, note
from manyshot.base.seeds import generator
from manyshot.datasets import load_dataset
from manyshot.datasets.image_folder import file_names, where
from manyshot.datasets.pictures import read_header
from manyshot.datasets.tree import open_tree
from manyshot.meta_augment.tailor import TailoredSamples
from manyshot.meta_augment.train import AugmenterRun
from manyshot.samples.contact_sheet import Row, picture, sheet, to_pillow
from manyshot.samples.export_pictures import (
    COMPRESSION,
    MOST,
    SHEET_CELL,
    SHEET_COLUMNS,
    SHEET_ROWS,
    by_class,
    single_thread,
)
from manyshot.samples.nearest_pictures import nearest_pictures
from manyshot.samples.output_folder import MANIFEST, STEM, aside, check_target, sheet_name
from manyshot.training.splits import load_sources

FEATURES = "features.safetensors"
POOL = 1000
"""Real pictures among which the nearest to a made feature is looked for."""


@dataclass(frozen=True)
class ExportedLearned:
    """What was written.

    Args:
        folder: that holds it.
        made: how many samples each class got.
        sheets: the contact sheets, one a class.
        features: the file of made features; None where pictures were made.
    """

    folder: Path
    made: Mapping[str, int]
    sheets: Sequence[Path]
    features: Path | None = None

    @property
    def manifest(self) -> Path:
        """The manifest: one line of JSON a sample."""
        return self.folder / MANIFEST


def export_learned(
    pictures: Path | str,
    run: AugmenterRun,
    per_class: int,
    out: Path | str,
    *,
    seed: int = 0,
    split: str | None = None,
    adapt_steps: int = 0,
    overwrite: bool = False,
) -> ExportedLearned:
    """Make samples tailored to a folder of pictures and write them as files, all or none.

    All pictures of the folder are one task: the augmenter looks at them together. It sees them at the size that it was
    trained at, and so large are the pictures that it makes.

    An augmenter of pictures fills `out` as `manyshot.samples.export_pictures.export` does. One of features writes
    `features.safetensors` with `features [m, d]`, `weights [m]`, `labels [m]` (places among the names in the file's
    metadata), `origins [m]`, and the real ones as `support_features [n, d]` and `support_labels [n]`; its sheets show,
    for each original, the real pictures whose features lie nearest to those made of it, of the folder and of what the
    learner was trained on. Each sample has its line in `manifest.jsonl`; see `replay_learned`.

    Args:
        pictures: a folder with a folder of pictures a class, or a zip of one.
        run: the augmenter's.
        per_class: samples a class, 1 to 100,000.
        out: the folder to write, which must not be there yet, or be empty.
        seed: the same seed gives the same bytes.
        split: the part of the pictures, where they have parts.
        adapt_steps: of adaptation by leave-one-out, which takes two pictures of each class; 0 for none.
        overwrite: replace `out` if an earlier export wrote all that is in it.

    Raises:
        InputError: if the pictures cannot be read or are of one class, more is asked for than fits in memory, or `out`
            is in use.
    """
    pictures, out = Path(pictures).expanduser(), Path(out).expanduser()
    if not 1 <= per_class <= MOST:
        raise InputError(f"per_class={per_class}: give 1 to {MOST:,} samples a class")
    check_target(pictures, out, overwrite)
    names = file_names(pictures, split)
    classes = list(by_class(names))
    if len(classes) < 2:
        raise InputError(f"{pictures}: one class ('{classes[0]}'); a task has two or more, so give another one's too")
    _note_sizes(pictures, names, run)
    images, labels = _task(pictures, names, run, split)
    with single_thread():
        made = run.augment(images, labels, per_class, seed, adapt_steps)
    origins = [names[place] for place in made.origin.tolist()]
    numbers = [number for _ in classes for number in range(per_class)]
    if run.augmenter.space == "items":
        files = [
            f"{name}/{Path(source).stem[:STEM]}-{number:05}.png"
            for name, source, number in zip(made.labels, origins, numbers, strict=True)
        ]
        shown = _made_pictures(made)
    else:
        files = [FEATURES] * len(made)
        shown = nearest_pictures(run, made.items, torch.cat([images, *_learners_pictures(run, images)]))
    common = {
        "ops": run.config.augmenter,
        "params": {"per_class": per_class, "adapt_steps": adapt_steps, "pictures": _digest(images, labels)},
        "seed": seed,
        "plan": "shots: learned",
        "run": str(run.folder),
    }
    with aside(out) as folder:
        with (folder / MANIFEST).open("wb") as manifest:
            every = zip(files, made.labels, origins, numbers, made.weight.tolist(), strict=True)
            for row, (file, name, source, number, weight) in enumerate(every):
                line = {"file": file, "class": name, "source": source, "number": number, **common}
                line |= {"row": row, "weight": weight}
                manifest.write((json.dumps(line, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace"))
        if run.augmenter.space == "items":
            for name in classes:
                (folder / name).mkdir()
            for file, image in zip(files, shown, strict=True):
                to_pillow(image).save(folder / file, compress_level=COMPRESSION)
        else:
            _write_features(folder / FEATURES, made, labels, classes)
        _write_sheets(folder, run, images, names, made, shown)
    sheets = [out / sheet_name(name) for name in classes]
    features = None if run.augmenter.space == "items" else out / FEATURES
    return ExportedLearned(out, dict.fromkeys(classes, per_class), sheets, features)


def replay_learned(
    line: Mapping[str, Any], pictures: Path | str, run: AugmenterRun, split: str | None = None
) -> Tensor:
    """Make a sample again from its line in the manifest.

    Args:
        line: as read from the manifest.
        pictures: the folder or zip that was exported.
        run: the augmenter's, which the line names.
        split: the part of the pictures.

    Returns:
        The same picture `[c, h, w]`, uint8, as in the file; or the same feature `[d]`.

    Raises:
        InputError: if the pictures are no longer the same, since every sample depends on all of them, or the line is of
            another kind.
    """
    pictures = Path(pictures).expanduser()
    images, labels = _task(pictures, file_names(pictures, split), run, split)
    try:
        params, seed, row = line["params"], line["seed"], line["row"]
        per_class, adapt_steps, digest = (params[name] for name in ("per_class", "adapt_steps", "pictures"))
    except (KeyError, TypeError) as error:
        raise InputError(f"a line of a manifest without a usable {error}; give one of a learned augmenter's") from None
    if digest != _digest(images, labels):
        raise InputError(f"{pictures}: no longer the pictures that the sample was made for; restore them")
    with single_thread():
        made = run.augment(images, labels, per_class, seed, adapt_steps)
    return _made_pictures(made)[row] if run.augmenter.space == "items" else made.items[row]


def _task(pictures: Path, names: Sequence[str], run: AugmenterRun, split: str | None) -> tuple[Tensor, list[str]]:
    """All pictures as the run takes them, and the class of each."""
    source = load_dataset(pictures, split, size=run.run.size, color=run.run.channels == 3)
    images: Tensor = source.gather(np.arange(len(source)))
    return images, [name.split("/")[-2] for name in names]


def _note_sizes(pictures: Path, names: Sequence[str], run: AugmenterRun) -> None:
    """Tell a person that pictures are seen, and made, at another size than they have."""
    with open_tree(pictures) as tree:
        headers = [read_header(tree.read(parts), where(tree, parts)) for parts in (tuple(n.split("/")) for n in names)]
    size = run.run.size
    other = sum((header.height, header.width) != (size, size) for header in headers)
    if other:
        first = next(header for header in headers if (header.height, header.width) != (size, size))
        note(
            f"{other:,} of {len(names):,} pictures are not {size} x {size} pixels as those that the augmenter learned "
            f"from (one is {first.width} x {first.height}): they are resized for it, and it makes {size} x {size}"
        )


def _digest(images: Tensor, labels: Sequence[str]) -> str:
    digest = hashlib.sha256(images.contiguous().numpy().tobytes())
    digest.update("\n".join(labels).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:16]


def _made_pictures(made: TailoredSamples) -> Tensor:
    return made.items.detach().cpu().clamp(0, 1).mul(255).round().to(torch.uint8)


def _learners_pictures(run: AugmenterRun, own: Tensor) -> list[Tensor]:
    """Pictures that the learner was trained on, where they are still to be had."""
    try:
        source = load_sources(run.run.config).training
    except InputError as error:
        note(f"the nearest pictures are those of the folder alone: {error}")
        return []
    some = torch.randperm(len(source), generator=generator(0, "pool"))[:POOL].sort().values
    images: Tensor = source.gather(some)
    return [images] if images.shape[1:] == own.shape[1:] else []


def _write_features(path: Path, made: TailoredSamples, labels: Sequence[str], classes: Sequence[str]) -> None:
    tensors = {
        "features": made.items,
        "weights": made.weight,
        "labels": torch.tensor([classes.index(label) for label in made.labels]),
        "origins": made.origin,
        "support_features": made.support,
        "support_labels": torch.tensor([classes.index(label) for label in labels]),
    }
    save_file(
        {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()},
        path,
        {"classes": json.dumps(list(classes))},
    )


def _write_sheets(
    folder: Path, run: AugmenterRun, images: Tensor, names: Sequence[str], made: TailoredSamples, shown: Tensor
) -> None:
    """A sheet a class: each original, and what was made of it, or what lies nearest to that."""
    rows: dict[str, list[Row]] = {}
    thumbnails: dict[int, list[Any]] = {}
    for place, name in enumerate(names):
        own = rows.setdefault(name.split("/")[-2], [])
        if len(own) < SHEET_ROWS:
            thumbnails[place] = [picture(images[place], SHEET_CELL)]
            own.append(Row(name.split("/")[-1], thumbnails[place]))
    for origin, image in zip(made.origin.tolist(), shown, strict=True):
        if len(thumbnails.get(origin, [None] * (SHEET_COLUMNS + 1))) <= SHEET_COLUMNS:
            thumbnails[origin].append(picture(image, SHEET_CELL))
    heading = "made" if run.augmenter.space == "items" else "nearest real"
    for name, own in rows.items():
        contact = sheet(own, title=name, headings=("original", heading), rules=(1,), cell=SHEET_CELL)
        contact.save(folder / sheet_name(name))
