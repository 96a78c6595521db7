"""Whether every picture of a person's own folder or zip can be read."""

from dataclasses import dataclass
from pathlib import Path

from manyshot.base import InputError, track
from manyshot.datasets.image_folder import list_classes, split_names
from manyshot.datasets.pictures import decode, read_header
from manyshot.datasets.tree import open_tree


@dataclass(frozen=True)
class FolderState:
    """What reading all pictures of a folder came to.

    Args:
        pictures: how many there are.
        classes: how many; a class that several parts have counts once.
        broken: one line for each picture that cannot be read: which, why, and the mend.
    """

    pictures: int
    classes: int
    broken: tuple[str, ...]


def check_pictures(path: Path, split: str | None = None) -> FolderState:
    """Decode every picture of a folder or zip, and go on after a broken one.

    Args:
        path: of the folder or zip.
        split: the part to check, where there are parts; all of them if None.

    Raises:
        InputError: if there are no class folders, or the zip is broken as a whole.

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
                data, place = tree.read(parts), tree.describe(parts)
                header = read_header(data, place)
                decode(data, place, (header.height, header.width), header.color)
            except InputError as error:
                broken.append(str(error))
    return FolderState(len(files), len({name for name, _ in classes}), tuple(broken))
