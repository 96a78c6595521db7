"""Made samples as files: pictures in class folders, a contact sheet a class, a manifest that can rebuild each one."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import UInt8
from torch import Tensor

from manyshot.augment import Op, Plan
from manyshot.augment.ops.kinds import require_kind
from manyshot.base import InputError
from manyshot.base.progress import bar
from manyshot.base.seeds import generator
from manyshot.datasets.image_folder import common_depth, file_names, where
from manyshot.datasets.pictures import decode, read_header
from manyshot.datasets.tree import Parts, Tree, open_tree
from manyshot.samples.contact_sheet import Row, picture, sheet, to_pillow
from manyshot.samples.output_folder import MANIFEST, STEM, aside, check_target, sheet_name

MOST = 100_000
"""Largest number of made samples a class."""
SHEET_ROWS, SHEET_COLUMNS, SHEET_CELL = 8, 8, 96
COMPRESSION = 4  # of 9: twice as fast as the usual 6, and files of photographs grow by a hundredth


@dataclass(frozen=True)
class Exported:
    """What was written.

    Args:
        folder: that holds it.
        made: how many samples each class got.
        sheets: the contact sheets, one a class.
    """

    folder: Path
    made: Mapping[str, int]
    sheets: Sequence[Path]

    @property
    def manifest(self) -> Path:
        """The manifest: one line of JSON a sample."""
        return self.folder / MANIFEST


def export(
    pictures: Path | str,
    plan: Plan,
    per_class: int,
    out: Path | str,
    *,
    seed: int = 0,
    split: str | None = None,
    overwrite: bool = False,
) -> Exported:
    """Make new samples of a folder of pictures and write them as files, all or none.

    Every picture keeps its size and stays gray or in colour. The pictures of a class take turns: sample k of a class of
    n comes from picture k modulo n, and its parameters depend on the seed, the class's name and k alone, so asking for
    more later gives the same samples and further ones.

    `out` gets `<class>/<picture>-<k>.png`, `<class>.sheet.png` with originals beside what was made of them, and
    `manifest.jsonl` with one line a sample: file, class, source, number, ops, params, seed, plan (see `replay`).

    Args:
        pictures: a folder with a folder of pictures a class, or a zip of one (see `manyshot.datasets.load_dataset`).
        plan: its shots' ops make the samples; those of the support if it has no shots.
        per_class: samples a class, 1 to 100,000.
        out: the folder to write, which must not be there yet, or be empty.
        seed: the same seed gives the same bytes.
        split: the part of the pictures, where they have parts.
        overwrite: replace `out` if an earlier export wrote all that is in it; anything else is never replaced.

    Raises:
        InputError: if the pictures cannot be read, the plan makes no samples, or `out` is in use.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> photos = Path(tempfile.mkdtemp()) / "photos"
        >>> (photos / "cat").mkdir(parents=True)
        >>> Image.new("RGB", (40, 30)).save(photos / "cat" / "tom.png")
        >>> made = export(photos, Plan("shots: noise"), per_class=2, out=photos.with_name("made"))
        >>> sorted(file.name for file in (made.folder / "cat").iterdir())
        ['tom-00000.png', 'tom-00001.png']
    """
    pictures, out = Path(pictures).expanduser(), Path(out).expanduser()
    op = plan.item_op()
    require_kind(op, "images")
    if not 1 <= per_class <= MOST:
        raise InputError(f"per_class={per_class}: give 1 to {MOST:,} samples a class")
    check_target(pictures, out, overwrite)
    classes = by_class(file_names(pictures, split))
    with aside(out) as folder, open_tree(pictures) as tree, single_thread(), bar() as progress:
        depth = common_depth(tree, [parts for files in classes.values() for parts in files])
        task = progress.add_task("make samples", total=per_class * len(classes), note="")
        with (folder / MANIFEST).open("wb") as manifest:
            for name, files in classes.items():
                (folder / name).mkdir()
                rows: list[Row] = []
                for place, parts in enumerate(files[:per_class]):
                    original = _read(tree, parts, depth)
                    thumbnails = [picture(original, SHEET_CELL)]
                    for number in range(place, per_class, len(files)):
                        made, params = _make(op, original, seed, name, number, where(tree, parts))
                        file = f"{name}/{Path(parts[-1]).stem[:STEM]}-{number:05}.png"
                        to_pillow(made).save(folder / file, compress_level=COMPRESSION)
                        line = _line(file, name, "/".join(parts), number, plan, params, seed, depth)
                        # Half letters in a file's name become the escapes that JSON has for them.
                        manifest.write(
                            (json.dumps(line, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")
                        )
                        if len(rows) < SHEET_ROWS and len(thumbnails) <= SHEET_COLUMNS:
                            thumbnails.append(picture(made, SHEET_CELL))
                        progress.advance(task)
                    if len(rows) < SHEET_ROWS:
                        rows.append(Row(parts[-1], thumbnails))
                contact = sheet(rows, title=name, headings=("original", "made"), rules=(1,), cell=SHEET_CELL)
                contact.save(folder / sheet_name(name))
    sheets = [out / sheet_name(name) for name in classes]
    return Exported(out, dict.fromkeys(classes, per_class), sheets)


def replay(line: Mapping[str, Any], pictures: Path | str) -> UInt8[Tensor, "c h w"]:
    """Make a sample again from its line in the manifest.

    Args:
        line: as read from the manifest.
        pictures: the folder or zip that was exported.

    Returns:
        The same pixels as in the file.

    Raises:
        InputError: if the source is no longer there, or the line is of another kind.
    """
    pictures = Path(pictures).expanduser()
    try:
        op, parts, params = (
            Plan(line["plan"]).item_op(),
            tuple(line["source"].split("/")),
            tensors(line["params"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"a line of a manifest without a usable {error}; give one that export wrote") from None
    with open_tree(pictures) as tree, single_thread():
        if parts not in tree.files:
            raise InputError(
                f"{pictures}: no picture '{line['source']}'; give the folder that the samples were made from"
            )
        return _changed(op, _read(tree, parts, line.get("depth")), params, where(tree, parts))


def _make(
    op: Op, original: UInt8[Tensor, "c h w"], seed: int, name: str, number: int, place: str
) -> tuple[Tensor, dict[str, Any]]:
    params = op.sample(1, generator(seed, "export", name, number))
    return _changed(op, original, params, place), plain(params)


def _changed(op: Op, original: UInt8[Tensor, "c h w"], params: Mapping[str, Any], place: str) -> UInt8[Tensor, "c h w"]:
    try:
        made: Tensor = op.apply(original[None].float() / 255, params)[0]
    except InputError as error:  # an op knows the pixels alone, not whose they are
        raise InputError(f"{place}: {error}") from None
    return made.clamp(0, 1).mul(255).round().to(torch.uint8)


def _read(tree: Tree, parts: Parts, depth: int | None) -> UInt8[Tensor, "c h w"]:
    data, place = tree.read(parts), where(tree, parts)
    header = read_header(data, place)
    return torch.tensor(decode(data, place, (header.height, header.width), header.color, depth))


def _line(
    file: str,
    name: str,
    source: str,
    number: int,
    plan: Plan,
    params: dict[str, Any],
    seed: int,
    depth: int | None,
) -> dict[str, Any]:
    clauses = {placement: clause for clause in plan.syntax.clauses for placement in clause.placements}
    ops = " ".join(map(str, (clauses.get("shots") or clauses["support"]).calls))
    return {
        "file": file,
        "class": name,
        "source": source,
        "number": number,
        "ops": ops,
        "params": params,
        "seed": seed,
        "plan": str(plan),
        **({} if depth is None else {"depth": depth}),
    }


def plain(params: Mapping[str, Any]) -> dict[str, Any]:
    """The params of one item as JSON.

    Example:
        >>> plain({"degrees": torch.tensor([1.5]), "inner": {"on": torch.tensor([True])}})
        {'degrees': 1.5, 'inner': {'on': True}}
    """
    return {name: value[0].tolist() if isinstance(value, Tensor) else plain(value) for name, value in params.items()}


def tensors(params: Mapping[str, Any]) -> dict[str, Any]:
    """Params of one item from JSON.

    Example:
        >>> tensors({"degrees": 1.5})
        {'degrees': tensor([1.5000])}
    """
    return {
        name: tensors(value) if isinstance(value, Mapping) else torch.tensor(value)[None]
        for name, value in params.items()
    }


def by_class(files: Sequence[str]) -> dict[str, list[Parts]]:
    """The pictures of each class, whose names can be those of folders here.

    Raises:
        InputError: if one cannot.

    Example:
        >>> by_class(["cat/tom.png", "cat/tim.png"])
        {'cat': [('cat', 'tom.png'), ('cat', 'tim.png')]}
    """
    classes: dict[str, list[Parts]] = {}
    for file in files:
        parts = tuple(file.split("/"))
        if Path(parts[-2]).name != parts[-2]:  # a drive or a backslash, on the systems where that means something
            raise InputError(f"class '{parts[-2]}': its name cannot be the name of a folder here; rename it")
        classes.setdefault(parts[-2], []).append(parts)
    return classes


@contextmanager
def single_thread() -> Iterator[None]:
    """Compute on one thread: sums over pixels depend on their number in the last bit, and the bytes must not.

    Example:
        >>> with single_thread():
        ...     torch.get_num_threads()
        1
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
