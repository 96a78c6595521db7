"""What an augmenter of images sees of a task: a small network looks at each item, and moments tell of the set."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.meta_augment.context import class_context
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


class Sight(nn.Module):
    """Look at a support set of images, and tell each class and the task by a few numbers.

    Three convolutions tell an item by a vector f, averaged over the image, so that any size will do. Their filters are
    random and stay as they are: trained, they would move what has been centred. With
    the mean m_k and the deviation d_k of each class's f over its shots, <.> the mean over classes, and a the deviation
    of the m_k over the classes, a class is told by

        [(m_k - <m>) / a,  N log(d_k / a),  N <m>,  N log(<d> / a),  N log a,  mean log(<d> / a),  log shots_k]

    where N takes the mean of a vector's numbers away and divides by their deviation. Two shots that differ in angle or
    in colour thus show in d, and classes that differ in them in a. Ratios and N show what sizes would hide, since a
    network at its beginning sees all images as about the same. What is told is bounded, and centred by what tasks have
    in common (`look_at`). No number depends on the order of items or classes.

    Args:
        channels: of the images.
        width: of f.

    Example:
        >>> sight = Sight(1, width=8)
        >>> labels = torch.eye(2)[[0, 1, 1]][None]
        >>> support = Examples(torch.rand(1, 3, 1, 28, 28), labels, torch.ones(1, 3), torch.ones(1, 2) > 0)
        >>> sight(support).shape, sight.features
        (torch.Size([1, 2, 42]), 42)
    """

    def __init__(self, channels: int, width: int = 32) -> None:
        super().__init__()
        self.features = 5 * width + 2
        sizes = (channels, 16, 32, width)
        for layer, (before, after, side) in enumerate(zip(sizes[:-1], sizes[1:], SIDES, strict=True)):
            filters = torch.randn(after, before, side, side) * (2 / (before * side**2)) ** 0.5
            self.register_buffer(f"filters_{layer}", filters)
        self.register_buffer("centre", torch.zeros(self.features))
        self.register_buffer("spread", torch.ones(self.features))
        self.centre: Tensor
        self.spread: Tensor

    def look(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n width"]:
        """The vector f of each image."""
        for layer, side in enumerate(SIDES):
            images = F.gelu(F.conv2d(images, self.get_buffer(f"filters_{layer}"), stride=2, padding=side // 2))
        return images.mean((2, 3))

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
        self.centre.zero_()
        self.spread.fill_(1)
        items = support.items.to(self.centre)
        seen = self(replace(support, items=items))[support.present]
        self.centre.copy_(seen.mean(0))
        self.spread.copy_(seen.std(0).clamp(min=LEAST_SPREAD))

    def forward(self, support: Examples) -> Float[Tensor, "t ways features"]:
        """Tell each class of each task; zeros for a class that the task lacks."""
        f = torch.unflatten(self.look(support.items.flatten(0, 1)), 0, support.items.shape[:2])
        means, mean = class_context(f, support)
        squares, _ = class_context(f.square(), support)
        variances = (squares - means.square()).clamp(min=0)
        shots = (support.labels * support.weight[..., None]).sum(1)
        there = (support.present & (shots > 0)).to(f)[..., None]
        count = there.sum(1).clamp(min=1)
        apart = (((means - mean[:, None]).square() * there).sum(1) / count + FLOOR).sqrt()
        within = (variances * there).sum(1) / count
        ratio = _log(within) - apart.log()
        task = torch.cat([_even(mean), _even(ratio), _even(apart.log()), ratio.mean(-1, keepdim=True)], -1)[:, None]
        own = [(means - mean[:, None]) / apart[:, None], _even(_log(variances) - apart[:, None].log())]
        seen = torch.cat([*own, task.expand(-1, means.shape[1], -1), shots.clamp(min=1e-12).log()[..., None]], -1)
        return FURTHEST * ((seen - self.centre) / (FURTHEST * self.spread)).tanh() * there


def _log(variance: Tensor) -> Tensor:
    """The logarithm of a deviation that may be 0."""
    return (variance + FLOOR).log() / 2


def _even(vectors: Tensor) -> Tensor:
    """Without their mean, and of deviation 1."""
    return F.layer_norm(vectors, vectors.shape[-1:])
