"""Scans of nobody: ellipsoids as NIfTI files and DICOM series."""

import io

import nibabel
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

SIZE = (14, 18, 10)


def ellipsoids(size: tuple[int, int, int] = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """Values (x, y, z) of a body with two organs, and a mask: 1 at the side of large x, 2 at the other."""
    x, y, z = np.meshgrid(*[np.linspace(-1, 1, side) for side in size], indexing="ij")
    body = (x**2 + y**2 + z**2 < 0.9) * 100.0
    right = (x - 0.4) ** 2 + (y - 0.2) ** 2 + (z - 0.1) ** 2 < 0.06
    left = (x + 0.4) ** 2 + (y - 0.2) ** 2 + (z - 0.1) ** 2 < 0.06
    return body + right * 300 + left * 500 + 20 * (y + 1), (right + 2 * left).astype(np.uint8)


def nifti(values: np.ndarray, affine: np.ndarray | None = None) -> bytes:
    """A NIfTI file of values (x, y, z)."""
    return nibabel.Nifti1Image(values, np.eye(4) if affine is None else affine).to_bytes()


def dicom_slice(pixels: np.ndarray, place: tuple[float, float, float], series: str = "1.2.3", **changes) -> bytes:
    """A slice of a CT series: pixels `[rows, columns]` in Hounsfield units, stored with an intercept of -1024."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = CTImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid()
    data.PatientName, data.PatientID, data.PatientBirthDate = "Doe^Jane", "HOSPITAL-77", "19700101"
    data.Modality, data.SeriesInstanceUID = "CT", series
    data.ImagePositionPatient, data.ImageOrientationPatient = list(place), [1, 0, 0, 0, 1, 0]
    data.PixelSpacing, data.SliceThickness = [0.5, 0.75], 3
    data.Rows, data.Columns = pixels.shape
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 0
    data.RescaleSlope, data.RescaleIntercept = 1, -1024
    for name, value in changes.items():
        setattr(data, name, value)
    data.PixelData = (pixels + 1024).astype(np.uint16).tobytes()
    file = io.BytesIO()
    data.save_as(file, enforce_file_format=True)
    return file.getvalue()
