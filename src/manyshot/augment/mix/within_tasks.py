"""Mixing the items of each task with each other."""

from dataclasses import replace

import torch
from torch import Generator, Tensor

from manyshot.augment.mix.mix import Mix
from manyshot.augment.mix.part_mixing import choose_parts
from manyshot.augment.mix.partners import partners_of
from manyshot.base import InputError
from manyshot.tasks import Examples, Parts
from manyshot.tasks.items import flatten_tasks, floats, unflatten_tasks


def mix_examples(mix: Mix, examples: Examples, generator: Generator) -> Examples:
    """Mix the items of each task with each other; padding is neither mixed nor mixed in.

    Args:
        mix: The mix to apply.
        examples: Examples of T tasks: float images `[T, n, c, h, w]`; vectors `[T, n, d]` or sequences of vectors
            `[T, n, length, d]`, if the mix takes them; or `Parts`.
        generator: Random numbers for the draws, on the CPU.

    Returns:
        Examples with mixed items and soft labels; weights and origins stay.

    Raises:
        InputError: For items that the mix cannot mix.

    Example:
        >>> from manyshot.augment.mix import Mixup
        >>> plain = Examples.of(torch.rand(2, 3, 1, 8, 8), torch.arange(3))
        >>> mixed = mix_examples(Mixup(alpha=5), plain, torch.Generator().manual_seed(0))
        >>> bool((mixed.labels.amax(-1) < 1).all())
        True
    """
    if isinstance(examples.items, Parts):
        return _mix_parts(mix, examples, examples.items, generator)
    tasks, n = examples.weight.shape
    vectors = isinstance(examples.items, Tensor) and examples.items.ndim in (3, 4)
    if not (isinstance(examples.items, Tensor) and (examples.items.ndim == 5 or (vectors and mix.takes_vectors))):
        mixable = "images and vectors" if mix.takes_vectors else "images"
        raise InputError(f"{type(mix).__name__}: only {mixable} can be mixed: leave it out for other items")
    params = mix.sample(tasks * n, generator)
    group = torch.arange(tasks).repeat_interleave(n)
    real = (examples.weight > 0).flatten()
    partners = partners_of(params["partner"], group, real)
    images, labels = mix.apply(examples.items.flatten(0, 1), examples.labels.flatten(0, 1), params, partners)
    if not bool(real.all()):
        mixed = real.view(-1, *[1] * (images.ndim - 1)).to(images.device)
        images = torch.where(mixed, images, examples.items.flatten(0, 1))
        labels = torch.where(real[:, None], labels, examples.labels.flatten(0, 1))
    return replace(examples, items=images.view_as(examples.items), labels=labels.view_as(examples.labels))


def _mix_parts(mix: Mix, examples: Examples, parts: Parts, generator: Generator) -> Examples:
    """The same for examples of several parts."""
    tasks, n = examples.weight.shape
    params = mix.sample(tasks * n, generator)
    group = torch.arange(tasks).repeat_interleave(n)
    if mix.within_class:
        group = group * examples.labels.shape[-1] + examples.class_ids.flatten().cpu()
    real = (examples.weight > 0).flatten()
    partners = partners_of(params["partner"], group, real)
    flat, labels = flatten_tasks(parts).with_values(floats), examples.labels.flatten(0, 1)
    mixed, soft = mix.mix_parts(flat, labels, params, partners)
    mixed = choose_parts(real, flat, mixed)
    soft = torch.where(real[:, None].to(soft.device), soft, labels)
    return replace(examples, items=unflatten_tasks(mixed, tasks, n), labels=soft.view_as(examples.labels))
