"""Folders and zips of scans: NIfTI files and series of DICOM slices, with masks beside them.

images/a.nii.gz   labels/a.nii.gz       masks of the same name, in labels/ or masks/
cat/a.nii.gz      cat/b/001.dcm ...     a folder per class; a folder of slices is one scan
a.nii.gz          b.nii.gz              scans of one class
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from manyshot.base import InputError, read_bytes
from manyshot.datasets.dicom import is_dicom, read_picture, read_series
from manyshot.datasets.folder_or_zip import MAX_FILE_BYTES, PathParts, Tree, open_tree
from manyshot.datasets.nifti import is_nifti, read_nifti
from manyshot.datasets.scan import Scan

MASK_FOLDERS = ("labels", "masks", "labelsTr", "segmentations")
"""Names of folders of masks, beside the folder of scans."""
SAME_PLACE = 0.1
"""Largest distance in millimeters between the corners of a scan and of its mask."""


@dataclass(frozen=True)
class ScanFile:
    """A scan in a folder.

    Args:
        name: Its name: that of the file without its suffix, or of the folder of slices.
        class_name: Folder that it lies in, its class.
        files: The file, or the slices.
        mask: The file of its mask; None if there is none.
    """

    name: str
    class_name: str
    files: tuple[PathParts, ...]
    mask: PathParts | None = None


def holds_scans(path: Path) -> bool:
    """Whether a path is a scan, or a folder or zip with scans in it."""
    if path.is_file() and (is_nifti(path.name) or is_dicom(path.name)):
        return True
    if not path.is_dir() and path.suffix.lower() != ".zip":
        return False
    with open_tree(path) as tree:
        return any(_is_scan(parts) for parts in tree.files)


def is_one_scan(path: Path) -> bool:
    """Whether a path is one scan: a file, or a folder that holds nothing but DICOM slices."""
    if not path.is_dir():
        return path.suffix.lower() != ".zip"
    with open_tree(path) as tree:
        return not tree.folders and all(is_dicom(parts[-1]) for parts in tree.files)


def list_scans(tree: Tree) -> tuple[ScanFile, ...]:
    """List the scans of a folder or zip, sorted by class and name.

    Args:
        tree: Folder or zip.

    Raises:
        InputError: If there are none, or masks without scans.
    """
    files = [parts for parts in tree.files if _is_scan(parts)]
    masks = {(*parts[:-2], stem(parts[-1])): parts for parts in files if _is_mask(parts)}
    scans: dict[tuple[str, str], list[PathParts]] = {}
    above: dict[tuple[str, str], PathParts] = {}
    for parts in files:
        if _is_mask(parts):
            continue
        sliced = is_dicom(parts[-1]) and len(parts) > 1
        where = parts[:-1] if sliced else (*parts[:-1], stem(parts[-1]))
        key = (where[-2] if len(where) > 1 else tree.path.stem, where[-1])
        scans.setdefault(key, []).append(parts)
        above[key] = where[:-2] if len(where) > 1 else ()
    if not scans:
        raise InputError(f"{tree.path}: no scans; give NIfTI files (.nii.gz) or folders of DICOM slices (.dcm)")
    found = [
        ScanFile(
            name,
            class_name,
            tuple(parts),
            masks.get((*above[class_name, name], name)) or masks.get((*above[class_name, name], class_name, name)),
        )
        for (class_name, name), parts in sorted(scans.items())
    ]
    for scan in found:
        if len(scan.files) > 1 and not is_dicom(scan.files[0][-1]):
            raise InputError(f"{tree.describe(scan.files[1])}: a scan of this name is there twice; rename one")
    return tuple(found)


def read_scan(tree: Tree, scan: ScanFile) -> Scan:
    """Read a scan.

    Raises:
        InputError: If it is damaged, or its slices make no volume; the message names the file.
    """
    files = [(tree.read(parts), tree.describe(parts)) for parts in scan.files]
    return _read(files, is_nifti(scan.files[0][-1]))


def read_mask(tree: Tree, parts: PathParts, scan: Scan) -> Shaped[np.ndarray, "z y x"]:
    """Read the mask of a scan, whose voxels must be those of the scan.

    Args:
        tree: Folder or zip.
        parts: File of the mask.
        scan: The scan.

    Raises:
        InputError: If the mask is damaged, has other voxels than the scan or lies elsewhere, or values that are not
            whole numbers from 0 to 255.
    """
    mask = read_nifti(tree.read(parts), tree.describe(parts))
    if mask.values.shape[1:] != scan.values.shape[1:] or mask.values.shape[0] != 1:
        sizes = [" x ".join(map(str, one.values.shape[1:])) for one in (mask, scan)]
        raise InputError(f"{mask.where}: {sizes[0]} voxels, its scan {sizes[1]}; resample the mask to its scan")
    corners = np.array([[0, 0, 0, 1], [*(side - 1 for side in mask.values.shape[:0:-1]), 1]]).T
    if np.abs(mask.affine @ corners - scan.affine @ corners).max() > SAME_PLACE:
        raise InputError(f"{mask.where}: lies elsewhere than '{scan.where}'; resample the mask to its scan")
    values = np.rint(mask.values[0])
    if np.abs(values - mask.values[0]).max() > 1e-3 or values.min() < 0 or values.max() > 255:
        raise InputError(f"{mask.where}: values of a mask are whole numbers from 0 to 255; repair it")
    return np.asarray(values, np.uint8)


def read_path(path: Path) -> Scan:
    """Read one scan: a NIfTI file, a DICOM file, or a folder of DICOM slices.

    Args:
        path: File or folder.

    Raises:
        InputError: If it is not one scan, or is damaged.
    """
    if path.is_dir():
        with open_tree(path) as tree:
            files = [(tree.read(parts), tree.describe(parts)) for parts in tree.files if is_dicom(parts[-1])]
        if not files:
            raise InputError(f"{path}: no DICOM slices (.dcm); give a folder of the slices of one scan")
        return _read(files, False)
    return _read([(read_bytes(path, MAX_FILE_BYTES), str(path))], is_nifti(path.name))


def stem(name: str) -> str:
    """The name of a file without .nii.gz or its other suffix.

    Example:
        >>> stem("a.b.nii.gz"), stem("1.dcm")
        ('a.b', '1')
    """
    for suffix in (".nii.gz", ".nii"):
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return Path(name).stem


@contextmanager
def scans_of(path: Path) -> Iterator[tuple[Tree, tuple[ScanFile, ...]]]:
    """List the scans of a folder or zip and keep it open for reading.

    Raises:
        InputError: See `list_scans`.
    """
    with open_tree(path) as tree:
        yield tree, list_scans(tree)


def _read(files: list[tuple[bytes, str]], nifti: bool) -> Scan:
    if nifti:
        return read_nifti(*files[0])
    return read_series(files) if len(files) > 1 else read_picture(*files[0])


def _is_scan(parts: PathParts) -> bool:
    return is_nifti(parts[-1]) or is_dicom(parts[-1])


def _is_mask(parts: PathParts) -> bool:
    return len(parts) > 1 and parts[-2] in MASK_FOLDERS and is_nifti(parts[-1])
