"""Export the images or features that a learned augmenter generates from a folder of images."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from manyshot.base import InputError, note
from manyshot.base.seeds import generator
from manyshot.base.tensor_file import write_tensors
from manyshot.datasets import load_dataset
from manyshot.datasets.folder_or_zip import open_tree
from manyshot.datasets.image_folder import file_names
from manyshot.datasets.pictures import read_header
from manyshot.meta_augment.augmenter_run import AugmenterRun
from manyshot.meta_augment.tailor import TailoredSamples
from manyshot.samples import output_folder
from manyshot.samples.contact_sheet import SheetRow, draw_sheet, thumbnail, to_pil
from manyshot.samples.export_pictures import group_by_class
from manyshot.samples.nearest_pictures import nearest_pictures
from manyshot.samples.output_folder import Exported
from manyshot.samples.write_variants import SHEET_CELL, SHEET_COLUMNS, SHEET_ROWS, single_thread
from manyshot.training.splits import load_sources

POOL = 1000
"""Number of the learner's training images that are searched for the nearest to a generated feature."""


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
) -> Exported:
    """Generate samples tailored to a folder of images and write them to files; nothing is written if it fails.

    All images of the folder form one task, which the augmenter sees as a whole. Images are resized to the size that the
    augmenter was trained on, and generated images have that size too.

    An augmenter of images fills `out` as `manyshot.samples.export_pictures.export` does. An augmenter of features
    writes `features.safetensors` with `features [m, d]`, `weights [m]`, `labels [m]` (indices into the class names in
    the file's metadata), `origins [m]`, and the real examples as `support_features [n, d]` and `support_labels [n]`.
    Its sheets show, for each original, the real images whose features are nearest to the generated ones, out of the
    folder and the learner's training images. Each sample has a line in `manifest.jsonl`; see `replay_learned`.

    Args:
        pictures: Folder with one folder of images per class, or a zip of one.
        run: Run of the augmenter.
        per_class: Number of samples per class, 1 to 100,000.
        out: Folder to write; it must be empty or not exist yet.
        seed: Seed; the same seed gives the same bytes.
        split: Split of the images, if they are divided into splits.
        adapt_steps: Number of steps of leave-one-out adaptation, which takes two images of each class; 0 for none.
        overwrite: Whether to replace `out` if an earlier export wrote all of it.

    Returns:
        The folder, the number of samples of each class, the contact sheets, and the file of features if there is one.

    Raises:
        InputError: If the images cannot be read or have only one class, the samples do not fit in memory, or `out` is
            in use.
    """
    pictures, out = Path(pictures).expanduser(), Path(out).expanduser()
    output_folder.check_per_class(per_class)
    output_folder.check_target(pictures, out, overwrite)
    names = file_names(pictures, split)
    classes = list(group_by_class(names))
    output_folder.check_class_names(classes, str(pictures))
    if len(classes) < 2:
        raise InputError(f"{pictures}: only one class, '{classes[0]}'; add a folder of images of another class")
    _note_sizes(pictures, names, run)
    images, labels = _task(pictures, names, run, split)
    with single_thread():
        generated = run.augment(images, labels, per_class, seed, adapt_steps)
    origins = [names[index] for index in generated.origin.tolist()]
    numbers = [number for _ in classes for number in range(per_class)]
    if run.augmenter.space == "items":
        files = [
            f"{name}/{Path(source).stem[: output_folder.STEM]}-{number:05}.png"
            for name, source, number in zip(generated.labels, origins, numbers, strict=True)
        ]
        shown = _as_uint8(generated)
    else:
        files = [output_folder.FEATURES] * len(generated)
        shown = nearest_pictures(run, generated.items, torch.cat([images, *_training_images(run, images)]))
    common = {
        "ops": run.config.augmenter,
        "params": {"per_class": per_class, "adapt_steps": adapt_steps, "pictures": _digest(images, labels)},
        "seed": seed,
        "plan": "shots: learned",
        "run": str(run.folder),
    }
    with output_folder.write_folder_aside(out, overwrite) as folder:
        with (folder / output_folder.MANIFEST).open("wb") as manifest:
            samples = zip(files, generated.labels, origins, numbers, generated.weight.tolist(), strict=True)
            for row, (file, name, source, number, weight) in enumerate(samples):
                line = {"file": file, "class": name, "source": source, "number": number, **common}
                line |= {"row": row, "weight": weight}
                output_folder.write_line(manifest, line)
        if run.augmenter.space == "items":
            for name in classes:
                (folder / name).mkdir()
            for file, image in zip(files, shown, strict=True):
                to_pil(image).save(folder / file, compress_level=output_folder.COMPRESSION)
        else:
            _write_features(folder / output_folder.FEATURES, generated, labels, classes)
        _write_sheets(folder, run, images, names, generated, shown)
    sheets = [out / output_folder.sheet_name(name) for name in classes]
    features = None if run.augmenter.space == "items" else out / output_folder.FEATURES
    return Exported(out, dict.fromkeys(classes, per_class), sheets, features)


def replay_learned(
    line: Mapping[str, Any], pictures: Path | str, run: AugmenterRun, split: str | None = None
) -> Tensor:
    """Regenerate a sample from its line in the manifest.

    Args:
        line: Line of the manifest.
        pictures: Folder or zip that the samples were generated from.
        run: Run of the augmenter, which the line names.
        split: Split of the images.

    Returns:
        The same uint8 image `[c, h, w]` as in the file, or the same feature `[d]`.

    Raises:
        InputError: If the images have changed, since every sample depends on all of them, or the line was not written
            by `export_learned`.
    """
    pictures = Path(pictures).expanduser()
    images, labels = _task(pictures, file_names(pictures, split), run, split)
    try:
        params, seed, row = line["params"], line["seed"], line["row"]
        per_class, adapt_steps, digest = (params[name] for name in ("per_class", "adapt_steps", "pictures"))
    except (KeyError, TypeError) as error:
        raise InputError(f"this line of a manifest has no usable {error}; give one that export_learned wrote") from None
    if digest != _digest(images, labels):
        raise InputError(f"{pictures}: not the images that the sample was generated from; restore them")
    with single_thread():
        generated = run.augment(images, labels, per_class, seed, adapt_steps)
    return _as_uint8(generated)[row] if run.augmenter.space == "items" else generated.items[row]


def _task(pictures: Path, names: Sequence[str], run: AugmenterRun, split: str | None) -> tuple[Tensor, list[str]]:
    """All images at the size and with the channels of the run, and the class of each."""
    source = load_dataset(pictures, split, size=run.run.size, color=run.run.channels == 3)
    images: Tensor = source.gather(np.arange(len(source)))
    return images, [name.split("/")[-2] for name in names]


def _note_sizes(pictures: Path, names: Sequence[str], run: AugmenterRun) -> None:
    """Print a note if images are resized, and so generated at another size than their own."""
    with open_tree(pictures) as tree:
        headers = [
            read_header(tree.read(parts), tree.describe(parts)) for parts in (tuple(n.split("/")) for n in names)
        ]
    size = run.run.size
    other = sum((header.height, header.width) != (size, size) for header in headers)
    if other:
        first = next(header for header in headers if (header.height, header.width) != (size, size))
        note(
            f"{other:,} of {len(names):,} images (one is {first.width} x {first.height}) are resized to the {size} x "
            f"{size} pixels that the augmenter was trained on; generated samples have that size"
        )


def _digest(images: Tensor, labels: Sequence[str]) -> str:
    digest = hashlib.sha256(images.contiguous().numpy().tobytes())
    digest.update("\n".join(labels).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:16]


def _as_uint8(generated: TailoredSamples) -> Tensor:
    return generated.items.detach().cpu().clamp(0, 1).mul(255).round().to(torch.uint8)


def _training_images(run: AugmenterRun, images: Tensor) -> list[Tensor]:
    """Some images that the learner was trained on, if their data can still be loaded and they have the same shape."""
    try:
        source = load_sources(run.run.config).training
    except InputError as error:
        note(f"nearest images are searched for in the folder alone: {error}")
        return []
    indices = torch.randperm(len(source), generator=generator(0, "pool"))[:POOL].sort().values
    pool: Tensor = source.gather(indices)
    return [pool] if pool.shape[1:] == images.shape[1:] else []


def _write_features(path: Path, generated: TailoredSamples, labels: Sequence[str], classes: Sequence[str]) -> None:
    tensors = {
        "features": generated.items,
        "weights": generated.weight,
        "labels": torch.tensor([classes.index(label) for label in generated.labels]),
        "origins": generated.origin,
        "support_features": generated.support,
        "support_labels": torch.tensor([classes.index(label) for label in labels]),
    }
    on_cpu = {name: tensor.cpu() for name, tensor in tensors.items()}
    write_tensors(path, on_cpu, {"classes": json.dumps(list(classes))})


def _write_sheets(
    folder: Path, run: AugmenterRun, images: Tensor, names: Sequence[str], generated: TailoredSamples, shown: Tensor
) -> None:
    """Write a sheet per class: each original beside images generated from it, or nearest to what was generated."""
    rows: dict[str, list[SheetRow]] = {}
    thumbnails: dict[int, list[Any]] = {}
    for index, name in enumerate(names):
        class_rows = rows.setdefault(name.split("/")[-2], [])
        if len(class_rows) < SHEET_ROWS:
            thumbnails[index] = [thumbnail(images[index], SHEET_CELL)]
            class_rows.append(SheetRow(name.split("/")[-1], thumbnails[index]))
    for origin, image in zip(generated.origin.tolist(), shown, strict=True):
        if len(thumbnails.get(origin, [None] * (SHEET_COLUMNS + 1))) <= SHEET_COLUMNS:
            thumbnails[origin].append(thumbnail(image, SHEET_CELL))
    heading = "generated" if run.augmenter.space == "items" else "nearest real"
    for name, class_rows in rows.items():
        contact = draw_sheet(class_rows, title=name, headings=("original", heading), rules=(1,), cell=SHEET_CELL)
        contact.save(folder / output_folder.sheet_name(name))
