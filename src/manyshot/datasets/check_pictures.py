"""Check that every image of a folder or zip can be read."""

from dataclasses import dataclass
from pathlib import Path

from manyshot.base import InputError, track
from manyshot.datasets.image_folder import list_classes, split_names
from manyshot.datasets.pictures import decode, read_header
from manyshot.datasets.tree import open_tree


@dataclass(frozen=True)
class FolderState:
    """Result of `check_pictures`.

    Args:
        pictures: Number of images.
        classes: Number of classes; a class that occurs in several splits counts once.
        broken: One message for each image that cannot be read.
    """

    pictures: int
    classes: int
    broken: tuple[str, ...]


def check_pictures(path: Path, split: str | None = None) -> FolderState:
    """Decode every image of a folder or zip and collect those that are damaged.

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
        FolderState(pictures=1, classes=1, broken=())
    """
    broken = []
    with open_tree(path) as tree:
        chosen = (split_names(tree) or (None,)) if split is None else (split,)
        classes = [members for part in chosen for members in list_classes(tree, part)[1].items()]
        files = [parts for _, members in sorted(classes) for parts in members]
        for parts in track(files, f"check {path.name}"):
            try:
                data, where = tree.read(parts), tree.describe(parts)
                header = read_header(data, where)
                decode(data, where, (header.height, header.width), header.color)
            except InputError as error:
                broken.append(str(error))
    return FolderState(len(files), len({name for name, _ in classes}), tuple(broken))
