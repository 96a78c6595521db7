"""Checkpoints: weights, optimizer state and progress in one safetensors file. Reading one runs no code."""

import json
from collections.abc import Mapping
from inspect import signature
from pathlib import Path
from typing import Any, NoReturn, TypedDict

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from manyshot.base import InputError, check_type, parse_json
from manyshot.base.tensor_file import read_tensors, write_tensors
from manyshot.runtime.upgrade import PROGRESS_KEYS

OPTIMIZER_TENSORS = "optimizer_tensors"
"""Entry of the stored progress that tells how many tensors of the optimizer were written; older files lack it."""
MAX_STEPS = 10**12
"""Largest step of a checkpoint whose training is not known."""


class Progress(TypedDict):
    """What every checkpoint says of the progress of its training."""

    step: int


def save_checkpoint(path: Path, learner: nn.Module, optimizer: Optimizer | None, progress: dict[str, Any]) -> None:
    """Write a checkpoint.

    Args:
        path: Path of the file; an existing file is replaced only when the new one is complete.
        learner: Module whose `state_dict` is written, under names that begin with `learner.`.
        optimizer: Optimizer whose per-parameter tensors are written, under names that begin with `optimizer.`, but not
            its settings, which are those of the run; None writes no optimizer.
        progress: Progress of the training, for JSON; `load_checkpoint` returns it.
    """
    tensors = {f"learner.{name}": tensor for name, tensor in learner.state_dict().items()}
    weights = len(tensors)
    if optimizer is not None:
        for index, state in optimizer.state_dict()["state"].items():
            for name, tensor in state.items():
                if isinstance(tensor, Tensor):
                    tensors[f"optimizer.{index}.{name}"] = tensor
    # One entry of metadata: safetensors writes several in an arbitrary order, and equal trainings give equal bytes.
    stored = {**progress, OPTIMIZER_TENSORS: len(tensors) - weights}
    write_tensors(path, tensors, {"progress": json.dumps(stored)})


def load_checkpoint(
    path: Path, learner: nn.Module, optimizer: Optimizer | None = None, steps: int | None = None
) -> dict[str, Any]:
    """Load a checkpoint into a learner and, if one is given, an optimizer.

    Args:
        path: Path of the file.
        learner: Module that the weights are loaded into.
        optimizer: Optimizer whose state is loaded; None loads none.
        steps: Number of steps of the whole training; None if it is not known.

    Returns:
        The progress that was saved.

    Raises:
        InputError: If the file is missing, damaged, or belongs to a learner of another shape or a shorter training.
    """
    tensors, metadata = _read(path, None)
    progress = _progress(path, metadata, steps)
    written = progress.pop(OPTIMIZER_TENSORS, None)
    weights = {n.removeprefix("learner."): t for n, t in tensors.items() if n.startswith("learner.")}
    _check_kinds(path, weights, learner.state_dict())
    try:
        learner.load_state_dict(weights)
    except RuntimeError as error:
        reason = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise InputError(
            f"{path}: its weights do not fit this learner ({reason}); use the run's own config.json"
        ) from None
    if optimizer is not None:
        state = {n.removeprefix("optimizer."): t for n, t in tensors.items() if n.startswith("optimizer.")}
        if int(progress["step"]) > 0 and written not in (None, len(state)):
            _refuse(path, "the state of its optimizer is incomplete")
        _load_optimizer(path, optimizer, state, progress["step"])
    return progress


def read_progress(path: Path, steps: int | None = None) -> dict[str, Any]:
    """The progress of a checkpoint, without its weights.

    Args:
        path: Path of the file.
        steps: Number of steps of the whole training; None if it is not known.

    Raises:
        InputError: If the file is missing or damaged, or its step lies beyond `steps`.
    """
    progress = _progress(path, _read(path, ())[1], steps)
    progress.pop(OPTIMIZER_TENSORS, None)
    return progress


def check_progress(path: Path, progress: Mapping[str, Any], initial: Mapping[str, Any]) -> None:
    """Check that a checkpoint's progress has every entry that its training needs, with values of the right type.

    Args:
        path: Path of the checkpoint, for errors.
        progress: Progress that was loaded.
        initial: Progress of a training that has not begun. Where it holds None, a number may stand.

    Raises:
        InputError: If an entry is missing or has the wrong type.

    Example:
        >>> check_progress(Path("last.safetensors"), {"step": 3, "best": None}, {"step": 0, "best": None})
        >>> check_progress(Path("last.safetensors"), {"step": 3, "best": "x"}, {"step": 0, "best": None})
        Traceback (most recent call last):
        manyshot.base.errors.InputError: last.safetensors: damaged: best: 'x' is not a number or null
    """
    kinds: dict[type, Any] = {type(None): float | None, dict: dict[str, float]}
    for name, value in initial.items():
        if name not in progress:
            _refuse(path, f"no '{name}' in its progress")
        check_type(progress[name], kinds.get(type(value), type(value)), f"{path}: damaged: {name}")


def _read(path: Path, names: tuple[str, ...] | None) -> tuple[dict[str, Tensor], dict[str, str]]:
    if not path.exists():
        raise InputError(f"{path}: no such checkpoint; name a run folder that `manyshot train` wrote")
    return read_tensors(path, names)


def _progress(path: Path, metadata: Mapping[str, str], steps: int | None) -> dict[str, Any]:
    if "progress" not in metadata:
        _refuse(path, "no record of progress")
    stored: dict[str, Any] = parse_json(metadata["progress"], f"{path}: damaged: its progress", Progress)
    progress = {PROGRESS_KEYS.get(name, name): value for name, value in stored.items()}
    if not 0 <= progress["step"] <= (MAX_STEPS if steps is None else steps):
        _refuse(path, f"its step is {progress['step']:,}" + ("" if steps is None else f" of a training of {steps:,}"))
    return progress


def _check_kinds(path: Path, weights: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> None:
    """Refuse tensors of another kind than the learner's, which loading would convert in silence."""
    for name, tensor in weights.items():
        if name in own and _kind(tensor) != _kind(own[name]):
            _refuse(path, f"'{name}' holds {tensor.dtype} instead of {own[name].dtype}")


def _kind(tensor: Tensor) -> str:
    if tensor.is_complex():
        return "complex"
    return "floating" if tensor.is_floating_point() else str(tensor.dtype)


def _load_optimizer(path: Path, optimizer: Optimizer, state: Mapping[str, Tensor], step: int) -> None:
    expected = _expected_state(optimizer)
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    by_weight: dict[int, dict[str, Tensor]] = {}
    for name, tensor in state.items():
        index, _, key = name.partition(".")
        if not index.isdecimal() or int(index) >= len(weights) or key not in expected:
            _refuse(path, f"optimizer.{name} belongs to no weight of this optimizer")
        if tensor.shape != (weights[int(index)].shape if expected[key] else torch.Size()):
            _refuse(path, f"optimizer.{name} has another shape than its weight")
        by_weight.setdefault(int(index), {})[key] = tensor
    for number, tensors in by_weight.items():
        missing = sorted(expected.keys() - tensors.keys())
        if missing:
            _refuse(path, f"no optimizer.{number}.{missing[0]}")
    if step > 0 and expected and not by_weight:
        _refuse(path, "the state of its optimizer is missing")
    optimizer.load_state_dict({"state": by_weight, "param_groups": optimizer.state_dict()["param_groups"]})
    lay_out_like_weights(optimizer)


def _expected_state(optimizer: Optimizer) -> dict[str, bool]:
    """Tensors that the optimizer keeps for a weight, and whether each has the weight's shape."""
    weight = torch.zeros(2, requires_grad=True)
    weight.grad = torch.zeros(2)
    group, takes = optimizer.param_groups[0], signature(type(optimizer)).parameters
    twin = type(optimizer)(
        [weight], **{name: value for name, value in group.items() if name in takes and name != "params"}
    )
    twin.step()
    return {name: bool(value.ndim) for name, value in twin.state[weight].items() if isinstance(value, Tensor)}


def _refuse(path: Path, reason: str) -> NoReturn:
    raise InputError(f"{path}: damaged checkpoint ({reason}); train again or restore the file")


def lay_out_like_weights(optimizer: Optimizer) -> None:
    """Give the optimizer's tensors the memory layout of their weights, such as channels last.

    They have that layout in a training that was not interrupted. Results of another layout may differ in the last bit.

    Args:
        optimizer: Optimizer whose state has been loaded.
    """
    for weight, state in optimizer.state.items():
        for name, average in state.items():
            if isinstance(average, Tensor) and average.shape == weight.shape:
                state[name] = torch.empty_like(weight, memory_format=torch.preserve_format).copy_(average)
