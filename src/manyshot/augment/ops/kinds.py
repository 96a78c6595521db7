"""Which kind of items an op takes: images, texts, or vectors of features."""

from typing import Any

from torch import Tensor

from manyshot.augment.ops.op import Op
from manyshot.base import InputError


def kind_of(items: Any) -> str:  # noqa: ANN401 - a tensor, or lists for text
    """The kind of the items of T tasks: "images", "texts" or "features".

    Args:
        items: Items `[T, n, ...]`, or T lists of n texts.

    Example:
        >>> import torch
        >>> kind_of([["a text"]]), kind_of(torch.zeros(1, 1, 3, 8, 8)), kind_of(torch.zeros(1, 1, 64))
        ('texts', 'images', 'features')
    """
    if not isinstance(items, Tensor):
        return "texts"
    return "images" if items.ndim == 5 else "features"


def require_kind(op: object, kind: str) -> None:
    """Check that an op, and the ops that it holds, take this kind of item, by their attribute `Op.takes`.

    Args:
        op: Op of the package, or any object that serves as one.
        kind: "images", "texts" or "features".

    Raises:
        InputError: If one of them changes another kind; the message names it.

    Example:
        >>> from manyshot.augment.image import Flip
        >>> require_kind(Flip(), "texts")
        Traceback (most recent call last):
        manyshot.base.errors.InputError: Flip: changes images, and these items are texts; leave it out for them
    """
    takes = getattr(op, "takes", None)
    if takes not in (None, kind):
        raise InputError(f"{type(op).__name__}: changes {takes}, and these items are {kind}; leave it out for them")
    for value in vars(op).values():
        for inner in value if isinstance(value, tuple) else (value,):
            if isinstance(inner, Op):
                require_kind(inner, kind)
