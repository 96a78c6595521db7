"""Join two sources."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from manyshot.base import InputError
from manyshot.tasks.parts import Parts
from manyshot.tasks.source import Source


def join_sources(first: Source, second: Source, name: str | None = None) -> Source:
    """Join the examples of two sources; a class that both have gets the examples of both.

    Args:
        first: Source of tensors.
        second: Source of tensors of the same shape and type.
        name: Name of the result; the names of both if None.

    Returns:
        A source in memory. It has groups only if both sources have groups, and it has no authors. What is said of a
        class that both have is what the first says.

    Raises:
        InputError: If the items differ in shape or type, or a class has different groups in the two sources.

    Example:
        >>> real, generated = (Source.of(torch.zeros(2, 3), labels) for labels in (["cat", "dog"], ["dog", "elk"]))
        >>> both = join_sources(real, generated)
        >>> both.class_names, both.counts.tolist()
        (('cat', 'dog', 'elk'), [1, 2, 1])
    """
    types = []
    for source in (first, second):
        if isinstance(source.store, Parts):
            raise InputError(f"{source.name}: its examples have several parts; only sources of one part can be joined")
        if not isinstance(source.store, Tensor):
            raise InputError(f"{source.name}: its items are decoded on demand; only sources in memory can be joined")
        types.append((tuple(source.store.shape[1:]), source.store.dtype))
    if types[0] != types[1]:
        raise InputError(
            f"{first.name} has items of {_describe(*types[0])} and {second.name} of {_describe(*types[1])}; load both "
            "with the same size"
        )
    groups: dict[str, str] | None = None
    if first.groups is not None and second.groups is not None:
        groups = dict(zip(first.class_names, first.groups, strict=True))
        for class_name, group in zip(second.class_names, second.groups, strict=True):
            if groups.setdefault(class_name, group) != group:
                other = groups[class_name]
                raise InputError(f"class '{class_name}' belongs to group '{other}' and to '{group}'; rename one")
    labels = [source.class_names[c] for source in (first, second) for c in source.labels]
    store = torch.cat([source.gather(np.arange(len(source))) for source in (first, second)])
    joined = Source.of(store, labels, groups=groups, name=name or f"{first.name} + {second.name}")
    if first.about is None and second.about is None:
        return joined
    texts = dict(zip((*second.class_names, *first.class_names), (*second.texts, *first.texts), strict=True))
    return replace(joined, about=tuple(texts[name] for name in joined.class_names))


def _describe(shape: tuple[int, ...], dtype: torch.dtype) -> str:
    return f"{' x '.join(map(str, shape))} {str(dtype).removeprefix('torch.')}"
