"""kornia: its augmentations as ops."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.augment.adapters.external_op import ExternalOp


@dataclass(frozen=True)
class FromKornia(ExternalOp):
    """Any kornia augmentation, or another module on batches of images, as an op.

    It is called with one image at a time, so that its draws do not depend on the other images. It is differentiable.

    Args:
        transform: Module from `[n, c, h, w]` to `[n, c, h, w]`, such as `kornia.augmentation.RandomAffine(15.0)`.

    Raises:
        InputError: When applied, if the size changes.

    Example:
        >>> op = FromKornia(torch.nn.AvgPool2d(3, stride=1, padding=1))
        >>> op.apply(torch.rand(8, 3, 28, 28), op.sample(8, torch.Generator().manual_seed(0))).shape
        torch.Size([8, 3, 28, 28])
    """

    def transformed(self, image: Float[Tensor, "c h w"], seed: int) -> Tensor:
        """Call the module, which draws from torch's global generator."""
        result: Tensor = torch.as_tensor(self.transform(image[None]))
        return result[0]
