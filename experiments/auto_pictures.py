"""Draw what `auto` sees, and what it therefore expects, for handwritten digits and for shapes: docs/images/auto.png.

python experiments/auto_pictures.py
"""

from pathlib import Path

import numpy as np
import torch
from drawn_pictures import drawn
from PIL import Image

from manyshot import load_dataset
from manyshot.meta_augment.auto.auto_plan import advise, to_pictures
from manyshot.report.advice_sheet import advice_sheet

OUT = Path(__file__).resolve().parents[1] / "docs" / "images" / "auto.png"
CLASSES, SHOTS = 5, 2


def main() -> None:
    """Write the picture."""
    digits = load_dataset("digits")
    labels = np.asarray(digits.labels)
    rows = np.concatenate([np.flatnonzero(labels == digit)[:SHOTS] for digit in range(CLASSES)])
    shapes = drawn("shapes", SHOTS, CLASSES)
    pixels = torch.from_numpy(np.stack([np.asarray(picture) for _, picture in shapes])).permute(0, 3, 1, 2)
    sheets = []
    for name, images, classes in (
        ("handwritten digits", torch.as_tensor(digits.gather(rows)), labels[rows]),
        ("shapes", pixels.contiguous(), np.array([label for label, _ in shapes])),
    ):
        advice = advise(images, classes)
        sheets.append(advice_sheet(to_pictures(images)[::2], advice, title=name))
    page = Image.new("RGB", (max(one.width for one in sheets), sum(one.height for one in sheets)), (241, 243, 245))
    for number, sheet in enumerate(sheets):
        page.paste(sheet, (0, sum(one.height for one in sheets[:number])))
    page.quantize(128).save(OUT, optimize=True)


if __name__ == "__main__":
    main()
