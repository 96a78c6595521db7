"""Write augmented files of each class, with a contact sheet and a manifest from which each file can be regenerated."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from PIL import Image
from torch import Tensor

from manyshot.augment import Op, Plan
from manyshot.base import InputError
from manyshot.base.progress import bar
from manyshot.base.seeds import generator
from manyshot.datasets.folder_or_zip import PathParts
from manyshot.samples.contact_sheet import SheetRow, draw_sheet, thumbnail
from manyshot.samples.output_folder import MANIFEST, STEM, sheet_name, write_line

Item = TypeVar("Item")
SHEET_ROWS, SHEET_COLUMNS, SHEET_CELL = 8, 8, 96


@dataclass(frozen=True)
class FileKind(Generic[Item]):
    """How files of one kind are read, changed, written and shown.

    Args:
        suffix: Suffix of the files that are written.
        read: Reads a file.
        change: Changes what a file holds by the params of one item; the parts of its path are for errors.
        write: Writes what `change` returned.
        show: Draws an original or a sample for the sheet.
        more: Further entries of the lines of the manifest.
    """

    suffix: str
    read: Callable[[PathParts], Item]
    change: Callable[[Item, Mapping[str, Any], PathParts], Item]
    write: Callable[[Item, Path], object]
    show: Callable[[Item], Tensor | Image.Image]
    more: Mapping[str, Any] = field(default_factory=dict)


def write_variants(
    kind: FileKind[Item],
    plan: Plan,
    classes: Mapping[str, Sequence[PathParts]],
    wanted: Mapping[str, int],
    folder: Path,
    seed: int,
) -> None:
    """Write samples of each class, with a sheet of originals beside samples and a line of the manifest for each one.

    Sample k of a class of n files is generated from file k mod n, and its params depend only on the seed, the class
    name and k.

    Args:
        kind: How the files are read, changed, written and shown.
        plan: Plan whose ops generate the samples.
        classes: Paths of the files of each class.
        wanted: Number of samples of each class; those without samples have neither folder nor sheet.
        folder: Folder to write to.
        seed: Seed of the draws.
    """
    op = plan.item_op()
    with bar() as progress, (folder / MANIFEST).open("wb") as manifest:
        task = progress.add_task("generate samples", total=sum(wanted.values()), note="")
        for name, files in classes.items():
            if not wanted[name]:
                continue
            (folder / name).mkdir()
            rows: list[SheetRow] = []
            for index, parts in enumerate(files[: wanted[name]]):
                original = kind.read(parts)
                thumbnails = [thumbnail(kind.show(original), SHEET_CELL)]
                for number in range(index, wanted[name], len(files)):
                    params = op.sample(1, generator(seed, "export", name, number))
                    sample = kind.change(original, params, parts)
                    file = f"{name}/{Path(parts[-1]).stem[:STEM]}-{number:05}{kind.suffix}"
                    kind.write(sample, folder / file)
                    line = sample_line(file, name, "/".join(parts), number, plan, params, seed)
                    write_line(manifest, {**line, **kind.more})
                    if len(rows) < SHEET_ROWS and len(thumbnails) <= SHEET_COLUMNS:
                        thumbnails.append(thumbnail(kind.show(sample), SHEET_CELL))
                    progress.advance(task)
                if len(rows) < SHEET_ROWS:
                    rows.append(SheetRow(parts[-1], thumbnails))
            contact = draw_sheet(rows, title=name, headings=("original", "generated"), rules=(1,), cell=SHEET_CELL)
            contact.save(folder / sheet_name(name))


def sample_line(
    file: str, name: str, source: str, number: int, plan: Plan, params: Mapping[str, Any], seed: int
) -> dict[str, Any]:
    """A sample's line of the manifest.

    Args:
        file: Path of the sample in the folder.
        name: Name of its class.
        source: Path of the original.
        number: Index of the sample in its class.
        plan: Plan that generated it.
        params: Params of its ops, as drawn for one item.
        seed: Seed of the draws.
    """
    clauses = {placement: clause for clause in plan.syntax.clauses for placement in clause.placements}
    return {
        "file": file,
        "class": name,
        "source": source,
        "number": number,
        "ops": " ".join(map(str, (clauses.get("shots") or clauses["support"]).calls)),
        "params": params_to_json(params),
        "seed": seed,
        "plan": str(plan),
    }


def parse_line(line: Mapping[str, Any], written_by: str) -> tuple[Op, PathParts, dict[str, Any]]:
    """The op, the parts of the original's path and the params of a sample, from its line of the manifest.

    Args:
        line: The line.
        written_by: What writes such lines, for errors.

    Raises:
        InputError: If it is no such line.
    """
    try:
        return Plan(line["plan"]).item_op(), tuple(line["source"].split("/")), params_from_json(line["params"])
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"this line of a manifest has no usable {error}; give one that {written_by} wrote") from None


def params_to_json(params: Mapping[str, Any]) -> dict[str, Any]:
    """Convert the params of one item to plain values for JSON.

    Example:
        >>> params_to_json({"degrees": torch.tensor([1.5]), "inner": {"on": torch.tensor([True])}})
        {'degrees': 1.5, 'inner': {'on': True}}
    """
    return {
        name: value[0].tolist() if isinstance(value, Tensor) else params_to_json(value)
        for name, value in params.items()
    }


def params_from_json(params: Mapping[str, Any]) -> dict[str, Any]:
    """Convert the params of one item from JSON back to tensors.

    Example:
        >>> params_from_json({"degrees": 1.5})
        {'degrees': tensor([1.5000])}
    """
    return {
        name: params_from_json(value) if isinstance(value, Mapping) else torch.tensor(value)[None]
        for name, value in params.items()
    }


@contextmanager
def single_thread() -> Iterator[None]:
    """Run PyTorch on one thread inside the block, so that rounding does not depend on the number of threads.

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
