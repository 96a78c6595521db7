from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def photos(tmp_path) -> Path:
    """A folder of pictures of two classes: of different sizes, gray and in color."""
    random = np.random.default_rng(0)
    folder = tmp_path / "photos"
    for name, shape in {
        "cat/tom": (20, 30, 3),
        "cat/kit": (9, 9),
        "cat/tab": (16, 12, 3),
        "狗 dog/rex": (14, 14),
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, shape, dtype=np.uint8)).save(folder / f"{name}.png")
    return folder
