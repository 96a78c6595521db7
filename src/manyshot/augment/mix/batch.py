"""Who is mixed with whom: the items of a batch, or of each task, among themselves."""

from dataclasses import replace

import torch
from jaxtyping import Float, Shaped
from torch import Generator, Tensor

from manyshot.augment.mix.mix import Mix
from manyshot.augment.mix.partners import partners_of
from manyshot.base import InputError
from manyshot.tasks import Examples


def mix_batch(
    mix: Mix, images: Shaped[Tensor, "n ..."], labels: Float[Tensor, "n ways"], generator: Generator
) -> tuple[Shaped[Tensor, "n ..."], Float[Tensor, "n ways"]]:
    """Mix the items of a batch with each other, each by its own draw: `mix(images, labels, generator)`.

    Args:
        mix: how.
        images: `[n, c, h, w]`, floats from 0 to 1 or uint8; or vectors `[n, d]`, if the mix takes them.
        labels: shares of the classes, or one-hot rows.
        generator: for the draws.

    Example:
        >>> from manyshot.augment.mix import Mixup
        >>> images = torch.rand(8, 1, 28, 28)
        >>> images, labels = mix_batch(Mixup(), images, torch.eye(8), torch.Generator().manual_seed(0))
        >>> images.shape, labels.shape
        (torch.Size([8, 1, 28, 28]), torch.Size([8, 8]))
    """
    return mix(images, labels, generator)


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
