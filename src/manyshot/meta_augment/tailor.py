"""Stage two: samples that a trained augmenter makes for a new task, from its few labelled examples."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.optim import Adam

from manyshot.base import InputError, track
from manyshot.base.seeds import generator
from manyshot.learners import Learner, by_task, split_learner
from manyshot.meta_augment import LearnedAugmenter
from manyshot.nets import evaluation_mode
from manyshot.tasks import Episode, Examples

ADAPT_RATE, ADAPT_COPIES = 1e-3, 8
MOST_NUMBERS = 2**28
"""In all made items of a task together, which lie in memory at once: a gigabyte."""


@dataclass(frozen=True, eq=False)
class TailoredSamples:
    """Samples made for one task, class after class.

    Args:
        items: `[m, c, h, w]`, from 0 to 1, or features `[m, d]`.
        labels: m labels, each as it was given.
        weight: `[m]` how much each counts beside a real item.
        origin: `[m]` the place of the item that each was made from.
        support: `[n, ...]` the real items, in the same space.
    """

    items: Tensor
    labels: list[Any]
    weight: Tensor
    origin: Tensor
    support: Tensor

    def __len__(self) -> int:
        return len(self.labels)


def tailor(
    augmenter: LearnedAugmenter,
    learner: Learner,
    images: Tensor,
    labels: Sequence[Any],
    per_class: int = 20,
    seed: int = 0,
    adapt_steps: int = 0,
) -> TailoredSamples:
    """Make samples of a new task from its few labelled examples.

    Args:
        augmenter: trained.
        learner: that it was trained for; encodes the images for an augmenter of features.
        images: `[n, c, h, w]`, uint8 or from 0 to 1.
        labels: n labels, such as names of classes.
        per_class: samples of each class.
        seed: the same seed gives the same samples.
        adapt_steps: of adaptation to the task by leave-one-out, which takes two examples of each class; 0 for none.

    Raises:
        InputError: if numbers of images and labels differ, or see `make_samples` and `adapted`.

    Example:
        >>> from manyshot.learners import Ridge
        >>> from manyshot.meta_augment import AUGMENTERS
        >>> augmenter = AUGMENTERS.parse("hallucinator").build(shape=(16,))
        >>> made = tailor(augmenter, Ridge(torch.nn.Flatten()), torch.rand(2, 1, 4, 4), ["cat", "dog"], per_class=2)
        >>> made.items.shape, made.labels, made.origin.tolist()
        (torch.Size([4, 16]), ['cat', 'cat', 'dog', 'dog'], [0, 0, 1, 1])
    """
    if len(images) != len(labels) or not len(labels):
        raise InputError(f"{len(images)} images and {len(labels)} labels; give one label an image, and at least one")
    names = list(dict.fromkeys(labels))
    body, head = split_learner(augmenter.space, learner.eval())
    device = next((weight.device for weight in augmenter.parameters()), torch.device("cpu"))
    items = images.float() / 255 if images.dtype == torch.uint8 else images
    with torch.no_grad(), evaluation_mode(body):
        seen = by_task(body, items[None].to(device))
    support = Examples(
        items=seen,
        labels=torch.eye(len(names), device=device)[[names.index(label) for label in labels]][None].to(seen),
        weight=torch.ones(1, len(labels), device=device).to(seen),
        class_mask=torch.ones(1, len(names), dtype=torch.bool, device=device),
    )
    own = adapted(augmenter, head, support, ADAPT_COPIES, adapt_steps, seed)
    made = make_samples(own, support, per_class, seed)
    return TailoredSamples(
        items=made.items[0],
        labels=[names[label] for label in made.class_ids[0].tolist()],
        weight=made.weight[0],
        origin=made.known_origin[0],
        support=seen[0],
    )


def make_samples(augmenter: LearnedAugmenter, support: Examples, per_class: int, seed: int = 0) -> Examples:
    """Make samples of a new task, as many of each class, in one forward pass.

    The items of a class take turns: sample r of a class of n comes from its item r modulo n. The weight that the
    augmenter gives a class is spread evenly over its samples, however many are made.

    Args:
        augmenter: trained.
        support: one task's few examples, in the augmenter's space; hard labels.
        per_class: samples of each class.
        seed: the same seed gives the same samples.

    Returns:
        `per_class` samples of each class, class after class; their origins are places in the support.

    Raises:
        InputError: if a class has no items, or more would be made than fit in memory.

    Example:
        >>> from manyshot.meta_augment import AUGMENTERS
        >>> augmenter = AUGMENTERS.parse("hallucinator").build(shape=(8,))
        >>> labels = torch.eye(2)[[0, 1, 1]][None]
        >>> support = Examples(torch.rand(1, 3, 8), labels, torch.ones(1, 3), torch.ones(1, 2) > 0)
        >>> make_samples(augmenter, support, per_class=3).origin.tolist()
        [[0, 0, 0, 1, 2, 1]]
    """
    if per_class < 1:
        raise InputError(f"per_class={per_class}: give at least 1 sample a class")
    of_class = _places_by_class(support)
    copies = -(-per_class // min(map(len, of_class)))
    count = support.weight.shape[1]
    if copies * support.items.numel() > MOST_NUMBERS:
        most = min(map(len, of_class)) * (MOST_NUMBERS // support.items.numel())
        raise InputError(
            f"per_class={per_class}: {copies * count:,} items do not fit in memory at once; give at most {most:,}"
        )
    with torch.no_grad():
        made = augmenter.make(support, copies, generator(seed, "stage two"))
    places, spread = [], []
    for items in of_class:
        for number in range(per_class):
            places.append(items[number % len(items)] * copies + number // len(items))
            spread.append(len(items) * copies / per_class)
    return _taken(made, torch.tensor(places), torch.tensor(spread))


def adapted(
    augmenter: LearnedAugmenter, learner: Learner, support: Examples, copies: int, steps: int, seed: int = 0
) -> LearnedAugmenter:
    """Adapt an augmenter to one task by leave-one-out on its support; the learner stays as it is.

    In fold f the f-th item of each class is the query, and the others are the support that the augmenter adds to. All
    folds are one batch; a step follows the gradient of their mean loss by the augmenter's weights (Adam).

    Args:
        augmenter: trained; a changed copy of it is returned.
        learner: that the samples are for, in the augmenter's space.
        support: one task's, with two items of each class or more.
        copies: made items of each support item.
        steps: of the adaptation; 0 for none.
        seed: of the draws.

    Raises:
        InputError: if a class has one item, or the augmenter does not learn from a learner's loss.

    Example:
        >>> from manyshot.learners import Ridge
        >>> from manyshot.meta_augment import AUGMENTERS
        >>> augmenter = AUGMENTERS.parse("hallucinator").build(shape=(8,))
        >>> labels = torch.eye(2)[[0, 0, 1, 1]][None]
        >>> support = Examples(torch.rand(1, 4, 8), labels, torch.ones(1, 4), torch.ones(1, 2) > 0)
        >>> other = adapted(augmenter, Ridge(torch.nn.Identity()), support, copies=4, steps=2)
        >>> bool((other.log_strength != augmenter.log_strength).item())
        True
    """
    if not steps:
        return augmenter
    if not augmenter.through_learner or not any(weight.requires_grad for weight in augmenter.parameters()):
        raise InputError(
            f"{type(augmenter).__name__} does not learn from a learner's loss, so it cannot adapt to a task; leave the "
            "steps out (--adapt-steps)"
        )
    folds = leave_one_out(support)
    own = deepcopy(augmenter).train()
    weights = [weight for weight in own.parameters() if weight.requires_grad]
    optimizer = Adam(weights, lr=ADAPT_RATE)
    for step in track(range(steps), "adapt"):
        made = own.make(folds.support, copies, generator(seed, "leave one out", step))
        with evaluation_mode(learner):
            losses = learner.query_losses(replace(folds, support=folds.support.joined(made)))
        for weight, slope in zip(weights, torch.autograd.grad(losses.mean(), weights, allow_unused=True), strict=True):
            weight.grad = slope
        optimizer.step()
    return own.train(augmenter.training)


def leave_one_out(support: Examples) -> Episode:
    """One task as several: in each, another item of each class is the query.

    Args:
        support: one task's; hard labels.

    Returns:
        As many tasks as the largest class has items; held-out items have weight 0 in the support. A smaller class
        holds some of its items out more than once.

    Raises:
        InputError: if a class has one item.

    Example:
        >>> labels = torch.eye(2)[[0, 0, 1, 1]][None]
        >>> support = Examples(torch.arange(4.0).view(1, 4, 1), labels, torch.ones(1, 4), torch.ones(1, 2) > 0)
        >>> folds = leave_one_out(support)
        >>> folds.support.weight.tolist(), folds.query.items.flatten(1).tolist()
        ([[0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 1.0, 0.0]], [[0.0, 2.0], [1.0, 3.0]])
    """
    of_class = _places_by_class(support)
    if min(map(len, of_class)) < 2:
        raise InputError(
            "a class with one example leaves none to learn from when it is held out; give two of each class, or leave "
            "the steps out (--adapt-steps)"
        )
    count = max(map(len, of_class))
    held = torch.tensor([[items[fold % len(items)] for items in of_class] for fold in range(count)])

    def repeated(values: Tensor) -> Tensor:
        return values.expand(count, *values.shape[1:])

    everything = Examples(
        repeated(support.items), repeated(support.labels), repeated(support.weight), repeated(support.class_mask)
    )
    query = Examples(
        support.items[0][held], support.labels[0][held], torch.ones_like(support.weight[0][held]), everything.class_mask
    )
    rest = everything.weight.scatter(1, held.to(support.weight.device), 0.0)
    classes = torch.arange(len(of_class)).expand(count, -1)
    return Episode(replace(everything, weight=rest), query, classes)


def _places_by_class(support: Examples) -> list[list[int]]:
    """The places of each class's items in the support of one task."""
    if len(support.weight) != 1:
        raise ValueError(f"{len(support.weight)} tasks: stage two takes one")
    hard = support.class_ids[0].tolist()
    there = (support.weight[0] > 0).tolist()
    classes: list[list[int]] = [[] for _ in range(support.class_mask.shape[1])]
    for place, (label, real) in enumerate(zip(hard, there, strict=True)):
        if real:
            classes[label].append(place)
    for label, items in enumerate(classes):
        if not items:
            raise InputError(f"class {label} has no example; give at least one of each class")
    return classes


def _taken(made: Examples, places: Tensor, spread: Tensor) -> Examples:
    """Some of the made items of one task, each weight times a number."""
    places = places.to(made.weight.device)
    return Examples(
        items=made.items[:, places],
        labels=made.labels[:, places],
        weight=made.weight[:, places] * spread.to(made.weight),
        class_mask=made.class_mask,
        origin=made.known_origin[:, places],
    )
