"""The ops that policies choose from, each with a strength from -1 to 1."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from manyshot.augment.image import (
    Affine,
    Autocontrast,
    Brightness,
    Contrast,
    Equalize,
    Posterize,
    Saturation,
    Sharpness,
    Solarize,
)
from manyshot.augment.image.geometric.warp import Size
from manyshot.augment.image.image_op import ImageOp
from manyshot.augment.ops.combine import Layers, Part, apply_layers
from manyshot.augment.ops.compose import Compose
from manyshot.augment.ops.op import Op, Params


@dataclass(frozen=True)
class Move:
    """An op with a strength.

    Args:
        op: The op to apply.
        params: Function of strengths `[m]`, -1 to 1, that returns params of m items. Ops without a direction use the
            absolute value.
    """

    op: Op
    params: Callable[[Tensor], Params]


@dataclass(frozen=True)
class Ranges:
    """What a strength of 1 means.

    Args:
        shear: Shear, as a tangent.
        shift: Translation, as a fraction of the image's side.
        degrees: Rotation in degrees.
        factor: Difference of the factor of color, contrast, brightness or sharpness from 1.
        bits: Smallest and largest number of bits that posterize keeps.
    """

    shear: float
    shift: float
    degrees: float
    factor: float
    bits: tuple[int, int]


class ShearVertical(Affine):
    """An affine map whose `shear` slants rows instead of columns: rows rise to the right."""

    def inverse(self, params: Params, size: Size) -> Float[Tensor, "n 2 2"]:
        """The linear part of the map from output to input."""
        shear: Tensor = params["shear"]
        one, zero = torch.ones_like(shear), torch.zeros_like(shear)
        rows = torch.stack((one, zero, shear * size[1] / size[0], one), -1)
        return rows.view(-1, 2, 2)


def moves(ranges: Ranges) -> dict[str, Move]:
    """The fourteen ops of RandAugment by name, for given ranges.

    Example:
        >>> space = moves(Ranges(shear=0.3, shift=0.45, degrees=30, factor=0.9, bits=(4, 8)))
        >>> len(space), space["rotate"].params(torch.tensor([-0.5]))["degrees"]
        (14, tensor([-15.]))
    """
    low, high = ranges.bits

    def factor(strength: Tensor) -> Params:
        return {"factor": 1 + ranges.factor * strength}

    def bits(strength: Tensor) -> Params:
        return {"bits": (high - (high - low) * strength.abs()).round().long()}

    def threshold(strength: Tensor) -> Params:
        return {"threshold": 1 - strength.abs()}

    return {
        "identity": Move(Compose(()), lambda strength: {}),
        "shear_x": Move(Affine(), lambda strength: _affine(shear=ranges.shear * strength)),
        "shear_y": Move(ShearVertical(), lambda strength: _affine(shear=ranges.shear * strength)),
        "translate_x": Move(Affine(), lambda strength: _affine(right=2 * ranges.shift * strength)),
        "translate_y": Move(Affine(), lambda strength: _affine(down=2 * ranges.shift * strength)),
        "rotate": Move(Affine(), lambda strength: _affine(degrees=ranges.degrees * strength)),
        "brightness": Move(Brightness(), factor),
        "color": Move(Saturation(), factor),
        "contrast": Move(Contrast(), factor),
        "sharpness": Move(Sharpness(), factor),
        "posterize": Move(Posterize(), bits),
        "solarize": Move(Solarize(), threshold),
        "autocontrast": Move(Autocontrast(), _on),
        "equalize": Move(Equalize(), _on),
    }


def layer(space: dict[str, Move], choice: Int[Tensor, "n"], strength: Float[Tensor, "n"]) -> list[Part]:
    """The layer in which each item goes through the op chosen for it, an index of the space, at its strength.

    A choice of -1 leaves the item unchanged.

    Example:
        >>> space = moves(Ranges(shear=0.3, shift=0.45, degrees=30, factor=0.9, bits=(4, 8)))
        >>> parts = layer(space, torch.tensor([5, 6, 5]), torch.tensor([0.1, 0.2, 0.3]))
        >>> [(type(part.op).__name__, part.rows.tolist()) for part in parts]
        [('Affine', [0, 2]), ('Brightness', [1])]
    """
    parts = []
    for index, move in enumerate(space.values()):
        rows = (choice == index).nonzero().flatten()
        if len(rows):
            parts.append(Part(move.op, move.params(strength[rows]), rows))
    return parts


class MovePolicy(ImageOp):
    """A policy that puts each image through some of the fourteen ops, one after another."""

    ranges: ClassVar[Ranges]
    """What a strength of 1 means."""
    channels: ClassVar[tuple[int, ...]] = (1, 3)

    @classmethod
    def space(cls) -> dict[str, Move]:
        """The ops by name, in the order of `choice`."""
        return _moves(cls.ranges)

    def layers(self, params: Params) -> Layers:
        """One layer per op of an image, from `choice` and `strength`, `[n]` or `[n, count]`."""
        choice, strength = params["choice"], params["strength"]
        if choice.ndim == 1:
            choice, strength = choice[:, None], strength[:, None]
        return [layer(self.space(), choice[:, k], strength[:, k]) for k in range(choice.shape[1])]

    def change(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Apply the ops one after another; differentiable in images."""
        result: Tensor = apply_layers(images, self.layers(params))
        return result


@cache
def _moves(ranges: Ranges) -> dict[str, Move]:
    return moves(ranges)


def _affine(
    *,
    shear: Tensor | None = None,
    right: Tensor | None = None,
    down: Tensor | None = None,
    degrees: Tensor | None = None,
) -> Params:
    """Params of an affine map with one nonzero parameter."""
    given = next(value for value in (shear, right, down, degrees) if value is not None)
    zero = torch.zeros_like(given)

    def or_zero(value: Tensor | None) -> Tensor:
        return zero if value is None else value

    return {
        "degrees": or_zero(degrees),
        "scale": torch.ones_like(given),
        "shear": or_zero(shear),
        "shift": torch.stack((or_zero(right), or_zero(down)), -1),
    }


def _on(strength: Tensor) -> Params:
    return {"on": torch.ones_like(strength, dtype=torch.bool)}
