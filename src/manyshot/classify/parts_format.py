"""The format of a fitted model of examples of several parts on disk, in the same two files as other models."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypedDict

import torch
from torch import Tensor

from manyshot.base import InputError, check_type, did_you_mean
from manyshot.classify.fit_parts import fingerprint
from manyshot.classify.heads import HEADS
from manyshot.classify.model_format import FORMAT
from manyshot.classify.part_heads import FUSION, PartNames, PartRows
from manyshot.classify.parts_model import PartsModel
from manyshot.classify.printable_names import check_class_names
from manyshot.tasks import Parts

KINDS = ("images", "texts", "sounds", "features")
MOST_COPIES = 1000


class StoredPart(TypedDict):
    """A part: its kind, and its encoder with the digest of its weights; both are empty for numbers."""

    name: str
    kind: str
    encoder: str
    fingerprint: str


class StoredPartsModel(TypedDict):
    """The content of `model.json`."""

    format: int
    manyshot: str
    kind: str
    classes: list[str]
    parts: list[StoredPart]
    numbers: list[str]
    head: str
    plan: str
    copies: int
    names_scale: float
    temperature: float
    examples: list[str]
    report: dict[str, Any]
    sha256: str


def parts_settings(model: PartsModel, sha256: str) -> StoredPartsModel:
    """The content of `model.json`.

    Args:
        model: A fitted model.
        sha256: Digest of the file of its tensors.
    """
    return StoredPartsModel(
        format=FORMAT,
        manyshot=version("manyshot"),
        kind=model.kind,
        classes=list(model.class_names),
        parts=[
            StoredPart(
                name=name,
                kind=kind,
                encoder=model.encoders.get(name, ""),
                fingerprint=model.fingerprints.get(name, ""),
            )
            for name, kind in model.kinds.items()
        ],
        numbers=list(model.number_names),
        head=model.head,
        plan=model.plan,
        copies=model.rows.copies,
        names_scale=0.0 if model.said is None else model.said.scale,
        temperature=model.temperature,
        examples=list(model.names),
        report=dict(model.report),
        sha256=sha256,
    )


def parts_tensors(model: PartsModel) -> dict[str, Tensor]:
    """The tensors of a model by the names that they have in the file.

    Args:
        model: A fitted model.
    """
    tensors = {"labels": model.labels, "means": torch.from_numpy(model.means)}
    if model.groups is not None:
        tensors["groups"] = model.groups
    features = model.rows.features
    for index, name in enumerate(features.names):
        tensors[f"features.{index}"] = features[name]
        tensors[f"there.{index}"] = features.there[name]
        if model.said is not None and name in model.said.directions:
            tensors[f"said.{index}"] = model.said.directions[name]
    return {name: tensor.clone() for name, tensor in tensors.items()}


def check_parts_settings(values: Any, path: Path) -> StoredPartsModel:  # noqa: ANN401 - from a file
    """Check the content of `model.json`.

    Args:
        values: What the file holds.
        path: The file, for errors.

    Raises:
        InputError: If another version wrote it, or a value is missing, unknown, of the wrong type, or out of range.
    """
    stored: StoredPartsModel = check_type(values, StoredPartsModel, str(path))
    for given, known in ((values, StoredPartsModel), *((part, StoredPart) for part in values["parts"])):
        for name in given:
            if name not in known.__annotations__:
                raise InputError(f"{path}: unknown key {name[:40]!r}; {did_you_mean(name, known.__annotations__)}")
    if stored["format"] != FORMAT:
        raise InputError(f"{path}: format {stored['format']}, and this version of Manyshot reads {FORMAT}; fit again")
    check_class_names(stored["classes"], str(path))
    names = [part["name"] for part in stored["parts"]]
    kinds = [part["kind"] for part in stored["parts"]]
    faults = {
        "no parts": not names,
        "a part twice": len(set(names)) < len(names),
        "an unknown kind of part": not set(kinds) <= set(KINDS),
        "numbers without names": ("features" in kinds) != bool(stored["numbers"]),
        f"temperature {stored['temperature']}": not 0 < stored["temperature"] < float("inf"),
        f"{stored['copies']} copies": not 0 <= stored["copies"] <= MOST_COPIES,
        f"a scale of names of {stored['names_scale']}": not 0 <= stored["names_scale"] < float("inf"),
    }
    for fault, found in faults.items():
        if found:
            raise InputError(f"{path}: {fault}: not what `manyshot fit` writes; restore the file, or fit again")
    if stored["head"] != FUSION:
        HEADS.build(stored["head"])
    return stored


def build_parts_model(stored: StoredPartsModel, tensors: Mapping[str, Tensor], path: Path) -> PartsModel:
    """The model of settings and tensors, whose shapes are checked.

    Args:
        stored: Checked settings.
        tensors: Tensors by name.
        path: Folder of the model, for errors.

    Raises:
        InputError: If a tensor is missing, or of the wrong type or shape, or an encoder is not installed or has other
            weights.
    """
    n, numbers = len(stored["examples"]), len(stored["numbers"])
    labels = _take(tensors, "labels", torch.int64, (n,), path)
    if n and not (int(labels.min()) >= 0 and int(labels.max()) < len(stored["classes"])):
        raise InputError(f"{path}: 'labels' names classes that are not there; restore the file, or fit again")
    values, there, said = {}, {}, {}
    rows, classes = n * (1 + stored["copies"]), len(stored["classes"])
    for index, part in enumerate(stored["parts"]):
        name, width = part["name"], numbers if part["kind"] == "features" else None
        values[name] = _take(tensors, f"features.{index}", torch.float32, (rows, width), path)
        there[name] = _take(tensors, f"there.{index}", torch.bool, (rows,), path)
        if f"said.{index}" in tensors:
            said[name] = _take(tensors, f"said.{index}", torch.float64, (classes, values[name].shape[1]), path)
        if part["encoder"] and fingerprint(part["encoder"]) != part["fingerprint"]:
            raise InputError(
                f"{path}: encoder '{part['encoder']}' has other weights here than those that the model was fitted "
                "with; install the version of its package that it was fitted with, or fit again"
            )
    return PartsModel(
        class_names=tuple(stored["classes"]),
        kinds={part["name"]: part["kind"] for part in stored["parts"]},
        encoders={part["name"]: part["encoder"] for part in stored["parts"] if part["encoder"]},
        fingerprints={part["name"]: part["fingerprint"] for part in stored["parts"] if part["encoder"]},
        number_names=tuple(stored["numbers"]),
        means=_take(tensors, "means", torch.float64, (numbers,), path).numpy(),
        rows=PartRows(Parts(values, there), stored["copies"]),
        head=stored["head"],
        plan=stored["plan"],
        said=PartNames(said, stored["names_scale"]) if said else None,
        labels=labels,
        groups=_take(tensors, "groups", torch.int64, (n,), path) if "groups" in tensors else None,
        temperature=float(stored["temperature"]),
        names=tuple(stored["examples"]),
        report=stored["report"],
    )


def _take(
    tensors: Mapping[str, Tensor], name: str, dtype: torch.dtype, shape: tuple[int | None, ...], path: Path
) -> Tensor:
    tensor = tensors.get(name)
    if tensor is None:
        raise InputError(f"{path}: no tensor '{name}'; restore the file, or fit again")
    fits = tensor.ndim == len(shape) and all(want in (None, own) for want, own in zip(shape, tensor.shape, strict=True))
    if tensor.dtype != dtype or not fits:
        raise InputError(f"{path}: '{name}' has another type or shape than expected; restore the file, or fit again")
    return tensor
