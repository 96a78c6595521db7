"""Transforms of other libraries as ops, seeded per image so that their draws can be replayed."""

import random
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from torch import Generator, Tensor

from manyshot.augment.image.image_op import ImageOp
from manyshot.augment.ops.op import Params, seeds
from manyshot.base import InputError


@dataclass(frozen=True)
class ExternalOp(ImageOp):
    """Base class of ops that apply a transform of another library to one image at a time.

    All global generators are seeded per image, so the transform's draws can be replayed, and restored afterwards. The
    transform must keep the size of the image.

    Args:
        transform: Transform of the other library.
    """

    transform: Any

    traceable: ClassVar[bool] = False

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `seed [n]`."""
        return {"seed": seeds(n, generator)}

    def change(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Transform each image; values are clamped to 0..1.

        Raises:
            InputError: If the transform changes the shape of an image.
        """
        results = []
        for image, seed in zip(images, params["seed"].tolist(), strict=True):
            with seeded(seed):
                result = self.transformed(image, seed)
            if result.shape != image.shape:
                old, new = (" x ".join(map(str, shape)) for shape in (image.shape, result.shape))
                raise InputError(
                    f"{type(self).__name__}: changed the size from {old} to {new}; give one that keeps the size"
                )
            results.append(result.to(images).clamp(0, 1))
        return torch.stack(results) if results else images

    @abstractmethod
    def transformed(self, image: Float[Tensor, "c h w"], seed: int) -> Tensor:
        """Transform one image; all global generators are already seeded."""


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the global generators of Python, numpy and torch inside the context, and restore them afterwards.

    Example:
        >>> with seeded(3):
        ...     first = random.random()
        >>> with seeded(3):
        ...     first == random.random()
        True
    """
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - other libraries draw from it
    with torch.random.fork_rng(devices=[]):
        try:
            random.seed(seed)
            np.random.seed(seed)  # noqa: NPY002
            torch.manual_seed(seed)
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002


def require(module: str, extra: str) -> ModuleType:
    """Import another library.

    Raises:
        InputError: If it is not installed; the message names the command that installs it.

    Example:
        >>> require("no_such_library", "none")
        Traceback (most recent call last):
        manyshot.base.errors.InputError: needs no_such_library: run pip install "manyshot[none]"
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name and error.name.split(".")[0] == module.split(".")[0]:
            raise InputError(f'needs {module}: run pip install "manyshot[{extra}]"') from None
        raise


def to_array(image: Float[Tensor, "c h w"]) -> NDArray[np.uint8]:
    """Convert an image to the array most libraries take: uint8 `[h, w, c]`, or `[h, w]` for one channel.

    Example:
        >>> to_array(torch.ones(3, 2, 4)).shape, to_array(torch.ones(1, 2, 4)).shape
        ((2, 4, 3), (2, 4))
    """
    levels = (image.detach().clamp(0, 1) * 255).round().to(torch.uint8).cpu()
    return np.ascontiguousarray(levels[0].numpy() if len(levels) == 1 else levels.permute(1, 2, 0).numpy())


def to_image(array: Any) -> Float[Tensor, "c h w"]:  # noqa: ANN401 - an array or a Pillow image
    """Convert an array `[h, w, c]` or `[h, w]`, or a Pillow image, back to a float image.

    Example:
        >>> to_image(np.full((2, 4), 255, np.uint8)).shape
        torch.Size([1, 2, 4])
    """
    levels: UInt8[Tensor, "..."] = torch.from_numpy(np.array(array, dtype=np.uint8))
    levels = levels[None] if levels.ndim == 2 else levels.permute(2, 0, 1)
    return levels.float() / 255
