"""Which entries of a vector belong to which part, such as the picture's and the text's features side by side."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.base import InputError
from manyshot.base.check_numbers import check_range
from manyshot.meta_augment.support_context import task_context
from manyshot.tasks import Examples


def part_sizes(features: int, parts: str) -> list[int]:
    """The lengths of the parts of a vector, from a text such as "1280+384".

    Args:
        features: Length of the vector.
        parts: Lengths joined by "+"; empty if the vector is one part.

    Raises:
        InputError: If they are no lengths, or do not add up.

    Example:
        >>> part_sizes(1664, "1280+384"), part_sizes(64, "")
        ([1280, 384], [64])
    """
    sizes = check_parts(parts) or [features]
    if sum(sizes) != features:
        raise InputError(f"parts={parts}: they add up to {sum(sizes)}, and features have length {features}")
    return sizes


def check_parts(parts: str) -> list[int]:
    """Read lengths of parts; none from an empty text.

    Args:
        parts: Lengths joined by "+".

    Raises:
        InputError: If they are no lengths.
    """
    words = [word.strip() for word in parts.split("+")] if parts else []
    if not all(word.isdecimal() for word in words):
        raise InputError(f"parts='{parts}': give lengths joined by '+', such as 1280+384")
    for word in words:
        check_range(1, 1 << 20, whole=True, parts=int(word))
    return [int(word) for word in words]


def standardized(
    items: Float[Tensor, "t n d"], context: Examples, sizes: Sequence[int]
) -> tuple[Float[Tensor, "t n d"], Float[Tensor, "t 1 d"]]:
    """Offsets from the task's mean in units of the spread of each part, and these units.

    Args:
        items: Vectors.
        context: Support set, by which mean and spread are taken, see `task_context`.
        sizes: Lengths of the parts.

    Returns:
        Offsets, and the unit of each entry.

    Example:
        >>> support = Examples.of(torch.tensor([[[1.0, 0.0], [3.0, 20.0]]]), torch.arange(2))
        >>> standardized(support.items, support, [1, 1])[0]
        tensor([[[-1., -1.],
                 [ 1.,  1.]]])
    """
    parts = torch.split(context.items, list(sizes), -1)
    found = [task_context(part, context) for part in parts]
    mean = torch.cat([one.task for one in found], -1)[:, None]
    unit = torch.cat([one.spread[:, None].expand(-1, size) for one, size in zip(found, sizes, strict=True)], -1)
    return (items - mean) / unit[:, None], unit[:, None]
