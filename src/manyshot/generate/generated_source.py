"""Made items as sources: more items of known classes, and whole classes between known ones."""

from collections.abc import Iterable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.base import InputError, track
from manyshot.base.sampling import choose
from manyshot.base.seeds import generator, integers, uniform
from manyshot.generate.batches import SHOTS, as_floats
from manyshot.generate.model import Condition, GenerativeModel, mixed_code
from manyshot.tasks import Source

NEAREST = 0.3
"""Smallest share of either class in one between them."""


@torch.no_grad()
def made_items(
    model: GenerativeModel, source: Source, per_class: int, seed: int, class_names: Iterable[str] = ()
) -> Source:
    """More items of classes, as a source of the same class names.

    The items of a class depend on the seed, the class's name and how many are asked for alone.

    Args:
        model: in evaluation mode.
        source: for models that are shown items, of any classes; for those that are told a class by its number, of
            classes among `class_names`. Items shown take turns; a mean is one of all items of the class.
        per_class: how many.
        seed: of the noise.
        class_names: that the model was trained on, by number.

    Returns:
        Pictures as uint8, or vectors.

    Raises:
        InputError: if the model makes no items of a class, or does not know one, or the items do not fit it.

    Example:
        >>> from manyshot.generate import Kind, parse_model
        >>> model = parse_model("dagan(4, judge=4)").make(Kind((1, 8, 8))).averaged
        >>> source = Source.of(torch.zeros(4, 1, 8, 8, dtype=torch.uint8), ["cat", "dog"] * 2)
        >>> made = made_items(model, source, per_class=6, seed=0)
        >>> made.class_names, made.counts.tolist(), made.store.dtype
        (('cat', 'dog'), [6, 6], torch.uint8)
    """
    _require_classes(model)
    number = {name: place for place, name in enumerate(class_names)}
    found = []
    for c, name in enumerate(track(source.class_names, "make items")):
        draws = generator(seed, "made", name)
        if model.wants == "label":
            if name not in number:
                raise InputError(f"{source.name}: the model was not trained on class '{name}'; leave it out")
            made = model.sample(per_class, label=torch.full((per_class,), number[name]), generator=draws)
        else:
            items = as_floats(source.gather(np.arange(source.starts[c], source.starts[c + 1])))
            if model.wants == "mean":
                items = items.mean(0, keepdim=True)
            shown = items[torch.arange(per_class) % len(items)]
            made = model.sample(per_class, like=shown, generator=draws)
        found.append(made.cpu())
    labels = [name for name in source.class_names for _ in range(per_class)]
    groups = None if source.groups is None else dict(zip(source.class_names, source.groups, strict=True))
    return Source.of(_stored(torch.cat(found)), labels, groups=groups, name=f"{source.name} (made)")


@torch.no_grad()
def made_classes(model: GenerativeModel, source: Source, classes: int, per_class: int, seed: int) -> Source:
    """New classes, each between two classes of a source, as further tasks to train on.

    Class k lies between classes a and b at a share that is drawn from 0.3 to 0.7. An item of it is made of the code of
    an item of a (or of a itself, for models that are told a class) mixed with that of an item of b, and of noise of its
    own: item = decode(z, share * code(a_i) + (1 - share) * code(b_j)).

    Args:
        model: in evaluation mode.
        source: that the model was trained on, with the same classes if it is told them by number.
        classes: how many to make; pairs may come twice, at another share.
        per_class: items of each.
        seed: of all draws.

    Returns:
        Pictures as uint8, or vectors; class names tell the pair and the share.

    Raises:
        InputError: if the model makes no items of a class, or the source has but one.

    Example:
        >>> from manyshot.generate import Kind, parse_model
        >>> model = parse_model("dagan(4, judge=4)").make(Kind((1, 8, 8))).averaged
        >>> source = Source.of(torch.zeros(4, 1, 8, 8, dtype=torch.uint8), ["cat", "dog"] * 2)
        >>> made = made_classes(model, source, classes=1, per_class=5, seed=0)
        >>> made.class_names, len(made)
        (('made 00000: 0.36 cat + 0.64 dog',), 5)
    """
    _require_classes(model)
    if len(source.class_names) < 2:
        raise InputError(f"{source.name}: 1 class, and a new one lies between two; give at least 2")
    if model.wants == "label" and len(source.class_names) != model.classes:
        own = len(source.class_names)
        raise InputError(f"{source.name}: {own} classes, but the model was trained on {model.classes}; give the same")
    numbers = np.arange(classes)
    pairs = choose(np.full(classes, len(source.class_names)), 2, seed, 0, numbers)
    shares = NEAREST + (1 - 2 * NEAREST) * uniform(seed, 1, numbers)
    found, labels = [], []
    for k, ((a, b), share) in enumerate(zip(track(pairs.tolist(), "make classes"), shares.tolist(), strict=True)):
        code, other = (
            model.code(_condition(model, source, c, per_class, (seed, 2 + side, k))) for side, c in enumerate((a, b))
        )
        noise = torch.randn(per_class, model.noise, generator=generator(seed, "classes", k))
        noise = noise.to(next(model.parameters()))
        found.append(model.decode(noise, mixed_code(code, other, torch.full((per_class,), share))).cpu())
        labels.append(f"made {k:05}: {share:.2f} {source.class_names[a]} + {1 - share:.2f} {source.class_names[b]}")
    names = [name for name in labels for _ in range(per_class)]
    return Source.of(_stored(torch.cat(found)), names, name=f"{source.name} (made classes)")


def _condition(model: GenerativeModel, source: Source, c: int, n: int, address: tuple[int, int, int]) -> Condition:
    """What to tell a model for n items of class c."""
    place = next(model.parameters())
    if model.wants == "label":
        return Condition(label=torch.full((n,), c, device=place.device))
    shots = 1 if model.wants == "item" else min(SHOTS, int(source.counts[c]))
    drawn = integers(int(source.counts[c]), *address, np.arange(n * shots))
    items = as_floats(source.gather(source.starts[c] + drawn))
    return Condition(like=items.reshape(n, shots, *items.shape[1:]).mean(1)).to(place.device, place.dtype)


def _require_classes(model: GenerativeModel) -> None:
    if model.wants == "nothing":
        raise InputError("this model knows no classes, so what it makes has no label; take conditional, dagan or afhn")


def _stored(items: Float[Tensor, "n ..."]) -> Tensor:
    return items.mul(255).round().to(torch.uint8) if items.ndim == 4 else items
