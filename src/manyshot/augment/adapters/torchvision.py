"""torchvision and what follows its manners: its transforms as ops, our ops as its transforms.

Neither direction needs torchvision: its transforms are callables on tensors, and so is ours.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor, nn

from manyshot.augment.adapters.external_op import ExternalOp, to_array, to_image
from manyshot.augment.ops.op import Op
from manyshot.base import InputError


@dataclass(frozen=True)
class FromTorchvision(ExternalOp):
    """Any torchvision transform, or another callable on one image, as an op.

    Args:
        transform: Function of float images `[c, h, w]`, 0 to 1, that keeps their size. Gradients pass if it has any.
        as_uint8: Whether to pass uint8 tensors instead, for transforms that need those; then there is no gradient.

    Raises:
        InputError: On applying, if the size changes.

    Example:
        >>> op = FromTorchvision(lambda image: image.flip(-1))
        >>> op.apply(torch.tensor([[[[0.0, 1.0]]]]), {"seed": torch.tensor([0])}).tolist()
        [[[[1.0, 0.0]]]]
    """

    as_uint8: bool = False

    def transformed(self, image: Float[Tensor, "c h w"], seed: int) -> Tensor:
        """Call the transform, which draws from the global streams."""
        if not self.as_uint8:
            return torch.as_tensor(self.transform(image))
        levels = (image.detach().clamp(0, 1) * 255).round().to(torch.uint8)
        return torch.as_tensor(self.transform(levels)).float() / 255


class ToTorchvision(nn.Module):
    """Our op as a transform in torchvision's manner: takes one image, draws from torch's global stream.

    It gives back what it got: a Pillow image, a uint8 tensor or a float tensor. Further arguments, such as a label,
    come back as they are.

    Args:
        op: Any op on images.

    Raises:
        InputError: On calling, for anything but an image.

    Example:
        >>> from manyshot.augment.image import Flip
        >>> ToTorchvision(Flip(p=1))(torch.tensor([[[1, 2, 3]]], dtype=torch.uint8)).tolist()
        [[[3, 2, 1]]]
    """

    def __init__(self, op: Op) -> None:
        super().__init__()
        self.op = op

    def forward(self, image: Any, *others: Any) -> Any:  # noqa: ANN401 - a tensor or a Pillow image
        """Change a tensor `[c, h, w]`, a batch `[n, c, h, w]`, each item by its own draw, or a Pillow image."""
        changed = self._changed(image)
        return (changed, *others) if others else changed

    def extra_repr(self) -> str:
        """The op."""
        return repr(self.op)

    def _changed(self, image: Any) -> Any:  # noqa: ANN401
        if isinstance(image, Image.Image):
            if image.mode not in ("L", "RGB"):
                raise InputError(f"ToTorchvision: a picture of mode {image.mode}: convert it to L or RGB first")
            return Image.fromarray(to_array(self._changed(to_image(image))))
        if not isinstance(image, Tensor) or image.ndim not in (3, 4):
            what = tuple(image.shape) if isinstance(image, Tensor) else type(image).__name__
            raise InputError(f"ToTorchvision: {what}: give a Pillow image or a tensor [c, h, w] or [n, c, h, w]")
        # It draws from the global stream, the one that a loader seeds anew for every worker and every epoch.
        return self.op(image)
