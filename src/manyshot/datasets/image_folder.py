"""Load images from class folders or a zip: `cat/1.jpg`, `dog/2.png`; or the same below `train/`, `val/`, `test/`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from manyshot.base import InputError, did_you_mean, track
from manyshot.base.progress import console
from manyshot.datasets.folder_or_zip import PathParts, Tree, open_tree
from manyshot.datasets.group_names import match_groups
from manyshot.datasets.pictures import Header, decode_all, read_header, used_depth
from manyshot.datasets.pixel_cache import Allocate, Contents, cached_source
from manyshot.datasets.text_table import TEXTS
from manyshot.datasets.window import parse_window
from manyshot.datasets.windowed_pictures import windowed_tree
from manyshot.tasks import Source
from manyshot.tasks.names import numbered

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".heic", ".heif")
SPLITS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
"""Names of folders that are splits, and the name of the split here."""

USUAL_SIZE = 84
"""Side of images of different sizes, in pixels; that of mini-ImageNet."""
LARGEST_OWN_SIZE = 256
"""Largest side at which square images of one size keep it, in pixels."""


def load_folder(
    path: Path,
    split: str | None = None,
    size: int | None = None,
    color: bool | None = None,
    group_by: str | None = None,
    window: str | None = None,
) -> Source:
    """Load the images of a folder or zip with one folder per class.

    A folder that contains nothing but one other folder is skipped. Other files are left out with a note.

    Args:
        path: Folder or zip.
        split: "train", "validation" or "test", if there are such folders above the classes; None for "train".
        size: Height and width in pixels; None to keep the size of the images if all are squares of one size up to 256,
            and 84 otherwise.
        color: Three channels (True) or one (False); None for three if any image has colors.
        group_by: Regular expression on "class/file" that finds whose picture it is, such as the patient's; see
            `match_groups`. The patients become the authors of the source.
        window: Which gray values become black and white, such as "percentile(0.5, 99.5)" or "lung", see `parse_window`;
            None for the range of the bits that the pictures use.

    Returns:
        A source of uint8 images `[n, c, size, size]`; the images of a class are in the order of their file names.

    Raises:
        InputError: If there are no class folders, one of them has no images or contains folders, an image is damaged or
            too large, or a zip is unsafe.
    """
    with open_tree(path) as tree:
        part, classes = list_classes(tree, split)
        name = path.resolve().stem + ("" if part is None else f"/{part}")
        key = {
            "path": str(path.resolve()),
            "split": part,
            "size": size,
            "color": color,
            "stamp": tree.stamp,
            "depth": "used",
        } | ({} if window is None else {"window": parse_window(window).text})
        source = cached_source(
            name, key, lambda allocate: fill(windowed_tree(tree, window), classes, size, color, allocate)
        )
    if group_by is None:
        return source
    files = ["/".join(parts[-2:]) for folder in sorted(classes) for parts in classes[folder]]
    author_names, authors = numbered(match_groups(files, group_by, str(path)))
    return replace(source, authors=authors, author_names=author_names)


def file_names(path: Path, split: str | None = None) -> tuple[str, ...]:
    """Names of the files that `load_folder` loads, such as "cat/1.png", in the order of the images."""
    with open_tree(path) as tree:
        _, classes = list_classes(tree, split)
    return tuple("/".join(parts) for name in sorted(classes) for parts in classes[name])


def read_headers(path: Path, split: str | None = None) -> dict[str, Header]:
    """Headers of the images by file name, in the order of `file_names`; without notes on other files."""
    with open_tree(path) as tree:
        _, classes = list_classes(tree, split, notes=False)
        files = [parts for name in sorted(classes) for parts in classes[name]]
        return {"/".join(parts): header for parts, header in zip(files, _headers(tree, files), strict=True)}


def fill(
    tree: Tree, classes: dict[str, list[PathParts]], size: int | None, color: bool | None, allocate: Allocate
) -> Contents:
    """Decode the images of all classes into the array that `allocate` returns; see `load_folder` for the options."""
    labels = [name for name in sorted(classes) for _ in classes[name]]
    files = [parts for name in sorted(classes) for parts in classes[name]]
    if size is None or color is None:
        own_size, own_color = _size_and_color(tree, files)
        size, color = size or own_size, own_color if color is None else color
    pixels = allocate(len(files), 3 if color else 1, size, size)
    indices = track(range(len(files)), f"decode {tree.path.name}")
    decode_all(indices, lambda i: (tree.read(files[i]), tree.describe(files[i])), pixels, color)
    return Contents(labels=labels)


def common_depth(tree: Tree, files: Sequence[PathParts]) -> int | None:
    """Largest number of bits that the 16-bit images use (see `decode`); None if there are none."""
    depths = [used_depth(tree.read(parts), tree.describe(parts)) for parts in files]
    return max((depth for depth in depths if depth is not None), default=None)


def _size_and_color(tree: Tree, files: Sequence[PathParts]) -> tuple[int, bool]:
    """Default size of the images, and whether any has colors."""
    headers = _headers(tree, files)
    sizes = {(header.height, header.width) for header in headers}
    height, width = min(sizes)
    fits = len(sizes) == 1 and height == width <= LARGEST_OWN_SIZE
    return height if fits else USUAL_SIZE, any(header.color for header in headers)


def _headers(tree: Tree, files: Sequence[PathParts]) -> list[Header]:
    return [read_header(tree.read(parts), tree.describe(parts)) for parts in track(files, f"read {tree.path.name}")]


def list_classes(
    tree: Tree, split: str | None, notes: bool = True, suffixes: tuple[str, ...] = SUFFIXES
) -> tuple[str | None, dict[str, list[PathParts]]]:
    """Find the chosen split, if there are splits, and the files of each class in it.

    Args:
        tree: Folder or zip.
        split: Split; None for the first.
        notes: Whether to print notes on files that are left out.
        suffixes: File name extensions of images, of texts, or of recordings.

    Raises:
        InputError: If there are no such files, no class folders, or no such split.
    """
    what = {SUFFIXES: "pictures", TEXTS: "texts"}.get(suffixes, "recordings")
    files = [parts for parts in tree.files if parts[-1].lower().endswith(suffixes)]
    if not files:
        raise InputError(f"{tree.path}: no {what} ({', '.join(suffixes)}); use one folder per class")
    base = _base(tree, files)
    depth = len(base)
    known = _split_folders(tree, files, base)
    part = None
    if known:
        part = _choose(tree, known, split)
        base, depth = (*base, known[part]), depth + 1
    elif split is not None:
        raise InputError(f"{tree.path}: no split '{split}', since there are no folders train, validation or test")
    here = [parts for parts in files if parts[:depth] == base]
    classes = _by_class(tree, here, base, what)
    if notes:
        others = [parts for parts in tree.files if parts[:depth] == base and not parts[-1].lower().endswith(suffixes)]
        _note(tree, others, f"is not a {what[:-1]}", f"are not {what}")
        stray = [parts for parts in here if len(parts) == depth + 1]
        _note(tree, stray, "is outside the class folders", "are outside the class folders")
    return part, classes


def is_picture(parts: PathParts) -> bool:
    """Whether a file has the extension of an image."""
    return parts[-1].lower().endswith(SUFFIXES)


def _base(tree: Tree, pictures: list[PathParts]) -> PathParts:
    """Path to the classes, through folders that contain nothing but one other folder."""
    base: PathParts = ()
    while all(len(p) > len(base) + 2 for p in pictures):
        depth = len(base)
        tops = {p[depth] for p in (*pictures, *tree.folders) if len(p) > depth and p[:depth] == base}
        if len(tops) > 1 or min(tops).lower() in SPLITS:
            break
        base = (*base, *tops)
    return base


def split_names(tree: Tree) -> tuple[str, ...]:
    """Names of the splits above the classes, the default one first; empty if there are none."""
    pictures = [parts for parts in tree.files if is_picture(parts)]
    return tuple(_split_folders(tree, pictures, _base(tree, pictures))) if pictures else ()


def _split_folders(tree: Tree, pictures: list[PathParts], base: PathParts) -> dict[str, str]:
    """Folder of each split, in the order of `SPLITS`."""
    depth = len(base)
    # A class may be called "train" too; then it contains images directly.
    shallow = {p[depth] for p in pictures if len(p) == depth + 2}
    folders = {p[depth] for p in pictures if len(p) > depth + 2 and p[depth].lower() in SPLITS} - shallow
    known: dict[str, str] = {}
    for folder in sorted(folders, key=lambda folder: ([*SPLITS].index(folder.lower()), folder)):
        part = SPLITS[folder.lower()]
        if part in known:
            raise InputError(
                f"{tree.path}: '{known[part]}' and '{folder}' are both the {part} split; merge or rename one"
            )
        known[part] = folder
    return known


def _choose(tree: Tree, known: dict[str, str], split: str | None) -> str:
    """Name of the chosen split."""
    if split is None:
        return next(iter(known))
    part = SPLITS.get(split.lower(), split)
    if part not in known:
        raise InputError(f"{tree.path}: no split '{split}'; {did_you_mean(split, known)}")
    return part


def _by_class(tree: Tree, files: list[PathParts], base: PathParts, what: str) -> dict[str, list[PathParts]]:
    depth = len(base)
    for parts in files:
        if len(parts) > depth + 2:
            raise InputError(
                f"{tree.describe(parts)}: is deeper than CLASS/FILE; move it up into '{parts[depth]}', "
                "or make its own folder a class"
            )
    classes: dict[str, list[PathParts]] = {
        folder[depth]: [] for folder in tree.folders if len(folder) == depth + 1 and folder[:depth] == base
    }
    if not classes:
        raise InputError(f"{tree.path}: {what} but no class folders; use one folder per class")
    for parts in files:
        if len(parts) == depth + 2:
            classes[parts[depth]].append(parts)
    for name, members in classes.items():
        if not members:
            raise InputError(f"{tree.describe((*base, name))}: a class folder without {what}; add some or remove it")
    return classes


def _note(tree: Tree, left_out: list[PathParts], one: str, several: str) -> None:
    if left_out:
        first = "/".join(left_out[0])
        what = f"'{first}' {one}" if len(left_out) == 1 else f"{len(left_out)} files {several}, such as '{first}'"
        console.print(f"{tree.path}: skipped: {what}", markup=False, highlight=False, soft_wrap=True)
