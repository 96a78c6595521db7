"""The format of a fitted model on disk: what `model.json` and `model.safetensors` hold, and how they are checked."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict, cast, get_args

import torch
from torch import Tensor

from manyshot.base import InputError, has_type
from manyshot.classify.calibrate.unknown_detector import UnknownDetector
from manyshot.classify.choose.candidates import Candidate, Setting, Variants, check_plan
from manyshot.classify.encode.frozen_encoders import load_encoder
from manyshot.classify.examples.example_set import Kind
from manyshot.classify.heads import HEADS, FittedTransform, Linear, Transform
from manyshot.classify.heads.nearest_head import NearestRows
from manyshot.classify.model.model import Model, Reference
from manyshot.classify.model.model_header_checks import (
    StoredHeader,
    TensorTaker,
    check_stored,
    refuse_faults,
    refuse_other_weights,
)

MAX_COPIES = 1000


class StoredBlock(TypedDict):
    """An encoder and the transform of its features."""

    encoder: str
    fingerprint: str
    power: float | None
    center: bool
    normalize: bool


class StoredCandidate(TypedDict):
    """A `Candidate` and its `Setting`."""

    encoder: str
    power: float | None
    center: bool
    normalize: bool
    head: str
    variants: list[list[Any]]
    views: bool


class StoredUnknown(TypedDict):
    """An `UnknownDetector` without its rows."""

    threshold: float
    false_alarms: float
    examples: int
    root: bool


class ModelSettings(TypedDict):
    """The entries of `model.json` beside the header."""

    blocks: list[StoredBlock]
    views: list[list[Any]]
    candidate: StoredCandidate
    unknown: StoredUnknown


class StoredModel(StoredHeader, ModelSettings):
    """The content of `model.json`."""


def settings_of(model: Model) -> ModelSettings:
    """The entries of `model.json` beside the header.

    Args:
        model: A fitted model.
    """
    return {
        "blocks": [
            StoredBlock(
                encoder=name,
                fingerprint=fingerprint,
                power=fitted.transform.power,
                center=fitted.transform.center,
                normalize=fitted.transform.normalize,
            )
            for name, fingerprint, fitted in zip(model.encoders, model.fingerprints, model.transforms, strict=True)
        ],
        "views": [list(pair) for pair in model.views],
        "candidate": _stored_candidate(model.candidate),
        "unknown": StoredUnknown(
            threshold=model.unknown.threshold,
            false_alarms=model.unknown.false_alarms,
            examples=model.unknown.examples,
            root=model.unknown.root,
        ),
    }


def tensors_of(model: Model) -> dict[str, Tensor]:
    """The tensors of a model by the names that they have in the file.

    Args:
        model: A fitted model.
    """
    tensors = {f"mean.{i}": fitted.mean for i, fitted in enumerate(model.transforms)}
    if isinstance(model.linear, Linear):
        tensors |= {"weight": model.linear.weight, "bias": model.linear.bias}
    else:
        tensors |= {"rows": model.linear.rows, "members": model.linear.members}
    tensors |= {
        "unknown.rows": model.unknown.rows,
        "reference.features": model.reference.features,
        "reference.labels": model.reference.labels,
    }
    # The library refuses tensors that share memory, as rows of the head and of the reference might.
    return {name: tensor.clone() for name, tensor in tensors.items()}


def _stored_candidate(candidate: Candidate) -> StoredCandidate:
    own = candidate.setting
    return StoredCandidate(
        encoder=candidate.encoder,
        power=own.transform.power,
        center=own.transform.center,
        normalize=own.transform.normalize,
        head=own.head,
        variants=[list(pair) for pair in own.variants],
        views=own.views,
    )


def check_settings(values: Any, path: Path) -> StoredModel:  # noqa: ANN401 - from a file
    """Check the content of `model.json`, as far as it does not depend on the tensors.

    Args:
        values: What the file holds.
        path: The file, for errors.

    Raises:
        InputError: If another version wrote it, a value is missing, unknown or of the wrong type, or out of range.
    """
    stored: StoredModel = check_stored(values, StoredModel, path)
    faults = {
        f"kind '{stored['kind']}'": stored["kind"] not in get_args(Kind),
        "no encoders": not stored["blocks"],
        f"threshold {stored['unknown']['threshold']}": not 0 < stored["unknown"]["threshold"] < math.inf,
    }
    refuse_faults(faults, path)
    return stored


def build_model(stored: StoredModel, tensors: dict[str, Tensor], settings: Path, path: Path) -> Model:
    """The model of settings and tensors, whose shapes are checked against the settings and the encoders.

    Args:
        stored: Checked settings.
        tensors: Tensors by name.
        settings: File of the settings, for errors.
        path: File of the tensors, for errors.

    Raises:
        InputError: If a tensor is missing, unknown or of the wrong type or shape, or an encoder is not installed or has
            other weights.
    """
    candidate = _candidate(stored["candidate"], settings)
    with _naming(settings):
        views = _variants(stored["views"])
    widths = [_encoder_width(block, settings.parent) for block in stored["blocks"]]
    n, c, d = len(stored["examples"]), len(stored["classes"]), sum(widths)
    taker = TensorTaker(tensors, path)
    take = taker.take
    transforms = tuple(
        FittedTransform(_transform(block), take(f"mean.{i}", torch.float64, (1, width)))
        for i, (block, width) in enumerate(zip(stored["blocks"], widths, strict=True))
    )
    linear: Linear | NearestRows
    if "rows" in tensors:
        rows = take("rows", torch.float64, (1, None, d))
        linear = NearestRows(rows, take("members", torch.bool, (1, rows.shape[1], c)))
    else:
        linear = Linear(take("weight", torch.float64, (1, c, d)), take("bias", torch.float64, (1, c)))
    labels = taker.take_labels("reference.labels", n, c)
    reference = Reference(take("reference.features", torch.float32, (n, d)), labels, tuple(stored["examples"]))
    own = stored["unknown"]
    detector = UnknownDetector(
        take("unknown.rows", torch.float64, (n, d)),
        float(own["threshold"]),
        float(own["false_alarms"]),
        own["examples"],
        own["root"],
    )
    taker.finish()
    return Model(
        kind=cast(Kind, stored["kind"]),
        class_names=tuple(stored["classes"]),
        encoders=tuple(block["encoder"] for block in stored["blocks"]),
        fingerprints=tuple(block["fingerprint"] for block in stored["blocks"]),
        transforms=transforms,
        linear=linear,
        temperature=float(stored["temperature"]),
        unknown=detector,
        views=views,
        candidate=candidate,
        report=stored["report"],
        reference=reference,
    )


def _candidate(stored: StoredCandidate, path: Path) -> Candidate:
    with _naming(path):
        HEADS.parse(stored["head"])
        setting = Setting(_transform(stored), stored["head"], _variants(stored["variants"]), stored["views"])
    return Candidate(stored["encoder"], setting)


def _variants(stored: list[list[Any]]) -> Variants:
    """Plans and their numbers of copies."""
    for pair in stored:
        if not (has_type(tuple(pair), tuple[str, int]) and 1 <= pair[1] <= MAX_COPIES):
            raise InputError(f"{str(pair)[:40]} is no plan and its number of copies; restore the file, or fit again")
    return tuple((check_plan(plan), copies) for plan, copies in stored)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Name the file in errors of what reads values from it."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _transform(stored: StoredBlock | StoredCandidate) -> Transform:
    return Transform(stored["power"], stored["center"], stored["normalize"])


def _encoder_width(block: StoredBlock, folder: Path) -> int:
    """Length of an encoder's features, after a check that its weights are those of the fit."""
    encoder = load_encoder(block["encoder"])
    refuse_other_weights(block["encoder"], encoder.fingerprint, block["fingerprint"], folder)
    return encoder.features
