"""Real handwritten digits that scikit-learn ships: 1,797 scans of 8 x 8 pixels (Alpaydin and Kaynak 1998)."""

import gzip
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from manyshot.base.package_folder import package_folder
from manyshot.datasets.pictures import resize
from manyshot.datasets.spec import DataSet
from manyshot.tasks import Source


def build(split: str, root: Path | None, size: int, color: bool | None) -> Source:
    """Ten classes of about 180 digits each; ink is 255, paper 0. No file is needed, so `root` is not looked at.

    Example:
        >>> source = build("all", None, 28, None)
        >>> len(source), source.class_names[:3]
        (1797, ('0', '1', '2'))
    """
    with gzip.open(package_folder("sklearn") / "datasets" / "data" / "digits.csv.gz") as table:  # a second to import
        rows = np.loadtxt(table, delimiter=",")
    images, labels = rows[:, :-1], rows[:, -1].astype(int)
    pixels = (images.reshape(-1, 8, 8) * (255 / 16)).round().astype(np.uint8)
    enlarged = np.stack([np.asarray(resize(Image.fromarray(image), (size, size))) for image in pixels])[:, None]
    store = torch.from_numpy(np.repeat(enlarged, 3, axis=1) if color else enlarged)
    return Source.of(store, labels=[str(label) for label in labels], name="digits")


DATA_SET = DataSet(
    name="digits",
    summary="1,797 scanned handwritten digits, shipped with scikit-learn",
    license="CC BY 4.0",
    homepage="https://archive.ics.uci.edu/dataset/80",
    splits=("all",),
    build=build,
    default_size=28,
    ink=True,
)
