"""Mirroring of volumes."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Shaped
from torch import Generator, Tensor

from manyshot.augment.image.geometric.warp import Size
from manyshot.augment.image.image_op import per_item
from manyshot.augment.ops.op import Params, check_choice, check_number
from manyshot.augment.volume.warp3 import LinearWarp3
from manyshot.base import InputError

AXES = ("x", "y", "z")
"""Axes that can be mirrored: left to right, back to front, bottom to top in volumes that Manyshot reads."""


@dataclass(frozen=True)
class Flip3(LinearWarp3):
    """Mirror a volume along one axis with probability p, without interpolation.

    Mirroring x swaps left and right, so a mask of the left kidney would then lie on the right one. Masks therefore
    follow only if `swap` says which labels change places: pairs, or none if no label belongs to one side.

    Args:
        axis: Mirrored axis: x (the last axis, left to right), y or z.
        p: Probability that a volume is mirrored.
        swap: Pairs of labels of masks that mirroring x exchanges, such as "17-53 18-54"; none; or refuse.

    Raises:
        InputError: If a value is out of range; when masks are moved, if x is mirrored and `swap` is refuse.

    Example:
        >>> op = Flip3("x", p=1)
        >>> op.apply(torch.tensor([[[[[1.0, 2.0, 3.0]]]]]), op.sample(1, torch.Generator())).tolist()
        [[[[[3.0, 2.0, 1.0]]]]]
    """

    axis: str = "x"
    p: float = 0.5
    swap: str = "refuse"

    exact: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_choice(self, "axis", AXES)
        check_number(self, "p", high=1)
        self.pairs()

    def pairs(self) -> list[tuple[int, int]]:
        """Return the pairs of labels that `swap` names.

        Raises:
            InputError: If it names no pairs, or a label twice.
        """
        pairs = []
        for text in [] if self.swap in ("none", "refuse") else self.swap.split():
            left, _, right = text.partition("-")
            if not (left.isdecimal() and right.isdecimal()):
                raise InputError(f'Flip3: swap={self.swap!r}: give pairs of labels, such as "17-53 18-54", or none')
            pairs.append((int(left), int(right)))
        labels = [label for pair in pairs for label in pair]
        if len(set(labels)) < len(labels):
            raise InputError(f"Flip3: swap={self.swap!r}: a label is there twice; name each label once")
        return pairs

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `flipped [n]`, booleans."""
        return {"flipped": torch.rand(n, generator=generator) < self.p}

    def inverse(self, params: Params, size: Size) -> Float[Tensor, "n 3 3"]:
        """Return the identity, with -1 at the mirrored axis."""
        flipped: Tensor = params["flipped"]
        signs = torch.ones(len(flipped), 3, dtype=torch.float64)
        signs[:, AXES.index(self.axis)] -= 2 * flipped.cpu()
        return torch.diag_embed(signs)

    def shift_of(self, params: Params) -> Float[Tensor, "n 3"]:
        """Return no translation."""
        return torch.zeros(len(params["flipped"]), 3, dtype=torch.float64)

    def change(self, images: Float[Tensor, "n c d h w"], params: Params) -> Float[Tensor, "n c d h w"]:
        """Mirror the chosen volumes."""
        return torch.where(per_item(params["flipped"], images), images.flip(-1 - AXES.index(self.axis)), images)

    def relabel(self, masks: Shaped[Tensor, "n *chw"], params: Params) -> Shaped[Tensor, "n *chw"]:
        """Exchange the labels of the pairs where x is mirrored.

        Raises:
            InputError: If x is mirrored and `swap` does not say what becomes of labels of one side.
        """
        if self.axis != "x" or not self.p:
            return masks
        if self.swap == "refuse":
            raise InputError(
                "Flip3: mirrors left and right, and labels of one side would name the other: give pairs to exchange, "
                'such as swap="17-53", or swap=none if no label belongs to one side'
            )
        swapped = masks
        for left, right in self.pairs():
            swapped = torch.where(masks == left, right, torch.where(masks == right, left, swapped))
        return torch.where(per_item(params["flipped"], masks), swapped, masks).to(masks.dtype)
