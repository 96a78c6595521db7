"""Read and write NIfTI files, the usual format of research on brain and body scans."""

import gzip
import io
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Shaped

from manyshot.base import InputError, write_aside
from manyshot.datasets.scan import MAX_VOXELS, Scan, canonical, import_nibabel

SUFFIXES = (".nii", ".nii.gz")
MAX_BYTES = 1 << 32
GZIP = b"\x1f\x8b"


def is_nifti(name: str) -> bool:
    """Whether a file name is that of a NIfTI file.

    Example:
        >>> is_nifti("scan.nii.gz"), is_nifti("scan.png")
        (True, False)
    """
    return name.lower().endswith(SUFFIXES)


def read_nifti(data: bytes, where: str) -> Scan:
    """Read a NIfTI file (version 1 or 2, gzip or not), in the orientation RAS+.

    Values are scaled by the slope and intercept of the header; without them they keep their type. The fourth axis
    becomes channels.

    Args:
        data: Bytes of the file.
        where: Name of the file in error messages.

    Raises:
        InputError: If the file is not NIfTI, is damaged or too large, has more than four axes, or does not say where
            its axes point.
    """
    nibabel = import_nibabel(where)
    plain = _unpacked(data, where) if data[:2] == GZIP else data
    image = None
    for kind in (nibabel.Nifti1Image, nibabel.Nifti2Image):
        try:
            image = kind.from_bytes(plain)
            break
        except Exception as error:  # its readers raise many kinds on a broken file
            fault = str(error).splitlines()[0] if str(error) else type(error).__name__
    if image is None:
        raise InputError(f"{where}: not a complete NIfTI file ({fault}); replace or remove it")
    shape = image.shape
    while len(shape) > 4 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) not in (3, 4) or 0 in shape:
        found = " x ".join(map(str, shape))
        raise InputError(f"{where}: {len(shape)} axes of {found}; give volumes of 3 axes, or 4 with channels")
    if np.prod(shape, dtype=float) > MAX_VOXELS:
        raise InputError(f"{where}: {' x '.join(map(str, shape))} voxels, at most {MAX_VOXELS:,} are read; crop it")
    try:
        values = np.asanyarray(image.dataobj).reshape(shape)
    except Exception:
        raise InputError(f"{where}: not a complete NIfTI file (voxels are missing); replace or remove it") from None
    if values.dtype.kind not in "iuf":
        raise InputError(f"{where}: its voxels are {values.dtype.name}, not plain numbers; convert it")
    return canonical(values, np.asarray(image.affine, np.float64), "NIfTI", where)


def write_nifti(path: Path, values: Shaped[np.ndarray, "c z y x"], affine: Float64[np.ndarray, "4 4"]) -> None:
    """Write a volume as NIfTI; the file is complete or not written at all, and holds nothing about a person.

    Args:
        path: File to write; its suffix is .nii or .nii.gz.
        values: Values `[c, z, y, x]` of type uint8, int16, int32, float32 or float64; several channels become the
            fourth axis.
        affine: Map from voxels (x, y, z, 1) to millimeters (right, front, up, 1).
    """
    nibabel = import_nibabel(str(path))
    voxels = values.transpose(3, 2, 1, 0)
    image = nibabel.Nifti1Image(voxels[..., 0] if voxels.shape[3] == 1 else voxels, affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, code=2)
    image.set_qform(affine, code=2)
    data = image.to_bytes()
    if path.name.endswith(".gz"):
        data = gzip.compress(data, compresslevel=4, mtime=0)
    with write_aside(path) as aside:
        aside.write_bytes(data)


def _unpacked(data: bytes, where: str) -> bytes:
    """Unpack gzip, up to `MAX_BYTES`."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            plain = file.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{where}: damaged gzip ({error}); replace or remove it") from None
    if len(plain) > MAX_BYTES:
        raise InputError(f"{where}: unpacks to more than {MAX_BYTES:,} bytes; crop it")
    return plain
