"""Write what a segmentation finds as masks of the size of the files."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from manyshot.base import InputError, track, write_aside
from manyshot.datasets.nifti import write_nifti
from manyshot.segment.read_masked import ReadItem, read_items
from manyshot.segment.segmentation_run import SegmentationRun
from manyshot.segment.segmenter import Segmentation


@dataclass(frozen=True)
class WrittenMask:
    """A mask in a file.

    Args:
        path: The file.
        fractions: Fraction of the picture or scan that each label takes.
    """

    path: Path
    fractions: dict[str, float]


def write_masks(run: SegmentationRun, data: Path, folder: Path, device: str = "cpu") -> list[WrittenMask]:
    """Segment pictures or scans, and write a mask of each; its values are the first of each label's.

    Chances are interpolated to the size of the file, so that borders are smooth there.

    Args:
        run: A trained segmentation.
        data: Folder or zip.
        folder: Folder to write to.
        device: Where to compute.

    Raises:
        InputError: If nothing can be read, files have other channels than those of training, or a file is there that
            would be replaced.
    """
    items = read_items(data, run.reading)
    segment = run.segmentation(device)
    suffix = ".png" if items[0].item.ndim == 3 else ".nii.gz"
    paths = [folder / f"{one.name}{suffix}" for one in items]
    taken = next((path for path in paths if path.exists()), None)
    if taken is not None or len(set(paths)) < len(paths):
        what = f"{taken}: exists" if taken else f"{data}: two files have one name"
        raise InputError(f"{what}; choose another --out, or rename files")
    written = []
    for one, path in zip(track(items, "segment"), paths, strict=True):
        if tuple(one.item.shape) != run.shape:
            raise InputError(f"{one.name}: {one.item.shape[0]} channels, in training {run.shape[0]}; convert it")
        found = find(segment, one, device)
        values = torch.tensor([0, *(label.values[0] for label in run.labels)], dtype=torch.uint8)[found]
        _write(path, values.numpy(), one)
        shares = {label.name: float((found == k).float().mean()) for k, label in enumerate(run.labels, start=1)}
        written.append(WrittenMask(path, shares))
    return written


@torch.no_grad()
def find(segment: Segmentation, one: ReadItem, device: str) -> Tensor:
    """Index of the label of each pixel of the file."""
    chances = segment(one.item[None].to(device).float() / 255).cpu()
    mode = "bilinear" if chances.ndim == 4 else "trilinear"
    return F.interpolate(chances, one.original, mode=mode, align_corners=False)[0].argmax(0)


def _write(path: Path, values: np.ndarray, one: ReadItem) -> None:
    if values.ndim == 3:
        assert one.affine is not None
        write_nifti(path, values[None], one.affine)
        return
    with write_aside(path) as aside:
        Image.fromarray(values).save(aside)
