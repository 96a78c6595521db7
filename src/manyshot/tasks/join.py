"""Two sources as one."""

import numpy as np
import torch
from torch import Tensor

from manyshot.base import InputError
from manyshot.tasks.source import Source


def join(first: Source, second: Source, name: str | None = None) -> Source:
    """The items of both sources; a class that both have gets those of both.

    Args:
        first: of tensors.
        second: of tensors of the same shape and type.
        name: of the whole; both names if None.

    Returns:
        A source in memory. A class of one source alone keeps its group; there are no groups unless both have some, and
        no authors.

    Raises:
        InputError: if the items differ in shape or type, or a class is of two groups.

    Example:
        >>> real, made = (Source.of(torch.zeros(2, 3), labels) for labels in (["cat", "dog"], ["dog", "elk"]))
        >>> both = join(real, made)
        >>> both.class_names, both.counts.tolist()
        (('cat', 'dog', 'elk'), [1, 2, 1])
    """
    looks = []
    for source in (first, second):
        if not isinstance(source.store, Tensor):
            raise InputError(f"{source.name}: its items are decoded on demand; only sources in memory can be joined")
        looks.append((tuple(source.store.shape[1:]), source.store.dtype))
    if looks[0] != looks[1]:
        raise InputError(
            f"{first.name} holds {_look(*looks[0])} and {second.name} {_look(*looks[1])}; load them alike, "
            "with one size"
        )
    groups: dict[str, str] | None = None
    if first.groups is not None and second.groups is not None:
        groups = dict(zip(first.class_names, first.groups, strict=True))
        for class_name, group in zip(second.class_names, second.groups, strict=True):
            if groups.setdefault(class_name, group) != group:
                known = groups[class_name]
                raise InputError(f"class '{class_name}' is of group '{known}' and of '{group}'; rename one")
    labels = [source.class_names[c] for source in (first, second) for c in source.labels]
    store = torch.cat([source.gather(np.arange(len(source))) for source in (first, second)])
    return Source.of(store, labels, groups=groups, name=name or f"{first.name} + {second.name}")


def _look(shape: tuple[int, ...], kind: torch.dtype) -> str:
    return f"{' x '.join(map(str, shape))} of {str(kind).removeprefix('torch.')}"
