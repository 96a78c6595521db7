"""Small pictures and zips to load, and a cache of each test's own."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch) -> Path:
    """An empty cache, and no data but what the test names."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("MANYSHOT_CACHE", str(folder))
    return folder


@pytest.fixture
def png() -> Callable[..., bytes]:
    """Encode a picture of one color, or an array, in any mode and format."""

    def encode(color=100, size=(8, 8), mode=None, form="PNG", **options) -> bytes:
        if isinstance(color, np.ndarray):
            image = Image.fromarray(color)
        else:
            image = Image.new(mode or ("RGB" if isinstance(color, tuple) else "L"), size, color)
        file = io.BytesIO()
        image.save(file, form, **options)
        return file.getvalue()

    return encode


@pytest.fixture
def write() -> Callable[[Path, dict[str, bytes]], Path]:
    """Write files below a folder, or into a zip if the path ends in ".zip"; names that end in "/" are folders."""

    def write_all(path: Path, files: dict[str, bytes]) -> Path:
        if path.suffix == ".zip":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, data in files.items():
                    archive.writestr(name, data)
            return path
        for name, data in files.items():
            location = path / name
            (location if name.endswith("/") else location.parent).mkdir(parents=True, exist_ok=True)
            if not name.endswith("/"):
                location.write_bytes(data)
        return path

    return write_all
