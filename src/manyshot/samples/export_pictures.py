"""Export augmented images to class folders, with a contact sheet per class and a manifest to regenerate each one."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import UInt8
from torch import Tensor

from manyshot.augment import Op, Plan
from manyshot.augment.ops.item_kinds import require_kind
from manyshot.base import InputError
from manyshot.datasets.folder_or_zip import PathParts, Tree, open_tree
from manyshot.datasets.image_folder import common_depth, file_names
from manyshot.datasets.pictures import decode_in_own_size
from manyshot.datasets.windowed_pictures import windowed_tree
from manyshot.samples import output_folder
from manyshot.samples.contact_sheet import to_pil
from manyshot.samples.output_folder import Exported
from manyshot.samples.write_variants import FileKind, parse_line, single_thread, write_variants

MAX_PIXELS = 50_000_000
"""Largest number of pixels of an image that is augmented, of which each takes some 30 bytes of memory."""


def export(
    pictures: Path | str,
    plan: Plan,
    per_class: int,
    out: Path | str,
    *,
    seed: int = 0,
    split: str | None = None,
    overwrite: bool = False,
    window: str | None = None,
    fill_up: bool = False,
) -> Exported:
    """Generate new samples from a folder of images and write them to files; nothing is written if it fails.

    Every image keeps its size and stays gray or in color. Sample k of a class of n images is generated from image
    k mod n, and its parameters depend only on the seed, the class name and k, so a larger export with the same seed
    contains the smaller one.

    `out` receives `<class>/<image>-<k>.png`, `<class>.sheet.png` with originals beside generated samples, and
    `manifest.jsonl` with one line per sample: file, class, source, number, ops, params, seed, plan (see `replay`).

    Args:
        pictures: Folder with one folder of images per class, or a zip of one (see `manyshot.datasets.load_dataset`).
        plan: Plan whose ops for shots generate the samples; its ops for the support if it has none for shots.
        per_class: Number of samples per class, 1 to 100,000.
        out: Folder to write; it must be empty or not exist yet.
        seed: Seed; the same seed gives the same bytes.
        split: Split of the images, if they are divided into splits.
        overwrite: Whether to replace `out` if an earlier export wrote all of it; anything else is never replaced.
        window: Which gray values become black and white, see `parse_window`; the range of the bits in use if None.
        fill_up: Whether `per_class` counts the images that are there, so that rare classes get more samples, and
            classes that have as many get none.

    Returns:
        The folder, the number of samples of each class, and the contact sheets.

    Raises:
        InputError: If the images cannot be read, the plan generates no samples, or `out` is in use.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> photos = Path(tempfile.mkdtemp()) / "photos"
        >>> (photos / "cat").mkdir(parents=True)
        >>> Image.new("RGB", (40, 30)).save(photos / "cat" / "tom.png")
        >>> exported = export(photos, Plan("shots: noise"), per_class=2, out=photos.with_name("generated"))
        >>> sorted(file.name for file in (exported.folder / "cat").iterdir())
        ['tom-00000.png', 'tom-00001.png']
    """
    pictures, out = Path(pictures).expanduser(), Path(out).expanduser()
    op = plan.item_op()
    require_kind(op, "images")
    output_folder.check_per_class(per_class)
    output_folder.check_target(pictures, out, overwrite)
    classes = group_by_class(file_names(pictures, split))
    output_folder.check_class_names(classes, str(pictures))
    wanted = output_folder.count_wanted(classes, per_class, fill_up, pictures)
    with (
        output_folder.write_folder_aside(out, overwrite) as folder,
        open_tree(pictures) as files_there,
        single_thread(),
    ):
        tree = windowed_tree(files_there, window)
        depth = common_depth(tree, [parts for files in classes.values() for parts in files])
        noted = {"depth": depth, "window": window}
        kind = FileKind(
            ".png",
            read=lambda parts: _read(tree, parts, depth),
            change=lambda original, params, parts: _apply(op, original, params, tree.describe(parts)),
            write=lambda sample, path: to_pil(sample).save(path, compress_level=output_folder.COMPRESSION),
            show=lambda picture: picture,
            more={name: value for name, value in noted.items() if value is not None},
        )
        write_variants(kind, plan, classes, wanted, folder, seed)
    return Exported(out, wanted, output_folder.sheets_in(out, wanted))


def replay(line: Mapping[str, Any], pictures: Path | str) -> UInt8[Tensor, "c h w"]:
    """Regenerate a sample from its line in the manifest.

    Args:
        line: Line of the manifest.
        pictures: Folder or zip that the samples were generated from.

    Returns:
        The same uint8 pixels as in the file.

    Raises:
        InputError: If the source image no longer exists, or the line was not written by `export`.
    """
    pictures = Path(pictures).expanduser()
    op, parts, params = parse_line(line, "export")
    with open_tree(pictures) as files_there, single_thread():
        tree = windowed_tree(files_there, line.get("window"))
        if parts not in tree.files:
            raise InputError(
                f"{pictures}: no image '{line['source']}'; give the folder that the samples were generated from"
            )
        return _apply(op, _read(tree, parts, line.get("depth")), params, tree.describe(parts))


def _apply(op: Op, original: UInt8[Tensor, "c h w"], params: Mapping[str, Any], where: str) -> UInt8[Tensor, "c h w"]:
    try:
        changed: Tensor = op.apply(original[None].float().div_(255), params)[0]
    except InputError as error:  # an op does not know which file its images come from
        raise InputError(f"{where}: {error}") from None
    # A channel at a time, since floats take four times the memory.
    return torch.stack([channel.clamp(0, 1).mul_(255).round_().to(torch.uint8) for channel in changed])


def _read(tree: Tree, parts: PathParts, depth: int | None) -> UInt8[Tensor, "c h w"]:
    return torch.tensor(decode_in_own_size(tree.read(parts), tree.describe(parts), MAX_PIXELS, depth))


def group_by_class(files: Sequence[str]) -> dict[str, list[PathParts]]:
    """Group the paths of images by class.

    Args:
        files: Paths of the images, such as "cat/tom.png".

    Returns:
        The parts of each path, by the name of the class.

    Raises:
        InputError: If the name of a class is not a valid folder name on this system.

    Example:
        >>> group_by_class(["cat/tom.png", "cat/tim.png"])
        {'cat': [('cat', 'tom.png'), ('cat', 'tim.png')]}
    """
    classes: dict[str, list[PathParts]] = {}
    for file in files:
        parts = tuple(file.split("/"))
        if Path(parts[-2]).name != parts[-2]:  # a drive letter or a backslash, on Windows
            raise InputError(f"class '{parts[-2]}': not a valid folder name on this system; rename the class")
        classes.setdefault(parts[-2], []).append(parts)
    return classes
