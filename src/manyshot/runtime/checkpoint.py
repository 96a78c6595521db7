"""Checkpoints: weights, optimizer state and progress in one safetensors file. Reading one runs no code."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from manyshot.base import InputError, write_aside


def save_checkpoint(path: Path, learner: nn.Module, optimizer: Optimizer | None, progress: dict[str, Any]) -> None:
    """Write a checkpoint.

    Args:
        path: Path of the file; an existing file is replaced only when the new one is complete.
        learner: Module whose `state_dict` is written, under names that begin with `learner.`.
        optimizer: Optimizer whose per-parameter tensors are written, under names that begin with `optimizer.`, but not
            its settings, which are those of the run; None writes no optimizer.
        progress: Progress of the training, for JSON; `load_checkpoint` returns it.
    """
    tensors = {f"learner.{name}": tensor.contiguous() for name, tensor in learner.state_dict().items()}
    if optimizer is not None:
        for index, state in optimizer.state_dict()["state"].items():
            for name, tensor in state.items():
                if isinstance(tensor, Tensor):
                    tensors[f"optimizer.{index}.{name}"] = tensor.contiguous()
    with write_aside(path) as aside:
        save_file(tensors, aside, metadata={"progress": json.dumps(progress)})


def load_checkpoint(path: Path, learner: nn.Module, optimizer: Optimizer | None = None) -> dict[str, Any]:
    """Load a checkpoint into a learner and, if one is given, an optimizer.

    Args:
        path: Path of the file.
        learner: Module that the weights are loaded into.
        optimizer: Optimizer whose state is loaded; None loads none.

    Returns:
        The progress that was saved.

    Raises:
        InputError: If the file is missing, damaged, or belongs to a learner of another shape.
    """
    progress, tensors = _read(path, with_tensors=True)
    weights = {n.removeprefix("learner."): t for n, t in tensors.items() if n.startswith("learner.")}
    try:
        learner.load_state_dict(weights)
    except RuntimeError as error:
        reason = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise InputError(
            f"{path}: its weights do not fit this learner ({reason}); use the run's own config.json"
        ) from None
    if optimizer is not None:
        state = {n.removeprefix("optimizer."): t for n, t in tensors.items() if n.startswith("optimizer.")}
        try:
            by_weight = _by_weight(state, [w for group in optimizer.param_groups for w in group["params"]])
        except (LookupError, ValueError) as error:
            raise InputError(f"{path}: damaged checkpoint ({error}); train again or restore the file") from None
        optimizer.load_state_dict({"state": by_weight, "param_groups": optimizer.state_dict()["param_groups"]})
        lay_out_like_weights(optimizer)
    return progress


def read_progress(path: Path) -> dict[str, Any]:
    """The progress of a checkpoint, without its weights.

    Args:
        path: Path of the file.

    Raises:
        InputError: If the file is missing or damaged.
    """
    return _read(path, with_tensors=False)[0]


def _read(path: Path, with_tensors: bool) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            progress = json.loads(file.metadata()["progress"])
            names = file.keys() if with_tensors else ()
            tensors = {name: file.get_tensor(name) for name in names}
            if not isinstance(progress, dict) or not isinstance(progress["step"], int):
                raise TypeError("no record of progress")
    except FileNotFoundError:
        raise InputError(f"{path}: no such checkpoint; name a run folder that `manyshot train` wrote") from None
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: damaged checkpoint ({error}); train again or restore the file") from None
    return progress, tensors


def _by_weight(state: dict[str, Tensor], weights: list[Tensor]) -> dict[int, dict[str, Tensor]]:
    """The tensors of an optimizer by weight, from names such as `<index of the weight>.<name>`."""
    by_weight: dict[int, dict[str, Tensor]] = {}
    for name, tensor in state.items():
        index, key = name.split(".", 1)
        if tensor.ndim and tensor.shape != weights[int(index)].shape:
            raise ValueError(f"optimizer.{name} has another shape than its weight")
        if int(index) not in range(len(weights)):
            raise ValueError(f"optimizer.{name} belongs to no weight")
        by_weight.setdefault(int(index), {})[key] = tensor
    return by_weight


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
