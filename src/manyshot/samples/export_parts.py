"""Export augmented examples of several parts: a table with its files, and a manifest to regenerate each."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from manyshot.augment import Op, Plan
from manyshot.augment.ops.variants import apply_in_tasks
from manyshot.base import InputError
from manyshot.base.progress import bar
from manyshot.base.seeds import generator
from manyshot.base.sound import RATE
from manyshot.datasets.folder_or_zip import ItemFile
from manyshot.datasets.list_multipart import ListedParts, PartsRow, list_parts
from manyshot.datasets.pictures import decode, read_header
from manyshot.datasets.sound_files import decode_mono, encode_wav
from manyshot.datasets.table_reader import Columns
from manyshot.samples import output_folder
from manyshot.samples.output_folder import Exported
from manyshot.samples.write_variants import params_from_json, params_to_json, single_thread
from manyshot.tasks import Parts

TABLE = "table.csv"
LABEL = "label"
PROVENANCE = ("source", "number")


def export_parts(
    path: Path | str,
    plan: Plan,
    per_class: int,
    out: Path | str,
    *,
    columns: Columns | None = None,
    seed: int = 0,
    split: str | None = None,
    overwrite: bool = False,
) -> Exported:
    """Generate new examples of several parts, and write them as a table beside their files.

    Sample k of a class of n examples is generated from example k mod n, and its parameters depend only on the seed, the
    class name and k; each op changes the part of its kind, a joint op several. Pictures keep their size, recordings
    become WAV of one channel at 16,000 samples per second. `out` receives `table.csv` with a column for each part (and
    for each column of numbers), the files, and `manifest.jsonl`. A part that an example lacks is empty in the table.

    Args:
        path: Table, or folder or zip, see `manyshot.datasets.list_multipart`.
        plan: Plan whose ops for shots generate the samples; its ops for the support if it has none for shots.
        per_class: Number of samples per class, 1 to 100,000.
        out: Folder to write; it must be empty or not exist yet.
        columns: Columns of a table.
        seed: Seed; the same seed gives the same bytes.
        split: Split of a folder that has splits.
        overwrite: Whether to replace `out` if an earlier export wrote all of it.

    Returns:
        The folder, and the number of samples of each class; there are no sheets.

    Raises:
        InputError: If the examples cannot be read, an op finds no part or two, or `out` is in use.
    """
    path, out = Path(path).expanduser(), Path(out).expanduser()
    op = plan.item_op()
    output_folder.check_per_class(per_class)
    output_folder.check_target(path, out, overwrite)
    listed = list_parts(path, columns, split)
    if LABEL in (*listed.kinds, *listed.numbers) or any(name in listed.kinds for name in PROVENANCE):
        raise InputError(f"{path}: a part is called '{LABEL}', 'source' or 'number'; rename the column")
    classes: dict[str, list[PartsRow]] = {}
    for row in listed.rows:
        classes.setdefault(str(row.label), []).append(row)
    classes = dict(sorted(classes.items()))
    output_folder.check_class_names(classes, str(path))
    with output_folder.write_folder_aside(out, overwrite) as folder, single_thread(), bar() as progress:
        task = progress.add_task("generate samples", total=per_class * len(classes), note="")
        with (
            (folder / output_folder.MANIFEST).open("wb") as manifest,
            (folder / TABLE).open("w", encoding="utf-8", newline="") as table,
        ):
            writer = csv.writer(table)
            files = [name for name, kind in listed.kinds.items() if kind != "features"]
            writer.writerow((LABEL, *files, *listed.numbers, *PROVENANCE))
            for name, rows in classes.items():
                (folder / name).mkdir()
                for number in range(per_class):
                    row = rows[number % len(rows)]
                    params = op.sample(1, generator(seed, "export", name, number))
                    sample = _apply(op, _read(listed, row), params)
                    cells = _write(folder, f"{name}/{number:05}", listed, sample)
                    writer.writerow((name, *cells, row.name, number))
                    line = {"sample": number, "class": name, "source": row.name, "cells": cells}
                    line |= {"plan": str(plan), "seed": seed, "params": params_to_json(params)}
                    output_folder.write_line(manifest, line)
                    progress.advance(task)
    return Exported(out, dict.fromkeys(classes, per_class), [])


def replay_parts(line: Mapping[str, Any], path: Path | str, columns: Columns | None = None) -> Parts:
    """Regenerate a sample from its line in the manifest.

    Args:
        line: Line of the manifest.
        path: The table or folder that the sample was made from.
        columns: Columns of the table, as they were.

    Returns:
        Parts of one example.

    Raises:
        InputError: If the example is not there any more.
    """
    listed = list_parts(Path(path).expanduser(), columns)
    row = next((row for row in listed.rows if row.name == line["source"]), None)
    if row is None:
        raise InputError(f"{path}: no '{line['source']}'; give what the samples were made from")
    return _apply(Plan(line["plan"]).item_op(), _read(listed, row), params_from_json(line["params"]))


def _apply(op: Op, parts: Parts, params: Mapping[str, Any]) -> Parts:
    changed: Parts = apply_in_tasks(op, parts.both(_in_one_task), params, floats=False)
    return changed.both(lambda value: value[0])


def _in_one_task(value: Any) -> Any:  # noqa: ANN401 - a tensor or a list
    return value[None] if isinstance(value, Tensor) else [value]


def _read(listed: ListedParts, row: PartsRow) -> Parts:
    """One example, decoded, with placeholders for what it lacks."""
    values: dict[str, Any] = {}
    for name, kind in listed.kinds.items():
        cell = row.cells[name]
        if kind == "texts":
            values[name] = [cell or ""]
        elif kind == "features":
            values[name] = torch.tensor([cell or (0.0,) * len(listed.numbers)])
        else:
            values[name] = _decoded(cell, kind)
    there = {name: torch.tensor([row.cells[name] is not None]) for name in listed.kinds}
    return Parts(values, there)


def _decoded(cell: ItemFile | None, kind: str) -> Tensor:
    if kind == "sounds":
        sound = torch.zeros(1, dtype=torch.int16) if cell is None else decode_mono(cell.read(), cell.where)
        return sound[None, None]
    if cell is None:
        return torch.zeros(1, 3, 1, 1, dtype=torch.uint8)
    data = cell.read()
    header = read_header(data, cell.where)
    return torch.from_numpy(decode(data, cell.where, (header.height, header.width), header.color))[None]


def _write(folder: Path, stem: str, listed: ListedParts, sample: Parts) -> Sequence[str]:
    """Write the files of a sample, and return the cells of its row."""
    cells = []
    numbers = [""] * len(listed.numbers)
    for name, kind in listed.kinds.items():
        there, value = bool(sample.there[name][0]), sample[name]
        if kind == "features":
            numbers = [f"{number:g}" if there and number == number else "" for number in value[0].tolist()]
        elif not there:
            cells.append("")
        elif kind == "texts":
            cells.append(value[0])
        else:
            file = f"{stem}-{_safe(name)}{'.png' if kind == 'images' else '.wav'}"
            (folder / file).write_bytes(_png(value[0]) if kind == "images" else encode_wav(value[0], RATE))
            cells.append(file)
    return [*cells, *numbers]


def _safe(name: str) -> str:
    """A name of a column as part of the name of a file."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)[:40]


def _png(pixels: Tensor) -> bytes:
    array = pixels.permute(1, 2, 0).numpy() if pixels.shape[0] > 1 else pixels[0].numpy()
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(array)).save(file, "PNG")
    return file.getvalue()
