"""Base class of ops on images and volumes: checks them, changes them as floats, and returns the type it was given."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from jaxtyping import Float, UInt8
from torch import Generator, Tensor

from manyshot.augment.ops.op import Op, Params, check_number
from manyshot.base import InputError

AXES = {"images": 4, "volumes": 5}
"""Number of axes of a batch: images `[n, c, h, w]`, volumes `[n, c, d, h, w]`."""
HINTS = {
    ("images", 2): "give [n, c, h, w], such as images[None, None]",
    ("images", 3): "give [n, c, h, w], such as images[None]",
    ("images", 5): "give images [n, c, h, w], such as the slices of volumes: volumes.transpose(1, 2).flatten(0, 1)",
    ("volumes", 3): "give [n, c, d, h, w], such as volumes[None, None]",
    (
        "volumes",
        4,
    ): "give volumes [n, c, d, h, w], such as volumes[None] for one volume, volumes[:, None] for one channel",
}
"""What to give instead of a tensor with this number of axes."""
IMAGES_AND_VOLUMES = ("images", "volumes")
"""Kinds that an op takes that treats every value alike, wherever it stands."""
LAYOUT = {"images": "[n, c, h, w]", "volumes": "[n, c, d, h, w]"}
NAMES = {1: "1 (gray)", 3: "3 (red, green, blue)"}


class ImageOp(Op):
    """Base class of ops on images `[n, c, h, w]`. A subclass implements `sample` and `change`.

    An op whose `takes` names volumes changes `[n, c, d, h, w]`, too, or alone. Items are floats from 0 to 1 of any
    precision, or uint8; results have the same type. float16 and bfloat16 are computed in float32; uint8 is scaled to 0
    to 1, changed in float32 and rounded back.
    """

    takes: ClassVar[tuple[str, ...]] = ("images",)
    unit: ClassVar[bool] = True

    channels: ClassVar[tuple[int, ...]] = ()
    """Numbers of channels that the op supports; empty for any number."""

    def check(self, items: Any) -> None:  # noqa: ANN401 - whatever a caller has
        """Check that items are a batch of images that the op supports.

        Raises:
            InputError: If the axes, the number of channels or the dtype are wrong, or there are no pixels.
        """
        check_images(self, items)

    def apply(self, images: Tensor, params: Params) -> Tensor:
        """Change n images `[n, c, h, w]`, each by its own params.

        Args:
            images: Floats from 0 to 1, or uint8.
            params: Params of n images, as drawn by `sample`.

        Returns:
            Images of the same shape and type; differentiable where `change` is.

        Raises:
            InputError: If images are not a batch of images that the op supports.
        """
        self.check(images)
        changed: Tensor = in_floats(images, lambda floats: self.change(floats, params))
        return changed

    @abstractmethod
    def change(self, images: Float[Tensor, "n c *size"], params: Params) -> Float[Tensor, "n c *size"]:
        """Change n images (or volumes, if the op takes them) of float32 or float64, each by its own params."""


class SwitchedOp(ImageOp):
    """An op that acts on an image or volume either fully or not at all, with its option `p` as the probability."""

    p: float

    def __post_init__(self) -> None:
        check_number(self, "p", high=1)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `on [n]`, booleans."""
        return {"on": torch.rand(n, generator=generator) < self.p}


def check_images(op: object, items: Any) -> None:  # noqa: ANN401
    """Check that items are a batch of images, or of volumes if the op takes them, with an error that names the op.

    Args:
        op: Op that will change them; its `channels`, if it has any, are the supported numbers of channels.
        items: Value to check.

    Raises:
        InputError: If the axes, the number of channels or the dtype are wrong, or there are no pixels.

    Example:
        >>> from manyshot.augment.image import Flip
        >>> check_images(Flip(), torch.zeros(8, 8))
        Traceback (most recent call last):
        manyshot.base.errors.InputError: Flip: images of shape [8, 8]: give [n, c, h, w], such as images[None, None]
    """
    kinds = getattr(op, "takes", ()) or ("images",)
    what, layout = kinds[0], LAYOUT[kinds[0]]
    if not isinstance(items, Tensor):
        shape = getattr(items, "shape", None)
        wrong = f"{type(items).__name__}{'' if shape is None else f' of shape {list(shape)}'}"
        hint = f"give a tensor {layout}" + (
            ", or [c, h, w], such as torch.from_numpy(image).permute(2, 0, 1)" if what == "images" else ""
        )
    elif items.ndim not in [AXES[kind] for kind in kinds]:
        wrong = f"{what} of shape {list(items.shape)}"
        hint = HINTS.get((what, items.ndim), f"give {what} {layout}")
    elif not _is_fit(items.dtype):
        wrong = f"{what} of {str(items.dtype).removeprefix('torch.')}"
        hint = "give floats from 0 to 1, or uint8"
    elif not all(items.shape[1:]):
        wrong = f"{what} of shape {list(items.shape)}"
        hint = f"give at least one channel and one {'pixel' if what == 'images' else 'voxel'}"
    else:
        return check_channels(op, items.shape[1])
    raise InputError(f"{type(op).__name__}: {wrong}: {hint}")


def check_channels(op: object, channels: int) -> None:
    """Check that an op supports this number of channels.

    Raises:
        InputError: If it does not; the message names the op and the supported numbers.

    Example:
        >>> from manyshot.augment.image import Saturation
        >>> check_channels(Saturation(), 4)
        Traceback (most recent call last):
        manyshot.base.errors.InputError: Saturation: images of 4 channels: give 1 (gray) or 3 (red, green, blue)
    """
    allowed = getattr(op, "channels", ())
    if allowed and channels not in allowed:
        hint = " or ".join(NAMES.get(number, str(number)) for number in allowed)
        raise InputError(f"{type(op).__name__}: images of {channels} channels: give {hint}")


def in_floats(items: Any, change: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - a tensor, or lists for text
    """Apply a function in float32 or float64, and convert the result back to the dtype of items.

    Args:
        items: Tensor; uint8 is scaled to 0 to 1. Anything but a tensor is passed on unchanged.
        change: Function of items with values from 0 to 1.

    Example:
        >>> in_floats(torch.tensor([0, 255], dtype=torch.uint8), lambda values: 1 - values)
        tensor([255,   0], dtype=torch.uint8)
        >>> in_floats(torch.zeros(1).half(), lambda values: 1 - values)
        tensor([1.], dtype=torch.float16)
    """
    if not isinstance(items, Tensor) or not _is_fit(items.dtype) or items.dtype in (torch.float32, torch.float64):
        return change(items)
    return as_given(change(to_floats(items)), items)


def to_floats(items: Tensor) -> Tensor:
    """Convert uint8 to floats from 0 to 1 and half precision to float32; leave float32 and float64 unchanged.

    Example:
        >>> to_floats(torch.tensor([255], dtype=torch.uint8)), to_floats(torch.ones(1).half())
        (tensor([1.]), tensor([1.]))
    """
    if items.dtype == torch.uint8:
        return items.float() / 255
    return items if items.dtype in (torch.float32, torch.float64) else items.float()


def as_given(values: Tensor, items: Tensor) -> Tensor:
    """Convert values from 0 to 1 back to the dtype that items had before `to_floats`.

    Example:
        >>> as_given(torch.ones(1), torch.zeros(1, dtype=torch.uint8))
        tensor([255], dtype=torch.uint8)
    """
    return to_bytes(values) if items.dtype == torch.uint8 else values.to(items.dtype)


def to_bytes(images: Float[Tensor, "*n"]) -> UInt8[Tensor, "*n"]:
    """Round values from 0 to 1 to the nearest of 256 levels.

    Example:
        >>> to_bytes(torch.tensor([0.0, 0.5, 1.0]))
        tensor([  0, 128, 255], dtype=torch.uint8)
    """
    return images.clamp(0, 1).mul(255).round().to(torch.uint8)


def _is_fit(dtype: torch.dtype) -> bool:
    return dtype.is_floating_point or dtype == torch.uint8


def per_item(values: Tensor, items: Tensor) -> Tensor:
    """Reshape one number per item, `[n]`, to broadcast with items of any number of axes, on their device.

    Numbers get the dtype of items; booleans stay.

    Example:
        >>> per_item(torch.tensor([2.0]), torch.zeros(1, 3, 8, 8)).shape
        torch.Size([1, 1, 1, 1])
    """
    moved = values.to(items.device) if values.dtype == torch.bool else values.to(items)
    return moved.view(-1, *[1] * (items.ndim - 1))
