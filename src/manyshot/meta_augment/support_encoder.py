"""What an augmenter of images sees of a task: a small network looks at each item, and moments tell of the set."""

from abc import ABC, abstractmethod
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.meta_augment.support_context import class_context
from manyshot.tasks import EpisodeSampler, Examples, Source

FLOOR = 1e-6
"""What is added to variances."""
SIDES = (5, 3, 3)
"""Of the filters, in pixels."""
TASKS = 40
"""How many tasks are looked at, to know what they have in common."""
LEAST_SPREAD = 0.05
FURTHEST = 3.0
"""Deviations from what tasks have in common that are told; a task of another world is further away."""


class SupportEncoder(nn.Module, ABC):
    """Tells each class of a support set, and its task, by a few numbers, none of which depends on an order.

    What is told is bounded, and centred and scaled by what tasks have in common (`look_at`, `note`).

    Args:
        features: how many numbers.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.features = features
        self.register_buffer("centre", torch.zeros(features))
        self.register_buffer("spread", torch.ones(features))
        self.centre: Tensor
        self.spread: Tensor

    @abstractmethod
    def tell(self, support: Examples) -> Float[Tensor, "t ways features"]:
        """The numbers as they are."""

    @torch.no_grad()
    def look_at(self, source: Source) -> None:
        """Take note of what tasks of these classes look like, see `note`; nothing where they have too few items."""
        shots = int(source.counts.min()) - 1
        ways = min(5, len(source.class_names))
        if shots and ways > 1:
            sampler = EpisodeSampler(source, ways, (1, min(shots, 5)), queries=1)
            self.note(sampler.batch(0, TASKS).as_float().support)

    @torch.no_grad()
    def note(self, support: Examples) -> None:
        """From now on tell classes by how they differ from those of these tasks, in units of their deviation.

        What all tasks share would otherwise be most of what the next network sees, and it would learn what is good for
        all tasks long before it tells them apart.
        """
        seen = self.tell(replace(support, items=support.items.to(self.centre)))[support.class_mask]
        self.centre.copy_(seen.mean(0))
        self.spread.copy_(seen.std(0).clamp(min=LEAST_SPREAD))

    def forward(self, support: Examples) -> Float[Tensor, "t ways features"]:
        """Tell each class of each task; zeros for a class that the task lacks."""
        there = support.class_mask & ((support.labels * support.weight[..., None]).sum(1) > 0)
        told = FURTHEST * ((self.tell(support) - self.centre) / (FURTHEST * self.spread)).tanh()
        return told * there[..., None].to(told)


class RandomConvStatistics(SupportEncoder):
    """Look at a support set of images, and tell each class and the task by a few numbers.

    Three convolutions tell an item by a vector f, averaged over the image, so that any size will do. Their filters are
    random and stay as they are: trained, they would move what has been centred. With
    the mean m_k and the deviation d_k of each class's f over its shots, <.> the mean over classes, and a the deviation
    of the m_k over the classes, a class is told by

        [(m_k - <m>) / a,  N log(d_k / a),  N <m>,  N log(<d> / a),  N log a,  mean log(<d> / a),  log shots_k]

    where N takes the mean of a vector's numbers away and divides by their deviation. Two shots that differ in angle or
    in colour thus show in d, and classes that differ in them in a. Ratios and N show what sizes would hide, since a
    network at its beginning sees all images as about the same.

    Args:
        channels: of the images.
        width: of f.

    Example:
        >>> sight = RandomConvStatistics(1, width=8)
        >>> labels = torch.eye(2)[[0, 1, 1]][None]
        >>> support = Examples(torch.rand(1, 3, 1, 28, 28), labels, torch.ones(1, 3), torch.ones(1, 2) > 0)
        >>> sight(support).shape, sight.features
        (torch.Size([1, 2, 42]), 42)
    """

    def __init__(self, channels: int, width: int = 32) -> None:
        super().__init__(5 * width + 2)
        sizes = (channels, 16, 32, width)
        for layer, (before, after, side) in enumerate(zip(sizes[:-1], sizes[1:], SIDES, strict=True)):
            filters = torch.randn(after, before, side, side) * (2 / (before * side**2)) ** 0.5
            self.register_buffer(f"filters_{layer}", filters)

    def look(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n width"]:
        """The vector f of each image."""
        for layer, side in enumerate(SIDES):
            images = F.gelu(F.conv2d(images, self.get_buffer(f"filters_{layer}"), stride=2, padding=side // 2))
        return images.mean((2, 3))

    def tell(self, support: Examples) -> Float[Tensor, "t ways features"]:
        """The formula above."""
        f = torch.unflatten(self.look(support.items.flatten(0, 1)), 0, support.items.shape[:2])
        means, variances, mean, within, apart = spreads(f, support)
        scale = (apart + FLOOR).sqrt()
        ratio = half_log(within, FLOOR) - scale.log()
        task = torch.cat([_even(mean), _even(ratio), _even(scale.log()), ratio.mean(-1, keepdim=True)], -1)[:, None]
        own = [(means - mean[:, None]) / scale[:, None], _even(half_log(variances, FLOOR) - scale[:, None].log())]
        shots = (support.labels * support.weight[..., None]).sum(1).clamp(min=1e-12)
        return torch.cat([*own, task.expand(-1, means.shape[1], -1), shots.log()[..., None]], -1)


def spreads(f: Float[Tensor, "t n d"], support: Examples) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """How items lie: by classes and over all of them, dimension by dimension.

    Args:
        f: of each support item.
        support: its labels and weights.

    Returns:
        Mean and variance of each class `[T, ways, d]`; over the classes present, `[T, d]` each, the mean of the means,
        the mean of the variances, and the variance of the means.

    Example:
        >>> labels = torch.eye(2)[[0, 0, 1, 1]][None]
        >>> support = Examples(torch.zeros(1, 4, 1), labels, torch.ones(1, 4), torch.ones(1, 2) > 0)
        >>> f = torch.tensor([[[0.0], [2.0], [5.0], [5.0]]])
        >>> [each.flatten().tolist() for each in spreads(f, support)]
        [[1.0, 5.0], [1.0, 0.0], [3.0], [0.5], [4.0]]
    """
    means, mean = class_context(f, support)
    squares, _ = class_context(f.square(), support)
    variances = (squares - means.square()).clamp(min=0)
    there = (support.class_mask & ((support.labels * support.weight[..., None]).sum(1) > 0)).to(f)[..., None]
    count = there.sum(1).clamp(min=1)
    apart = ((means - mean[:, None]).square() * there).sum(1) / count
    return means, variances, mean, (variances * there).sum(1) / count, apart


def half_log(variance: Tensor, floor: float) -> Tensor:
    """The logarithm of a deviation, whose square may be 0."""
    return (variance + floor).log() / 2


def _even(vectors: Tensor) -> Tensor:
    """Without their mean, and of deviation 1."""
    return F.layer_norm(vectors, vectors.shape[-1:])
