"""Which kind of items an op takes: images, volumes, sounds, texts, or vectors of features."""

from typing import Any

from torch import Tensor

from manyshot.augment.ops.op import Op
from manyshot.base import InputError
from manyshot.tasks import Parts


def kind_of(items: Any) -> str:  # noqa: ANN401 - a tensor, or lists for text
    """The kind of the items of T tasks: "images", "volumes", "sounds", "texts", "features", or "parts" of several.

    Args:
        items: Items `[T, n, ...]`, T lists of n texts, or `Parts`. Images have three axes of their own, sounds two.

    Example:
        >>> import torch
        >>> kind_of([["a text"]]), kind_of(torch.zeros(1, 1, 3, 8, 8)), kind_of(torch.zeros(1, 1, 1, 8, 8, 8))
        ('texts', 'images', 'volumes')
        >>> kind_of(torch.zeros(1, 1, 64))
        'features'
    """
    if isinstance(items, Parts):
        return "parts"
    if not isinstance(items, Tensor):
        return "texts"
    return {4: "sounds", 5: "images", 6: "volumes"}.get(items.ndim, "features")


def require_kind(op: object, kind: str) -> None:
    """Check that an op, and the ops that it holds, take this kind of item, by their attribute `Op.takes`.

    Args:
        op: Op of the package, or any object that serves as one.
        kind: "images", "volumes", "sounds", "texts", "features" or "parts".

    Raises:
        InputError: If one of them changes another kind; the message names it.

    Example:
        >>> from manyshot.augment.image import Flip
        >>> require_kind(Flip(), "texts")
        Traceback (most recent call last):
        manyshot.base.errors.InputError: Flip: changes images, and these items are texts; leave it out for them
    """
    takes = getattr(op, "takes", ())
    if takes and kind not in takes:
        changes = " and ".join(takes)
        raise InputError(f"{type(op).__name__}: changes {changes}, and these items are {kind}; leave it out for them")
    for value in vars(op).values():
        for inner in value if isinstance(value, tuple) else (value,):
            if isinstance(inner, Op):
                require_kind(inner, kind)
