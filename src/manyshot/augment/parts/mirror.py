"""Mirror images whose captions still tell left from right."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from manyshot.augment.ops.op import Params, check_number
from manyshot.augment.parts.joint_op import JointOp
from manyshot.augment.parts.left_right import exchange_left_right
from manyshot.base import InputError
from manyshot.tasks import Parts


@dataclass(frozen=True)
class Mirror(JointOp):
    """Flip the pictures of an example, exchange left and right in its texts, and the channels of its stereo sounds.

    By one draw: a flipped picture whose caption still says "on the left" is an example of nothing. Texts are English or
    Chinese, see `exchange_left_right`. Vectors and sounds of one channel stay.

    Args:
        p: Probability that an example is mirrored.

    Raises:
        InputError: For a p out of range.

    Example:
        >>> parts = Parts.of({"photo": torch.tensor([[[[0.0, 1.0]]]]), "caption": ["white on the right"]})
        >>> mirrored = Mirror(p=1).apply(parts, {"on": torch.tensor([True])})
        >>> mirrored["photo"].flatten().tolist(), mirrored["caption"]
        ([1.0, 0.0], ['white on the left'])
    """

    p: float = 0.5

    def __post_init__(self) -> None:
        check_number(self, "p", high=1)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `on [n]`: whether each example is mirrored."""
        return {"on": torch.rand(n, generator=generator) < self.p}

    def check(self, items: Any) -> None:  # noqa: ANN401 - whatever a caller has
        """Refuse examples without pictures."""
        super().check(items)
        if "images" not in items.kinds.values():
            raise InputError(
                f"Mirror: flips pictures, and the parts are {describe_parts(items)}; leave it out for them"
            )

    def apply(self, parts: Parts, params: Params) -> Parts:
        """Mirror the examples that are on; exact, and differentiable in the pictures."""
        self.check(parts)
        on: Tensor = params["on"]
        for name, kind in parts.kinds.items():
            value = parts[name]
            if kind == "texts":
                pairs = zip(value, on.tolist(), strict=True)
                parts = parts.replaced(name, [exchange_left_right(text) if turned else text for text, turned in pairs])
            elif kind == "images" or (kind == "sounds" and value.shape[1] == 2):
                mask = on.to(value.device).view(-1, *[1] * (value.ndim - 1))
                parts = parts.replaced(name, torch.where(mask, value.flip(-1 if kind == "images" else 1), value))
        return parts


def describe_parts(parts: Parts) -> str:
    """Names and kinds of parts, for messages.

    Args:
        parts: Parts.

    Example:
        >>> describe_parts(Parts.of({"photo": torch.zeros(1, 3, 8, 8), "caption": ["a"]}))
        'photo (images), caption (texts)'
    """
    return ", ".join(f"{name} ({kind})" for name, kind in parts.kinds.items())
