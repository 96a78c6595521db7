"""Augmentor: its operations, and any function of Pillow images, as ops."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from PIL import Image
from torch import Tensor

from manyshot.augment.adapters.external_op import ExternalOp, to_array, to_image
from manyshot.base import InputError


@dataclass(frozen=True)
class FromAugmentor(ExternalOp):
    """An Augmentor pipeline or operation, or any callable on a Pillow image, as an op.

    Images are converted to Pillow images, gray or RGB, so the op is not differentiable.

    Args:
        transform: An `Augmentor.Pipeline` (its operations run with their probabilities; its folder is ignored), an
            operation with `perform_operation(images)`, or a function from image to image.

    Raises:
        InputError: When applied, if images have other than 1 or 3 channels, or the size changes.

    Example:
        >>> from PIL import ImageOps
        >>> import torch
        >>> op = FromAugmentor(ImageOps.invert)
        >>> op.apply(torch.zeros(1, 3, 2, 2), {"seed": torch.tensor([0])}).min()
        tensor(1.)
    """

    def transformed(self, image: Float[Tensor, "c h w"], seed: int) -> Tensor:
        """Run the operations, which draw from Python's and numpy's global generators."""
        if len(image) not in (1, 3):
            raise InputError(f"FromAugmentor: images of {len(image)} channels: give 1 (gray) or 3 (RGB)")
        picture = Image.fromarray(to_array(image))
        for operation in getattr(self.transform, "operations", [self.transform]):
            probability = getattr(operation, "probability", 1.0)
            if random.random() <= probability:
                picture = _perform(operation, picture)
        return to_image(picture)


def _perform(operation: Any | Callable[[Image.Image], Image.Image], picture: Image.Image) -> Image.Image:  # noqa: ANN401
    if hasattr(operation, "perform_operation"):
        (changed,) = operation.perform_operation([picture])
        result: Image.Image = changed
        return result
    called: Image.Image = operation(picture)
    return called
