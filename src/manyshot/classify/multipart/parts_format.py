"""The format of a fitted model of examples of several parts on disk, in the same two files as other models."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

import torch
from torch import Tensor

from manyshot.classify.heads import HEADS
from manyshot.classify.model.model_header_checks import (
    StoredHeader,
    TensorTaker,
    check_stored,
    refuse_faults,
    refuse_other_weights,
)
from manyshot.classify.multipart.fit_parts import fingerprint
from manyshot.classify.multipart.part_heads import FUSION, PartNames, PartRows
from manyshot.classify.multipart.parts_model import PartsModel
from manyshot.tasks import Parts

KINDS = ("images", "texts", "sounds", "features")
MOST_COPIES = 1000


class StoredPart(TypedDict):
    """A part: its kind, and its encoder with the digest of its weights; both are empty for numbers."""

    name: str
    kind: str
    encoder: str
    fingerprint: str


class PartsSettings(TypedDict):
    """The entries of `model.json` beside the header."""

    parts: list[StoredPart]
    numbers: list[str]
    head: str
    plan: str
    copies: int
    names_scale: float


class StoredPartsModel(StoredHeader, PartsSettings):
    """The content of `model.json`."""


def parts_settings(model: PartsModel) -> PartsSettings:
    """The entries of `model.json` beside the header.

    Args:
        model: A fitted model.
    """
    return PartsSettings(
        parts=[_stored_part(model, name) for name in model.kinds],
        numbers=list(model.number_names),
        head=model.head,
        plan=model.plan,
        copies=model.rows.copies,
        names_scale=0.0 if model.said is None else model.said.scale,
    )


def _stored_part(model: PartsModel, name: str) -> StoredPart:
    return StoredPart(
        name=name,
        kind=model.kinds[name],
        encoder=model.encoders.get(name, ""),
        fingerprint=model.fingerprints.get(name, ""),
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
    stored: StoredPartsModel = check_stored(values, StoredPartsModel, path)
    names = [part["name"] for part in stored["parts"]]
    kinds = [part["kind"] for part in stored["parts"]]
    faults = {
        "no parts": not names,
        "a part twice": len(set(names)) < len(names),
        "an unknown kind of part": not set(kinds) <= set(KINDS),
        "numbers without names": ("features" in kinds) != bool(stored["numbers"]),
        f"{stored['copies']} copies": not 0 <= stored["copies"] <= MOST_COPIES,
        f"a scale of names of {stored['names_scale']}": not 0 <= stored["names_scale"] < float("inf"),
    }
    refuse_faults(faults, path)
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
    taker = TensorTaker(tensors, path)
    labels = taker.take_labels("labels", n, len(stored["classes"]))
    values, there, said = {}, {}, {}
    rows, classes = n * (1 + stored["copies"]), len(stored["classes"])
    for index, part in enumerate(stored["parts"]):
        name, width = part["name"], numbers if part["kind"] == "features" else None
        values[name] = taker.take(f"features.{index}", torch.float32, (rows, width))
        there[name] = taker.take(f"there.{index}", torch.bool, (rows,))
        if f"said.{index}" in taker:
            said[name] = taker.take(f"said.{index}", torch.float64, (classes, values[name].shape[1]))
        if part["encoder"]:
            refuse_other_weights(part["encoder"], fingerprint(part["encoder"]), part["fingerprint"], path)
    means = taker.take("means", torch.float64, (numbers,)).numpy()
    groups = taker.take("groups", torch.int64, (n,)) if "groups" in taker else None
    taker.finish()
    return PartsModel(
        class_names=tuple(stored["classes"]),
        kinds={part["name"]: part["kind"] for part in stored["parts"]},
        encoders={part["name"]: part["encoder"] for part in stored["parts"] if part["encoder"]},
        fingerprints={part["name"]: part["fingerprint"] for part in stored["parts"] if part["encoder"]},
        number_names=tuple(stored["numbers"]),
        means=means,
        rows=PartRows(Parts(values, there), stored["copies"]),
        head=stored["head"],
        plan=stored["plan"],
        said=PartNames(said, stored["names_scale"]) if said else None,
        labels=labels,
        groups=groups,
        temperature=float(stored["temperature"]),
        names=tuple(stored["examples"]),
        report=stored["report"],
    )
