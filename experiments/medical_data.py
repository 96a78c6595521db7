"""Scans and cells at the size of the experiments on segmentation, as tensors, for machines without readers of NIfTI.

    python experiments/medical_data.py --root DATA --out PREPARED

Writes hippocampus.safetensors (130 scans and masks, 24 x 32 x 24 voxels of 2 mm; 20 crops of label maps) and
white_cells.safetensors (350 cells and masks, 64 x 64).
"""

import argparse
import csv
import io
import tempfile
import zipfile
from pathlib import Path

import nibabel
import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from manyshot.base.tensor_file import write_tensors

SIZE = (48, 64, 48)
SIDE = 64


def volume(path: Path) -> np.ndarray:
    """Values of a scan, its axes from left to right, back to front and bottom to top."""
    return np.asarray(nibabel.as_closest_canonical(nibabel.load(path)).dataobj)


def fitted(values: np.ndarray) -> np.ndarray:
    """The middle of a scan at the common size; the border repeats where it is smaller."""
    cut = tuple(
        slice((n - m) // 2, (n - m) // 2 + m) if n > m else slice(None) for n, m in zip(values.shape, SIZE, strict=True)
    )
    values = values[cut]
    spare = [m - n for n, m in zip(values.shape, SIZE, strict=True)]
    return np.pad(values, [(s // 2, s - s // 2) for s in spare], mode="edge")


def halved(values: np.ndarray, labels: int = 0) -> Tensor:
    """Every 2 x 2 x 2 voxels as one: their mean, or their most frequent label; axes (z, y, x)."""
    given = torch.from_numpy(values)
    parts = F.one_hot(given.long(), labels).movedim(-1, 0).float() if labels else given[None].float()
    pooled = F.avg_pool3d(parts[None], 2)[0]
    return (pooled.argmax(0) if labels else pooled[0]).permute(2, 1, 0)


def hippocampus(root: Path) -> dict[str, Tensor]:
    """Scans from 0 (percentile 0.5) to 255 (99.5), masks, and label maps around both hippocampi."""
    images, masks = [], []
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(root / "hippocampus" / "scans.zip").extractall(folder)
        for path in sorted(Path(folder, "images").glob("*.nii.gz")):
            values = volume(path).astype(np.float32)
            low, high = np.percentile(values, [0.5, 99.5])
            window = ((values - low) / (high - low)).clip(0, 1)
            images.append(halved(fitted(window)).mul(255).round().to(torch.uint8))
            label = volume(Path(folder, "labels", path.name)).astype(np.uint8)
            missing = [max(0, m - n) for n, m in zip(label.shape, SIZE, strict=True)]
            label = np.pad(label, [(s // 2, s - s // 2) for s in missing])
            masks.append(halved(fitted(label), 3).to(torch.uint8))
    maps = []
    for path in sorted((root / "label_maps").glob("*.nii.gz")):
        whole = np.pad(volume(path).astype(np.uint8), 20)
        for value in (17, 53):
            places = np.argwhere(whole == value)
            middle = (places.min(0) + places.max(0)) // 2
            crop = whole[tuple(slice(m - s // 4, m + s // 4) for m, s in zip(middle, SIZE, strict=True))]
            maps.append(torch.from_numpy(crop.copy()).permute(2, 1, 0))
    return {"images": torch.stack(images), "masks": torch.stack(masks), "maps": torch.stack(maps)}


def white_cells(root: Path) -> dict[str, Tensor]:
    """Cells, masks (1 cytoplasm, 2 nucleus) and the microscope of each."""
    with (root / "white_cells" / "classes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    values = np.zeros(256, np.uint8)
    values[128], values[255] = 1, 2
    images, masks = [], []
    with zipfile.ZipFile(root / "white_cells" / "cells.zip") as archive:
        for row in rows:
            image = Image.open(io.BytesIO(archive.read(f"images/{row['file']}"))).convert("RGB")
            mask = Image.open(io.BytesIO(archive.read(f"masks/{row['file']}")))
            images.append(np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR)).transpose(2, 0, 1))
            masks.append(values[np.asarray(mask.resize((SIDE, SIDE), Image.Resampling.NEAREST))])
    return {
        "images": torch.from_numpy(np.stack(images)),
        "masks": torch.from_numpy(np.stack(masks)),
        "microscope": torch.tensor([int(row["microscope"][-1]) for row in rows]),
    }


def main() -> None:
    """Read, shrink, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="folder with hippocampus/, label_maps/, white_cells/")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    options = parser.parse_args()
    for name, make in (("hippocampus", hippocampus), ("white_cells", white_cells)):
        tensors = make(options.root)
        write_tensors(options.out / f"{name}.safetensors", tensors)
        print(name, {key: list(value.shape) for key, value in tensors.items()})


if __name__ == "__main__":
    main()
