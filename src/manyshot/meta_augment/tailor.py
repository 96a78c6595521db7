"""Tailor a trained augmenter to a new task: generate samples from its few labeled examples."""

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

ADAPT_LEARNING_RATE, ADAPT_COPIES = 1e-3, 8
MAX_VALUES = 2**28
"""Largest number of values in the generated examples of a task, which are in memory at once: 1 GiB."""


@dataclass(frozen=True, eq=False)
class TailoredSamples:
    """Samples that were generated for one task, ordered by class.

    Args:
        items: Generated images `[m, c, h, w]` with values from 0 to 1, or features `[m, d]`.
        labels: Label of each sample, as it was given.
        weight: Weight of each sample relative to a real example `[m]`.
        origin: Index of the real example that each sample was generated from `[m]`.
        support: Real examples `[n, ...]`, in the same space.
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
    """Generate samples for a new task from its few labeled examples.

    Args:
        augmenter: Trained augmenter.
        learner: Learner that it was trained for, which encodes the images for an augmenter of features.
        images: Images `[n, c, h, w]`, uint8 or with values from 0 to 1.
        labels: Labels of the n images, such as names of classes.
        per_class: Number of samples per class.
        seed: Seed of the draws; the same seed gives the same samples.
        adapt_steps: Number of steps by which the augmenter is adapted to the task, see `adapt_augmenter`; 0 for none.

    Raises:
        InputError: If the numbers of images and labels differ, or for the reasons of `generate_samples` and
            `adapt_augmenter`.

    Example:
        >>> from manyshot.learners import Ridge
        >>> from manyshot.meta_augment import AUGMENTERS
        >>> augmenter = AUGMENTERS.parse("hallucinator").build(shape=(16,))
        >>> samples = tailor(augmenter, Ridge(torch.nn.Flatten()), torch.rand(2, 1, 4, 4), ["cat", "dog"], per_class=2)
        >>> samples.items.shape, samples.labels, samples.origin.tolist()
        (torch.Size([4, 16]), ['cat', 'cat', 'dog', 'dog'], [0, 0, 1, 1])
    """
    if len(images) != len(labels) or not len(labels):
        raise InputError(
            f"{len(images)} images and {len(labels)} labels; give one label per image, and at least one image"
        )
    names = list(dict.fromkeys(labels))
    body, head = split_learner(augmenter.space, learner.eval())
    device = next((weight.device for weight in augmenter.parameters()), torch.device("cpu"))
    items = images.float() / 255 if images.dtype == torch.uint8 else images
    with torch.no_grad(), evaluation_mode(body):
        encoded = by_task(body, items[None].to(device))
    support = Examples.of(encoded, torch.tensor([names.index(label) for label in labels], device=device))
    adapted = adapt_augmenter(augmenter, head, support, ADAPT_COPIES, adapt_steps, seed)
    generated = generate_samples(adapted, support, per_class, seed)
    return TailoredSamples(
        items=generated.items[0],
        labels=[names[label] for label in generated.class_ids[0].tolist()],
        weight=generated.weight[0],
        origin=generated.known_origin[0],
        support=encoded[0],
    )


def generate_samples(augmenter: LearnedAugmenter, support: Examples, per_class: int, seed: int = 0) -> Examples:
    """Generate the same number of samples of each class of a new task, in one forward pass.

    The examples of a class take turns: sample r of a class of n examples comes from example r modulo n. The weight that
    the augmenter gives a class is divided equally among its samples, however many there are.

    Args:
        augmenter: Trained augmenter.
        support: Support of one task with hard labels, in the augmenter's space.
        per_class: Number of samples per class.
        seed: Seed of the draws; the same seed gives the same samples.

    Returns:
        `per_class` samples of each class, ordered by class; their origins are indices into the support.

    Raises:
        InputError: If a class has no examples, or the samples do not fit in memory.

    Example:
        >>> from manyshot.meta_augment import AUGMENTERS
        >>> augmenter = AUGMENTERS.parse("hallucinator").build(shape=(8,))
        >>> support = Examples.of(torch.rand(1, 3, 8), torch.tensor([0, 1, 1]))
        >>> generate_samples(augmenter, support, per_class=3).origin.tolist()
        [[0, 0, 0, 1, 2, 1]]
    """
    if per_class < 1:
        raise InputError(f"per_class={per_class}: give at least 1 sample per class")
    of_class = _indices_by_class(support)
    copies = -(-per_class // min(map(len, of_class)))
    count = support.weight.shape[1]
    if copies * support.items.numel() > MAX_VALUES:
        most = min(map(len, of_class)) * (MAX_VALUES // support.items.numel())
        raise InputError(
            f"per_class={per_class}: {copies * count:,} examples do not fit in memory at once; give at most {most:,}"
        )
    with torch.no_grad():
        generated = augmenter.make(support, copies, generator(seed, "stage two"))
    index, factor = [], []
    for indices in of_class:
        for number in range(per_class):
            index.append(indices[number % len(indices)] * copies + number // len(indices))
            factor.append(len(indices) * copies / per_class)
    return _select(generated, torch.tensor(index), torch.tensor(factor))


def adapt_augmenter(
    augmenter: LearnedAugmenter, learner: Learner, support: Examples, copies: int, steps: int, seed: int = 0
) -> LearnedAugmenter:
    """Adapt an augmenter to one task by leave-one-out on its support; the learner stays as it is.

    In fold f, the f-th example of each class is the query, and the others are the support, which the augmenter
    augments. All folds form one batch, and each step is an Adam step on their mean loss.

    Args:
        augmenter: Trained augmenter, which is left unchanged.
        learner: Learner that the samples are for, in the augmenter's space.
        support: Support of one task, with at least two examples per class.
        copies: Number of generated examples per support example.
        steps: Number of steps; 0 for none.
        seed: Seed of the draws.

    Returns:
        An adapted copy; the augmenter itself for 0 steps.

    Raises:
        InputError: If a class has one example, or the augmenter is not trained by a learner's loss.

    Example:
        >>> from manyshot.learners import Ridge
        >>> from manyshot.meta_augment import AUGMENTERS
        >>> augmenter = AUGMENTERS.parse("hallucinator").build(shape=(8,))
        >>> support = Examples.of(torch.rand(1, 4, 8), torch.tensor([0, 0, 1, 1]))
        >>> adapted = adapt_augmenter(augmenter, Ridge(torch.nn.Identity()), support, copies=4, steps=2)
        >>> bool((adapted.log_strength != augmenter.log_strength).item())
        True
    """
    if not steps:
        return augmenter
    if not augmenter.through_learner or not any(weight.requires_grad for weight in augmenter.parameters()):
        raise InputError(
            f"{type(augmenter).__name__} is not trained by a learner's loss, so it cannot adapt to a task; leave "
            "adapt_steps out (--adapt-steps)"
        )
    folds = leave_one_out(support)
    adapted = deepcopy(augmenter).train()
    weights = [weight for weight in adapted.parameters() if weight.requires_grad]
    optimizer = Adam(weights, lr=ADAPT_LEARNING_RATE)
    for step in track(range(steps), "adapt"):
        generated = adapted.make(folds.support, copies, generator(seed, "leave one out", step))
        with evaluation_mode(learner):
            losses = learner.query_losses(replace(folds, support=folds.support.joined(generated)))
        for weight, grad in zip(weights, torch.autograd.grad(losses.mean(), weights, allow_unused=True), strict=True):
            weight.grad = grad
        optimizer.step()
    return adapted.train(augmenter.training)


def leave_one_out(support: Examples) -> Episode:
    """Split one task into folds, in each of which another example of each class is the query.

    Args:
        support: Support of one task with hard labels.

    Returns:
        As many tasks as the largest class has examples; held-out examples have weight 0 in the support. A smaller
        class holds some of its examples out more than once.

    Raises:
        InputError: If a class has one example.

    Example:
        >>> support = Examples.of(torch.arange(4.0).view(1, 4, 1), torch.tensor([0, 0, 1, 1]))
        >>> folds = leave_one_out(support)
        >>> folds.support.weight.tolist(), folds.query.items.flatten(1).tolist()
        ([[0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 1.0, 0.0]], [[0.0, 2.0], [1.0, 3.0]])
    """
    of_class = _indices_by_class(support)
    if min(map(len, of_class)) < 2:
        raise InputError(
            "a class with one example has none left when that is held out; give two of each class, or leave "
            "adapt_steps out (--adapt-steps)"
        )
    count = max(map(len, of_class))
    held = torch.tensor([[indices[fold % len(indices)] for indices in of_class] for fold in range(count)])

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


def _indices_by_class(support: Examples) -> list[list[int]]:
    """Indices of each class's examples in the support of one task."""
    if len(support.weight) != 1:
        raise ValueError(f"{len(support.weight)} tasks: give one")
    class_ids = support.class_ids[0].tolist()
    mask = (support.weight[0] > 0).tolist()
    classes: list[list[int]] = [[] for _ in range(support.class_mask.shape[1])]
    for index, (label, real) in enumerate(zip(class_ids, mask, strict=True)):
        if real:
            classes[label].append(index)
    for label, indices in enumerate(classes):
        if not indices:
            raise InputError(f"class {label} has no example; give at least one of each class")
    return classes


def _select(generated: Examples, index: Tensor, factor: Tensor) -> Examples:
    """Some of the generated examples of one task, their weights multiplied by factors."""
    index = index.to(generated.weight.device)
    return Examples(
        items=generated.items[:, index],
        labels=generated.labels[:, index],
        weight=generated.weight[:, index] * factor.to(generated.weight),
        class_mask=generated.class_mask,
        origin=generated.known_origin[:, index],
    )
