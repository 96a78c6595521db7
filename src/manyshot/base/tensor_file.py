"""Tensors in files of the format safetensors, which hold no code."""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from manyshot.base.atomic_files import sweep, write_aside
from manyshot.base.errors import InputError
from manyshot.base.read_files import open_file


def write_tensors(path: Path | str, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write tensors to a file, which is complete or not there at all.

    Args:
        path: Path of the file.
        tensors: Tensors by name, of any shape and memory layout.
        metadata: Text to store beside them.

    Raises:
        OSError: If the disk is full or may not be written; names the file.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "weights.safetensors"
        >>> write_tensors(path, {"bias": torch.ones(2)}, {"kind": "learner"})
        >>> read_tensors(path)
        ({'bias': tensor([1., 1.])}, {'kind': 'learner'})
    """
    contents = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    with write_aside(path) as aside:
        try:
            save_file(contents, aside, metadata=None if metadata is None else dict(metadata))
        except SafetensorError as error:
            raise _os_error(str(error), str(path)) from None


def read_tensors(
    path: Path | str, names: Iterable[str] | None = None, finite: bool = True
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read tensors and the text beside them; no more memory is taken than the file has bytes.

    Args:
        path: Path of the file.
        names: Names of the tensors to read; None reads all. Those that the file does not have are left out.
        finite: Whether tensors that hold NaN or infinity are refused.

    Returns:
        Tensors by name, and metadata by name.

    Raises:
        InputError: If the file is missing, damaged, or not in this format.
    """
    open_file(path).close()
    try:
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
            known = list(file.keys())
            wanted = known if names is None else [name for name in names if name in set(known)]
            tensors = {name: file.get_tensor(name) for name in wanted}
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: damaged ({error}); restore the file") from None
    if finite:
        for name, tensor in tensors.items():
            if (tensor.is_floating_point() or tensor.is_complex()) and not bool(torch.isfinite(tensor).all()):
                raise InputError(f"{path}: '{name}' is damaged, it holds NaN or infinity; restore the file")
    return tensors, metadata


def sweep_tensors(path: Path | str) -> None:
    """Remove what killed writers of a file left beside it; only for a folder that nobody else is writing.

    Args:
        path: Path of the file.
    """
    sweep(path)
    for left in Path(path).parent.glob(".tmp??????"):  # of the library
        left.unlink(missing_ok=True)


def _os_error(message: str, path: str) -> OSError:
    """The error of the operating system that safetensors reports as text: "... (os error 28) ..."."""
    found = re.search(r"os error (\d+)", message)
    return OSError(int(found[1]), os.strerror(int(found[1])), path) if found else OSError(0, message, path)
