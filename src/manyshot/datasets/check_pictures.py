"""Check that every image of a folder or zip can be read, and find those that are there twice."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from manyshot.base import InputError, track
from manyshot.datasets.find_duplicate_pictures import find_duplicate_pictures, fingerprint
from manyshot.datasets.folder_or_zip import PathParts, open_tree
from manyshot.datasets.image_folder import list_classes, split_names
from manyshot.datasets.pictures import decode, read_header


@dataclass(frozen=True)
class FolderState:
    """Result of `check_pictures`.

    Args:
        pictures: Number of images.
        classes: Number of classes; a class that occurs in several splits counts once.
        broken: One message for each image that cannot be read.
        duplicates: Pairs of images that look the same, as their paths: `equal` ones have the same pixels, others may be
            resaved or resized. An image that occurs several times is paired with the first.
    """

    pictures: int
    classes: int
    broken: tuple[str, ...]
    duplicates: tuple["DuplicateFiles", ...] = ()

    @property
    def duplicates_in_two_classes(self) -> tuple["DuplicateFiles", ...]:
        """The pairs whose images are of different classes, of which one label must be wrong."""
        return tuple(pair for pair in self.duplicates if pair.first[-2] != pair.second[-2])

    @property
    def duplicates_in_two_splits(self) -> tuple["DuplicateFiles", ...]:
        """The pairs whose images are in different splits, so that what is tested on was trained on."""
        return tuple(pair for pair in self.duplicates if pair.first[:-2] != pair.second[:-2])


class DuplicateFiles(NamedTuple):
    """The paths of two images that look the same, and whether all their pixels are equal."""

    first: PathParts
    second: PathParts
    equal: bool


def check_pictures(path: Path, split: str | None = None) -> FolderState:
    """Decode every image of a folder or zip; collect those that are damaged, and pairs that look the same.

    Args:
        path: Folder or zip.
        split: Split to check; None for all.

    Raises:
        InputError: If there are no class folders, or the zip itself is damaged.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "cat").mkdir()
        >>> Image.new("L", (8, 8)).save(folder / "cat" / "tom.png")
        >>> check_pictures(folder)
        FolderState(pictures=1, classes=1, broken=(), duplicates=())
    """
    broken: list[str] = []
    seen: list[tuple[int, int] | None] = []
    with open_tree(path) as tree:
        chosen = (split_names(tree) or (None,)) if split is None else (split,)
        classes = [members for part in chosen for members in list_classes(tree, part)[1].items()]
        files = [parts for _, members in sorted(classes) for parts in members]
        for parts in track(files, f"check {path.name}"):
            try:
                data, where = tree.read(parts), tree.describe(parts)
                header = read_header(data, where)
                seen.append(fingerprint(decode(data, where, (header.height, header.width), header.color)))
            except InputError as error:
                broken.append(str(error))
                seen.append(None)
    duplicates = tuple(
        DuplicateFiles(files[one.first], files[one.second], one.equal) for one in find_duplicate_pictures(seen)
    )
    return FolderState(len(files), len({name for name, _ in classes}), tuple(broken), duplicates)
