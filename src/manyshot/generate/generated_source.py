"""Generated examples as sources: more examples of classes, and new classes between known ones."""

from collections.abc import Iterable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.base import InputError, track
from manyshot.base.sampling import choose
from manyshot.base.seeds import generator, integers, uniform
from manyshot.generate.batches import MAX_SHOTS, as_floats
from manyshot.generate.generative_model import Condition, GenerativeModel, interpolate_codes
from manyshot.tasks import Source

MIN_WEIGHT = 0.3
"""Smallest weight of either class in a class between two."""


@torch.no_grad()
def generate_examples(
    model: GenerativeModel, source: Source, per_class: int, seed: int, class_names: Iterable[str] = ()
) -> Source:
    """Generate examples of each class of a source.

    The examples of a class depend only on the seed, the name of the class and their number.

    Args:
        model: Generative model in evaluation mode.
        source: For models that are conditioned on examples, a source of any classes: its examples are given in turn, or
            the mean of each class. For class-conditional models, classes among `class_names`.
        per_class: Number of examples of each class.
        seed: Seed of the noise.
        class_names: Names of the classes that a class-conditional model was trained on, by number.

    Returns:
        Source with the same class names, of uint8 images or of vectors.

    Raises:
        InputError: If the model is unconditional, does not know a class, or the source's examples do not fit it.

    Example:
        >>> from manyshot.generate import DataSpec, MODELS
        >>> model = MODELS.parse("dagan(4, discriminator_width=4)").build(spec=DataSpec((1, 8, 8))).averaged
        >>> source = Source.of(torch.zeros(4, 1, 8, 8, dtype=torch.uint8), ["cat", "dog"] * 2)
        >>> generated = generate_examples(model, source, per_class=6, seed=0)
        >>> generated.class_names, generated.counts.tolist(), generated.store.dtype
        (('cat', 'dog'), [6, 6], torch.uint8)
    """
    _check_conditional(model)
    numbers = {name: number for number, name in enumerate(class_names)}
    parts = []
    for c, name in enumerate(track(source.class_names, "generate examples")):
        noise = generator(seed, "made", name)
        if model.conditioning == "label":
            if name not in numbers:
                raise InputError(f"{source.name}: the model was not trained on class '{name}'; leave it out")
            generated = model.sample(per_class, label=torch.full((per_class,), numbers[name]), generator=noise)
        else:
            items = as_floats(source.gather(np.arange(source.starts[c], source.starts[c + 1])))
            if model.conditioning == "mean":
                items = items.mean(0, keepdim=True)
            given = items[torch.arange(per_class) % len(items)]
            generated = model.sample(per_class, like=given, generator=noise)
        parts.append(generated.cpu())
    labels = [name for name in source.class_names for _ in range(per_class)]
    groups = None if source.groups is None else dict(zip(source.class_names, source.groups, strict=True))
    return Source.of(_as_stored(torch.cat(parts)), labels, groups=groups, name=f"{source.name} (generated)")


@torch.no_grad()
def generate_classes(model: GenerativeModel, source: Source, classes: int, per_class: int, seed: int) -> Source:
    """Generate new classes, each between two classes of a source, as further classes for training tasks.

    Class k lies between classes a and b, with a weight w that is drawn from 0.3 to 0.7. Each of its examples is
    decoded from the interpolated codes of an example of a and one of b (or of the classes themselves, for
    class-conditional models) and its own noise: decode(z, w code(a_i) + (1 - w) code(b_j)).

    Args:
        model: Generative model in evaluation mode.
        source: Source that the model was trained on; with the same classes for class-conditional models.
        classes: Number of classes to generate; a pair may be drawn more than once, with another weight.
        per_class: Number of examples of each class.
        seed: Seed of all draws.

    Returns:
        Source of uint8 images or of vectors; the class names give the pair and the weights.

    Raises:
        InputError: If the model is unconditional, or the source has only one class.

    Example:
        >>> from manyshot.generate import DataSpec, MODELS
        >>> model = MODELS.parse("dagan(4, discriminator_width=4)").build(spec=DataSpec((1, 8, 8))).averaged
        >>> source = Source.of(torch.zeros(4, 1, 8, 8, dtype=torch.uint8), ["cat", "dog"] * 2)
        >>> generated = generate_classes(model, source, classes=1, per_class=5, seed=0)
        >>> generated.class_names, len(generated)
        (('generated 00000: 0.36 cat + 0.64 dog',), 5)
    """
    _check_conditional(model)
    known = len(source.class_names)
    if known < 2:
        raise InputError(f"{source.name}: 1 class, but a new class lies between two; give at least 2")
    if model.conditioning == "label" and known != model.classes:
        raise InputError(f"{source.name}: {known} classes, but the model was trained on {model.classes}; give the same")
    numbers = np.arange(classes)
    pairs = choose(np.full(classes, known), 2, seed, 0, numbers)
    weights = MIN_WEIGHT + (1 - 2 * MIN_WEIGHT) * uniform(seed, 1, numbers)
    parts, names = [], []
    for k, ((a, b), weight) in enumerate(zip(track(pairs.tolist(), "generate classes"), weights.tolist(), strict=True)):
        code, other = (
            model.code(_condition(model, source, c, per_class, (seed, 2 + side, k))) for side, c in enumerate((a, b))
        )
        noise = torch.randn(per_class, model.noise, generator=generator(seed, "classes", k))
        noise = noise.to(next(model.parameters()))
        parts.append(model.decode(noise, interpolate_codes(code, other, torch.full((per_class,), weight))).cpu())
        pair = f"{weight:.2f} {source.class_names[a]} + {1 - weight:.2f} {source.class_names[b]}"
        names.append(f"generated {k:05}: {pair}")
    labels = [name for name in names for _ in range(per_class)]
    return Source.of(_as_stored(torch.cat(parts)), labels, name=f"{source.name} (generated classes)")


def _condition(model: GenerativeModel, source: Source, c: int, n: int, address: tuple[int, int, int]) -> Condition:
    """Conditions for n examples of class c."""
    weight = next(model.parameters())
    if model.conditioning == "label":
        return Condition(label=torch.full((n,), c, device=weight.device))
    shots = 1 if model.conditioning == "item" else min(MAX_SHOTS, int(source.counts[c]))
    drawn = integers(int(source.counts[c]), *address, np.arange(n * shots))
    items = as_floats(source.gather(source.starts[c] + drawn))
    return Condition(like=items.reshape(n, shots, *items.shape[1:]).mean(1)).to(weight.device, weight.dtype)


def _check_conditional(model: GenerativeModel) -> None:
    if model.conditioning == "nothing":
        raise InputError("this model is unconditional, so its examples have no class; use conditional, dagan or afhn")


def _as_stored(items: Float[Tensor, "n ..."]) -> Tensor:
    return items.mul(255).round().to(torch.uint8) if items.ndim == 4 else items
