"""The folder of a fitted model: `model.json` and `model.safetensors`. Reading it runs no code."""

import hashlib
import os
from pathlib import Path

from torch import Tensor

from manyshot.base import InputError, open_file, read_json, write_json
from manyshot.base.tensor_file import read_tensors, write_tensors
from manyshot.classify.model.model import Model
from manyshot.classify.model.model_format import ModelSettings, build_model, check_settings, settings_of, tensors_of
from manyshot.classify.model.model_header_checks import header_of
from manyshot.classify.model.printable_names import check_class_names
from manyshot.classify.multipart.parts_format import (
    PartsSettings,
    build_parts_model,
    check_parts_settings,
    parts_settings,
    parts_tensors,
)
from manyshot.classify.multipart.parts_model import PartsModel

SETTINGS, TENSORS = "model.json", "model.safetensors"
MAX_BYTES = 1 << 32
"""Largest size of the file of tensors, in bytes."""


def is_model(folder: Path | str) -> bool:
    """Whether a folder holds a model that `fit` wrote.

    Args:
        folder: Path of the folder.

    Example:
        >>> is_model("/nowhere")
        False
    """
    return (Path(folder) / SETTINGS).is_file()


def check_model_target(folder: Path | str, overwrite: bool = False) -> None:
    """Refuse a folder that a model cannot be written to, before anything slow begins.

    Args:
        folder: Path of the folder.
        overwrite: Whether a model that it holds may be replaced. Other files in it are never touched.

    Raises:
        InputError: If it is a file, holds a model and `overwrite` is False, or holds only other files.

    Example:
        >>> check_model_target("/nowhere")
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: a file, and a model is a folder; choose another --out")
    if not folder.exists() or not any(not path.name.startswith(".") for path in folder.iterdir()):
        return
    if not is_model(folder):
        raise InputError(f"{folder}: is not empty and holds no model; choose another --out")
    if not overwrite:
        raise InputError(f"{folder}: holds a model already; choose another --out, or add --overwrite")


def save_model(model: Model | PartsModel, folder: Path | str, overwrite: bool = False) -> None:
    """Write a model to a folder as `model.json` and `model.safetensors`, each complete or not there at all.

    Args:
        model: A fitted model.
        folder: Folder to write.
        overwrite: Whether a model that is there may be replaced.

    Raises:
        InputError: If the folder cannot be written (`check_model_target`), or a class's name cannot be printed.
    """
    folder = Path(folder)
    check_model_target(folder, overwrite)
    check_class_names(model.class_names, str(folder))
    settings: ModelSettings | PartsSettings
    if isinstance(model, PartsModel):
        tensors, settings, names = parts_tensors(model), parts_settings(model), model.names
    else:
        tensors, settings, names = tensors_of(model), settings_of(model), model.reference.names
    write_tensors(folder / TENSORS, tensors)
    write_json(folder / SETTINGS, {**header_of(model, names, _digest(folder / TENSORS)), **settings})


def load_model(folder: Path | str) -> Model:
    """Load a model from the folder that `fit` wrote; runs no code from the folder.

    Args:
        folder: Path of the folder.

    Raises:
        InputError: If the folder holds no model, a file is damaged or was written by a later version, or an encoder is
            not installed or has other weights than the model was fitted with.

    Example:
        >>> load_model("here")
        Traceback (most recent call last):
        manyshot.base.errors.InputError: here holds no model (no model.json); name a folder that `manyshot fit` wrote
    """
    model = load_any_model(folder)
    if isinstance(model, PartsModel):
        raise InputError(
            f"{folder}: a model of examples of several parts, which this does not take; it can be used by "
            "`manyshot predict`, `manyshot evaluate` and `manyshot export`"
        )
    return model


def load_any_model(folder: Path | str) -> Model | PartsModel:
    """Load a model of examples of one part or of several, as `load_model`.

    Args:
        folder: Path of the folder.

    Raises:
        InputError: As `load_model`.
    """
    folder = Path(folder)
    if not is_model(folder):
        raise InputError(f"{folder} holds no model (no {SETTINGS}); name a folder that `manyshot fit` wrote")
    values = read_json(folder / SETTINGS)
    if isinstance(values, dict) and values.get("kind") == PartsModel.kind:
        stored = check_parts_settings(values, folder / SETTINGS)
        return build_parts_model(stored, _read_tensors(folder / TENSORS, stored["sha256"]), folder)
    settings = check_settings(values, folder / SETTINGS)
    tensors = _read_tensors(folder / TENSORS, settings["sha256"])
    return build_model(settings, tensors, folder / SETTINGS, folder / TENSORS)


def _digest(path: Path) -> str:
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_tensors(path: Path, sha256: str) -> dict[str, Tensor]:
    """The tensors, if they are those that were written together with `model.json`."""
    with open_file(path) as file:
        size = file.seek(0, os.SEEK_END)
    if size > MAX_BYTES:
        raise InputError(f"{path}: {size:,} bytes, and at most {MAX_BYTES:,} are read; restore the file, or fit again")
    if _digest(path) != sha256:
        raise InputError(f"{path}: is not the file that belongs to {SETTINGS} beside it; restore both, or fit again")
    return read_tensors(path)[0]
