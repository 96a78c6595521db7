"""Read DICOM: single pictures, and series of slices as one scan. Nothing that names a person leaves this file."""

import hashlib
import io
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64

from manyshot.base import InputError
from manyshot.datasets.scan import MAX_VOXELS, Scan, canonical

SUFFIXES = (".dcm", ".dicom", ".ima")
PARALLEL = 1e-3
"""Largest difference between direction cosines of slices of one series."""
UNEVEN = 0.05
"""Largest deviation of the distance of two slices from the usual one, as a fraction of it."""
TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""DICOM's axes point to the left and to the back."""
DECODERS = "pip install pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg"


class Slice(NamedTuple):
    """One DICOM file: its header as pydicom reads it, and its name in error messages."""

    header: Any
    where: str


def is_dicom(name: str) -> bool:
    """Whether a file name is that of a DICOM file.

    Example:
        >>> is_dicom("IM0001.DCM"), is_dicom("IM0001.png")
        (True, False)
    """
    return name.lower().endswith(SUFFIXES)


def read_picture(data: bytes, where: str) -> Scan:
    """Read one DICOM picture, such as an X-ray, as a scan of one slice.

    Args:
        data: Bytes of the file.
        where: Name of the file in error messages.

    Raises:
        InputError: If it is not a DICOM picture, is damaged, or needs a decoder that is not installed.
    """
    one = _open(data, where)
    if "ImagePositionPatient" in one.header and "ImageOrientationPatient" in one.header:
        return read_series([(data, where)])
    rows, columns = _spacing(one) if _has_spacing(one) else (1.0, 1.0)
    # Rows run from top to bottom and columns from left to right of the picture.
    affine = np.diag([-columns, -rows, 1.0, 1.0])
    voxels = _values(one).swapaxes(0, 1)
    scan = canonical(voxels[:, :, None], affine, "DICOM", where)
    return _described(scan, one)


def read_series(files: Sequence[tuple[bytes, str]]) -> Scan:
    """Read the slices of one series as a scan, in the order of their position in the body.

    Values are in the modality's unit (Hounsfield units of computed tomography) by the file's slope and intercept,
    except for magnetic resonance, whose values have no unit. Display windows of the file are not applied.

    Args:
        files: Bytes and name of each file, in any order.

    Raises:
        InputError: If files belong to several series or differ in size, spacing or direction; if slices are missing or
            there twice; if they do not say where they lie. The message names the file.
    """
    slices = [_open(data, where) for data, where in files]
    first = slices[0]
    for one in slices:
        _check_fits(one, first)
    direction = _numbers(first, "ImageOrientationPatient", 6)
    across, down = direction[:3], direction[3:]
    normal = np.cross(across, down)
    placed = sorted(slices, key=lambda one: float(_numbers(one, "ImagePositionPatient", 3) @ normal))
    places = np.array([_numbers(one, "ImagePositionPatient", 3) for one in placed])
    thickness = _check_even(placed, places @ normal)
    rows, columns = _spacing(first)
    header = first.header
    if float(header.Rows) * float(header.Columns) * len(slices) > MAX_VOXELS:
        raise InputError(f"{first.where}: a series of more than {MAX_VOXELS:,} voxels; leave slices out")
    voxels = np.stack([_values(one) for one in placed])
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = across * columns, down * rows
    affine[:3, 2] = (places[-1] - places[0]) / (len(places) - 1) if len(places) > 1 else normal * thickness
    affine[:3, 3] = places[0]
    moved = voxels.transpose(2, 1, 0) if voxels.ndim == 3 else voxels.transpose(2, 1, 0, 3)
    return _described(canonical(moved, TO_RAS @ affine, "DICOM", first.where), first)


def series_of(data: bytes, where: str) -> str:
    """Return a code of the series that a DICOM file belongs to.

    Raises:
        InputError: If it is not DICOM.
    """
    return _code(str(_open(data, where, pixels=False).header.get("SeriesInstanceUID", "")))


def _open(data: bytes, where: str, pixels: bool = True) -> Slice:
    try:
        import pydicom
    except ImportError:
        raise InputError(f"{where}: a DICOM file; to read them: pip install 'manyshot[medical]'") from None
    try:
        with warnings.catch_warnings():  # of small faults in files
            warnings.simplefilter("ignore")
            header = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=not pixels)
        if pixels and "PixelData" not in header:
            raise InputError(f"{where}: a DICOM file without a picture; remove it")
        if int(header.get("NumberOfFrames", 1) or 1) > 1:
            raise InputError(f"{where}: a DICOM file of several frames; convert it to NIfTI (dcm2niix)")
    except InputError:
        raise
    except Exception as error:  # pydicom raises almost anything on a broken file
        fault = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{where}: not a complete DICOM file ({fault}); replace or remove it") from None
    return Slice(header, where)


def _values(one: Slice) -> np.ndarray:
    """Pixels `[rows, columns]`, or with channels, in the modality's unit."""
    header = one.header
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pixels = header.pixel_array
        if str(header.get("Modality", "")) != "MR" and header.get("SamplesPerPixel", 1) == 1:
            from pydicom.pixels.processing import apply_modality_lut

            scaled = apply_modality_lut(pixels, header)
            pixels = scaled.astype(np.int32) if (scaled == np.rint(scaled)).all() else scaled
    except Exception as error:
        syntax = getattr(getattr(header, "file_meta", None), "TransferSyntaxUID", None)
        compressed, name = bool(syntax and syntax.is_compressed), getattr(syntax, "name", "")
        fault = (str(error).splitlines() or [type(error).__name__])[0]
        mend = f"{name}; to decode it: {DECODERS}" if compressed else f"its pixels cannot be read ({fault}); replace it"
        raise InputError(f"{one.where}: {mend}") from None
    return np.asarray(pixels)


def _numbers(one: Slice, name: str, count: int) -> Float64[np.ndarray, "count"]:
    value = one.header.get(name)
    try:
        numbers = np.array([float(number) for number in value])
    except (TypeError, ValueError):
        numbers = np.empty(0)
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise InputError(f"{one.where}: has no {name}, so it has no place in a volume; remove it, or read it alone")
    return numbers


def _has_spacing(one: Slice) -> bool:
    return bool(one.header.get("PixelSpacing") or one.header.get("ImagerPixelSpacing"))


def _spacing(one: Slice) -> tuple[float, float]:
    """Millimeters between rows and between columns."""
    rows, columns = _numbers(
        one, "PixelSpacing" if one.header.get("PixelSpacing") else "ImagerPixelSpacing", 2
    ).tolist()
    if rows <= 0 or columns <= 0:
        raise InputError(f"{one.where}: spacing of {rows} x {columns} mm; repair the header")
    return rows, columns


def _check_fits(one: Slice, first: Slice) -> None:
    """Check that a slice belongs to the series of the first."""
    for name, what in (
        ("SeriesInstanceUID", "another series"),
        ("Rows", "another number of rows"),
        ("Columns", "another number of columns"),
        ("SamplesPerPixel", "another number of channels"),
        ("PhotometricInterpretation", "another meaning of values"),
    ):
        if one.header.get(name) != first.header.get(name):
            raise InputError(f"{one.where}: {what} than '{first.where}'; give each series a folder of its own")
    turned = np.abs(_numbers(one, "ImageOrientationPatient", 6) - _numbers(first, "ImageOrientationPatient", 6))
    if turned.max() > PARALLEL:
        raise InputError(f"{one.where}: lies at an angle to '{first.where}'; remove it, such as a localizer")
    if not np.allclose(_spacing(one), _spacing(first), rtol=1e-3):
        raise InputError(
            f"{one.where}: another pixel spacing than '{first.where}'; give each series a folder of its own"
        )


def _check_even(placed: Sequence[Slice], heights: Float64[np.ndarray, "n"]) -> float:
    """Check that slices, in order, are evenly spaced, and return their distance."""
    if len(placed) == 1:
        given = placed[0].header.get("SpacingBetweenSlices") or placed[0].header.get("SliceThickness") or 1.0
        return abs(float(given)) or 1.0
    steps = np.diff(heights)
    usual = float(np.median(steps))
    for before, after, step in zip(placed, placed[1:], steps.tolist(), strict=False):
        if step < 1e-3:
            raise InputError(f"{after.where}: lies where '{before.where}' lies; remove one of them")
        if abs(step - usual) > UNEVEN * usual:
            kind = "slices are missing" if step > usual else "slices are too many"
            raise InputError(
                f"{after.where}: {step:g} mm after '{before.where}', other slices {usual:g} mm: {kind}; complete the "
                "series"
            )
    return usual


def _described(scan: Scan, one: Slice) -> Scan:
    person = str(one.header.get("PatientID", "") or "")
    return Scan(
        scan.values,
        scan.affine,
        scan.stored,
        scan.kind,
        scan.where,
        inverted=str(one.header.get("PhotometricInterpretation", "")).strip() == "MONOCHROME1",
        patient=_code(person) if person else None,
    )


def _code(identity: str) -> str:
    """A code from which nobody can be recognized at a glance; the same for the same identity."""
    return hashlib.sha256(identity.encode()).hexdigest()[:12]
