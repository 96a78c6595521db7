"""Who is mixed with whom: the items of a batch, or of each task, among themselves."""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor

from manyshot.augment.mix.mix import Mix
from manyshot.base import InputError
from manyshot.tasks import Examples


def partners_of(
    drawn: Float[Tensor, "n others"], group: Int[Tensor, "n"], present: Bool[Tensor, "n"] | None = None
) -> Int[Tensor, "n others"]:
    """Resolve drawn partners: an item of the same group, never the item itself unless it stands alone.

    Args:
        drawn: from 0 to 1, how far round the group the partner stands, counted from the item.
        group: which items may be mixed with each other; items of a group need not stand together.
        present: items that may be partners; an item that may not is its own partner. None: all.

    Returns:
        Places below n.

    Example:
        >>> partners_of(torch.tensor([[0.0], [0.0], [0.9], [0.5]]), torch.tensor([0, 0, 0, 1])).flatten().tolist()
        [1, 2, 1, 3]
    """
    n = len(group)
    if n and present is None and bool((group == group[0]).all()):
        turn = 1 + np.minimum((drawn.cpu().numpy() * (n - 1)).astype(np.int64), max(n - 2, 0))
        return torch.from_numpy((np.arange(n)[:, None] + turn) % n)
    alone = torch.arange(n)[:, None].expand_as(drawn)
    there = torch.ones(n, dtype=torch.bool) if present is None else present.cpu()
    group = torch.where(there, group.cpu(), -1)
    order = group.argsort(stable=True)
    _, inverse, counts = torch.unique(group, return_inverse=True, return_counts=True)
    first = (counts.cumsum(0) - counts)[inverse][:, None]
    size = counts[inverse][:, None]
    rank = torch.empty(n, dtype=torch.long).scatter(0, order, torch.arange(n))[:, None] - first
    step = 1 + (drawn.cpu() * (size - 1)).long().clamp(max=(size - 2).clamp(min=0))
    found = order[first + (rank + step) % size]
    return torch.where(there[:, None], found, alone)


def mix_batch(
    mix: Mix, images: Float[Tensor, "n ..."], labels: Float[Tensor, "n ways"], generator: Generator
) -> tuple[Float[Tensor, "n ..."], Float[Tensor, "n ways"]]:
    """Mix the items of a batch with each other, each by its own draw.

    Args:
        mix: how.
        images: `[n, c, h, w]`, values from 0 to 1; or vectors `[n, d]`, if the mix takes them.
        labels: shares of the classes, or one-hot rows.
        generator: for the draws.

    Example:
        >>> from manyshot.augment.mix import Mixup
        >>> images = torch.rand(8, 1, 28, 28)
        >>> images, labels = mix_batch(Mixup(), images, torch.eye(8), torch.Generator().manual_seed(0))
        >>> images.shape, labels.shape
        (torch.Size([8, 1, 28, 28]), torch.Size([8, 8]))
    """
    params = mix.sample(len(images), generator)
    partners = partners_of(params["partner"], torch.zeros(len(images), dtype=torch.long))
    return mix.apply(images, labels, params, partners)


def mix_examples(mix: Mix, examples: Examples, generator: Generator) -> Examples:
    """Mix the items of each task with each other; padding is neither mixed nor mixed in.

    Args:
        mix: how.
        examples: T tasks, float images `[T, n, c, h, w]`; or vectors `[T, n, d]` or sequences of them
            `[T, n, length, d]`, if the mix takes them.
        generator: for the draws.

    Returns:
        Examples with mixed items and soft labels; weights and origins stay.

    Raises:
        InputError: for items that cannot be mixed so.

    Example:
        >>> from manyshot.augment.mix import Mixup
        >>> labels = torch.eye(3).expand(2, 3, 3)
        >>> plain = Examples(torch.rand(2, 3, 1, 8, 8), labels, torch.ones(2, 3), torch.ones(2, 3, dtype=torch.bool))
        >>> mixed = mix_examples(Mixup(alpha=5), plain, torch.Generator().manual_seed(0))
        >>> bool((mixed.labels.amax(-1) < 1).all())
        True
    """
    tasks, n = examples.weight.shape
    vectors = isinstance(examples.items, Tensor) and examples.items.ndim in (3, 4)
    if not (isinstance(examples.items, Tensor) and (examples.items.ndim == 5 or (vectors and mix.takes_vectors))):
        which = "images and vectors" if mix.takes_vectors else "images"
        raise InputError(f"{type(mix).__name__}: only {which} can be mixed: leave it out for other items")
    params = mix.sample(tasks * n, generator)
    group = torch.arange(tasks).repeat_interleave(n)
    partners = partners_of(params["partner"], group, (examples.weight > 0).flatten())
    images, labels = mix.apply(examples.items.flatten(0, 1), examples.labels.flatten(0, 1), params, partners)
    if not bool((examples.weight > 0).all()):
        there = (examples.weight > 0).flatten()
        here = there.view(-1, *[1] * (images.ndim - 1)).to(images.device)
        images = torch.where(here, images, examples.items.flatten(0, 1))
        labels = torch.where(there[:, None], labels, examples.labels.flatten(0, 1))
    return replace(examples, items=images.view_as(examples.items), labels=labels.view_as(examples.labels))
