"""The format of a fitted model on disk: what `model.json` and `model.safetensors` hold, and how they are checked."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypedDict, cast, get_args

import torch
from torch import Tensor

from manyshot.base import InputError, check_type, did_you_mean, has_type
from manyshot.classify.candidates import Candidate, Setting, Variants, check_plan
from manyshot.classify.example_set import Kind
from manyshot.classify.frozen_encoders import load_encoder
from manyshot.classify.heads import HEADS, FittedTransform, Linear, Transform
from manyshot.classify.heads.nearest_head import NearestRows
from manyshot.classify.model import Model, Reference
from manyshot.classify.printable_names import check_class_names
from manyshot.classify.unknown import UnknownDetector

FORMAT = 1
"""Version of the format; increased when an older or newer file would be misread."""
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


class StoredModel(TypedDict):
    """The content of `model.json`."""

    format: int
    manyshot: str
    kind: str
    classes: list[str]
    blocks: list[StoredBlock]
    temperature: float
    views: list[list[Any]]
    candidate: StoredCandidate
    unknown: StoredUnknown
    examples: list[str]
    report: dict[str, Any]
    sha256: str


def settings_of(model: Model, sha256: str) -> StoredModel:
    """The content of `model.json`.

    Args:
        model: A fitted model.
        sha256: Digest of the file of its tensors.
    """
    return StoredModel(
        format=FORMAT,
        manyshot=version("manyshot"),
        kind=model.kind,
        classes=list(model.class_names),
        blocks=[
            StoredBlock(
                encoder=name,
                fingerprint=fingerprint,
                power=fitted.transform.power,
                center=fitted.transform.center,
                normalize=fitted.transform.normalize,
            )
            for name, fingerprint, fitted in zip(model.encoders, model.fingerprints, model.transforms, strict=True)
        ],
        temperature=model.temperature,
        views=[list(pair) for pair in model.views],
        candidate=_stored_candidate(model.candidate),
        unknown=StoredUnknown(
            threshold=model.unknown.threshold,
            false_alarms=model.unknown.false_alarms,
            examples=model.unknown.examples,
            root=model.unknown.root,
        ),
        examples=list(model.reference.names),
        report=dict(model.report),
        sha256=sha256,
    )


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
    check_type(values, dict[str, Any], str(path))
    if not isinstance(values.get("format"), int) or isinstance(values["format"], bool):
        raise InputError(f"{path}: not a model's settings (no 'format'); restore the file, or fit again")
    if values["format"] != FORMAT:
        later = values["format"] > FORMAT
        mend = "update Manyshot (pip install -U manyshot), or fit again" if later else "fit again"
        raise InputError(f"{path}: format {values['format']}, and this version of Manyshot reads {FORMAT}; {mend}")
    stored: StoredModel = check_type(values, StoredModel, str(path))
    _refuse_unknown_keys(values, StoredModel, path)
    _refuse_unknown_keys(values["candidate"], StoredCandidate, path)
    _refuse_unknown_keys(values["unknown"], StoredUnknown, path)
    for block in values["blocks"]:
        _refuse_unknown_keys(block, StoredBlock, path)
    check_class_names(stored["classes"], str(path))
    faults = {
        f"kind '{stored['kind']}'": stored["kind"] not in get_args(Kind),
        "no encoders": not stored["blocks"],
        f"temperature {stored['temperature']}": not 0 < stored["temperature"] < math.inf,
        f"threshold {stored['unknown']['threshold']}": not 0 < stored["unknown"]["threshold"] < math.inf,
    }
    for fault, found in faults.items():
        if found:
            raise InputError(f"{path}: {fault}: not what `manyshot fit` writes; restore the file, or fit again")
    return stored


def _refuse_unknown_keys(values: Mapping[str, Any], kind: type, path: Path) -> None:
    known = kind.__annotations__
    for name in values:
        if name not in known:
            raise InputError(f"{path}: unknown key {name[:40]!r}; {did_you_mean(name, known)}")


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
    take = _Taker(tensors, path)
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
    labels = take("reference.labels", torch.int64, (n,))
    if n and not (int(labels.min()) >= 0 and int(labels.max()) < c):
        raise InputError(f"{path}: 'reference.labels' names classes that are not there; restore the file, or fit again")
    reference = Reference(take("reference.features", torch.float32, (n, d)), labels, tuple(stored["examples"]))
    own = stored["unknown"]
    detector = UnknownDetector(
        take("unknown.rows", torch.float64, (n, d)),
        float(own["threshold"]),
        float(own["false_alarms"]),
        own["examples"],
        own["root"],
    )
    take.finish()
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
    if encoder.fingerprint != block["fingerprint"]:
        raise InputError(
            f"{folder}: encoder '{block['encoder']}' has other weights here than those that the model was fitted with; "
            "install the version of its package that it was fitted with, or fit again"
        )
    return encoder.features


class _Taker:
    """Takes tensors by name, type and shape, and refuses what is left.

    Args:
        tensors: Tensors by name.
        path: Path of their file, for errors.
    """

    def __init__(self, tensors: Mapping[str, Tensor], path: Path) -> None:
        self.left, self.path = dict(tensors), path

    def __call__(self, name: str, dtype: torch.dtype, shape: tuple[int | None, ...]) -> Tensor:
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

    def finish(self) -> None:
        """Refuse tensors that were not taken.

        Raises:
            InputError: If there are any.
        """
        if self.left:
            raise InputError(f"{self.path}: unknown tensor {min(self.left)[:40]!r}; restore the file, or fit again")


def _describe(dtype: torch.dtype, shape: Sequence[int | None]) -> str:
    return f"{str(dtype).removeprefix('torch.')} [{', '.join('n' if size is None else str(size) for size in shape)}]"
