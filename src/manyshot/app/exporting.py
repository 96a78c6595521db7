"""Files of a fitted classifier to download, and models to open."""

import shutil
import tempfile
import zipfile
from pathlib import Path

from manyshot.app.fitting import Fitted
from manyshot.base import InputError
from manyshot.classify.export.export_model import export_model
from manyshot.classify.model.save_load_model import SETTINGS, TENSORS, load_model, save_model

FORMATS = {
    "Model of Manyshot (zip)": "zip",
    "ONNX, runs anywhere": "onnx",
    "torch.export, runs in PyTorch": "torch",
}
"""What can be downloaded, as the page calls it."""
MAX_MODEL_BYTES = 1 << 30
"""Largest size of a model that is opened, unpacked."""


def write_file(fitted: Fitted, what: str, folder: Path) -> tuple[Path, str]:
    """Write a file to download.

    Args:
        fitted: The classifier.
        what: A value of `FORMATS`.
        folder: Where the file is written.

    Returns:
        The file, and what there is to say of it.

    Raises:
        InputError: If it cannot be exported.
    """
    place = Path(tempfile.mkdtemp(dir=folder))
    if what == "zip":
        save_model(fitted.model, place / "model")
        archive = Path(shutil.make_archive(str(place / "model"), "zip", place, "model"))
        return archive, "Unpack it, and use the folder: manyshot predict model new-pictures"
    path = place / {"onnx": "model.onnx", "torch": "model.pt2"}[what]
    report = export_model(fitted.model, path, what, fitted.examples)
    return path, (
        f"Takes {report.takes}. It was run on {report.checked} examples: probabilities differ from the model's by at "
        f"most {report.difference:.1g}. {report.about_views}".rstrip()
    )


def open_model(path: Path) -> Fitted:
    """Open a model: a folder that `manyshot fit` wrote, or a zip of it.

    Args:
        path: The folder or zip.

    Raises:
        InputError: If it is not a model, or too large.
    """
    if path.suffix.lower() != ".zip":
        return Fitted(load_model(path))
    try:
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as folder:
            files = {Path(info.filename).name: info for info in archive.infolist() if not info.is_dir()}
            if SETTINGS not in files or TENSORS not in files:
                raise InputError(f"{path.name}: not a model of Manyshot, which has {SETTINGS} and {TENSORS}")
            for name in (SETTINGS, TENSORS):
                if files[name].file_size > MAX_MODEL_BYTES:
                    raise InputError(f"{path.name}: {name} is larger than {MAX_MODEL_BYTES:,} bytes")
                with archive.open(files[name]) as packed, (Path(folder) / name).open("wb") as file:
                    shutil.copyfileobj(packed, file)
            return Fitted(load_model(folder))
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise InputError(f"{path.name}: not a complete zip ({error})") from None
