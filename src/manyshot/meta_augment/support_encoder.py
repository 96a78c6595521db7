"""Encoders of image support sets: fixed features of each image, summarized by their moments over classes and tasks."""

from abc import ABC, abstractmethod
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.meta_augment.support_context import class_context
from manyshot.runtime.renamed_weights import accept_old_names
from manyshot.tasks import EpisodeSampler, Examples, Source

FLOOR = 1e-6
"""Added to variances before their logarithm is taken."""
KERNEL_SIZES = (5, 3, 3)
"""Side of each layer's filters, in pixels."""
TASKS = 40
"""Number of tasks that the statistics are estimated on."""
MIN_SPREAD = 0.05
"""Smallest standard deviation that a description is divided by."""
MAX_DEVIATIONS = 3.0
"""Bound of the standardized descriptions, in standard deviations, for tasks unlike the training tasks."""


class SupportEncoder(nn.Module, ABC):
    """Describe each class of a support set, and its task, by a vector that does not depend on the order of examples.

    Descriptions are standardized by their mean and standard deviation over tasks (`fit_statistics`), and bounded.

    Args:
        features: Dimension of the description.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.features = features
        self.register_buffer("center", torch.zeros(features))
        self.register_buffer("spread", torch.ones(features))
        self.center: Tensor
        self.spread: Tensor
        accept_old_names(self, {"centre": "center"})

    @abstractmethod
    def describe(self, support: Examples) -> Float[Tensor, "t ways features"]:
        """Compute the description of each class, before standardization."""

    @torch.no_grad()
    def fit_statistics(self, source: Source) -> None:
        """Estimate mean and standard deviation on tasks of a source; no-op if its classes have too few examples.

        Args:
            source: Source of the training classes.
        """
        shots = int(source.counts.min()) - 1
        ways = min(5, len(source.class_names))
        if shots and ways > 1:
            sampler = EpisodeSampler(source, ways, (1, min(shots, 5)), queries=1)
            self.fit_statistics_on(sampler.batch(0, TASKS).as_float().support)

    @torch.no_grad()
    def fit_statistics_on(self, support: Examples) -> None:
        """Estimate mean and standard deviation on given tasks.

        Without this, what all tasks share would be most of the input of the next network, which would learn what is
        good for all tasks long before it distinguishes them.

        Args:
            support: Support of T tasks.
        """
        described = self.describe(replace(support, items=support.items.to(self.center)))[support.class_mask]
        self.center.copy_(described.mean(0))
        self.spread.copy_(described.std(0).clamp(min=MIN_SPREAD))

    def forward(self, support: Examples) -> Float[Tensor, "t ways features"]:
        """Standardized description of each class of each task; zeros for a class that the task lacks."""
        mask = support.class_mask & ((support.labels * support.weight[..., None]).sum(1) > 0)
        standardized = (self.describe(support) - self.center) / (MAX_DEVIATIONS * self.spread)
        bounded = MAX_DEVIATIONS * standardized.tanh()
        return bounded * mask[..., None].to(bounded)


class RandomConvStatistics(SupportEncoder):
    """Describe classes and tasks by moments of random convolutional features.

    Three convolutions map an image to a vector f, averaged over the image, so that any size will do. Their filters are
    random and fixed: if they were trained, the statistics of `fit_statistics` would no longer hold. With the mean m_k
    and the standard deviation d_k of each class's f over its shots, <.> the mean over classes, and a the standard
    deviation of the m_k over the classes, the description of a class is

        [(m_k - <m>) / a,  N log(d_k / a),  N <m>,  N log(<d> / a),  N log a,  mean log(<d> / a),  log shots_k]

    where N standardizes the entries of a vector (layer normalization). So two shots that differ in angle or in color
    show in d, and classes that differ in them show in a. Ratios and N bring out what magnitudes would hide, since an
    untrained network sees all images as about the same.

    Args:
        channels: Number of channels of the images.
        width: Dimension of f.

    Example:
        >>> encoder = RandomConvStatistics(1, width=8)
        >>> support = Examples.of(torch.rand(1, 3, 1, 28, 28), torch.tensor([0, 1, 1]))
        >>> encoder(support).shape, encoder.features
        (torch.Size([1, 2, 42]), 42)
    """

    def __init__(self, channels: int, width: int = 32) -> None:
        super().__init__(5 * width + 2)
        sizes = (channels, 16, 32, width)
        for layer, (inputs, outputs, side) in enumerate(zip(sizes[:-1], sizes[1:], KERNEL_SIZES, strict=True)):
            filters = torch.randn(outputs, inputs, side, side) * (2 / (inputs * side**2)) ** 0.5
            self.register_buffer(f"filters_{layer}", filters)

    def embed(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n width"]:
        """Compute the vector f of each image."""
        for layer, side in enumerate(KERNEL_SIZES):
            images = F.gelu(F.conv2d(images, self.get_buffer(f"filters_{layer}"), stride=2, padding=side // 2))
        return images.mean((2, 3))

    def describe(self, support: Examples) -> Float[Tensor, "t ways features"]:
        """Compute the description of each class by the formula above."""
        f = torch.unflatten(self.embed(support.items.flatten(0, 1)), 0, support.items.shape[:2])
        means, variances, mean, within, between = class_moments(f, support)
        scale = (between + FLOOR).sqrt()
        ratio = log_std(within, FLOOR) - scale.log()
        task = [_normalized(mean), _normalized(ratio), _normalized(scale.log()), ratio.mean(-1, keepdim=True)]
        of_class = [
            (means - mean[:, None]) / scale[:, None],
            _normalized(log_std(variances, FLOOR) - scale[:, None].log()),
        ]
        shots = (support.labels * support.weight[..., None]).sum(1).clamp(min=1e-12)
        of_task = torch.cat(task, -1)[:, None].expand(-1, means.shape[1], -1)
        return torch.cat([*of_class, of_task, shots.log()[..., None]], -1)


def class_moments(f: Float[Tensor, "t n d"], support: Examples) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Compute means and variances within and between classes, per dimension.

    Args:
        f: Features of the support examples.
        support: Labels and weights of the support examples.

    Returns:
        Mean and variance of each class `[T, ways, d]`; and over the classes present, `[T, d]` each, the mean of the
        means, the mean of the variances, and the variance of the means.

    Example:
        >>> support = Examples.of(torch.zeros(1, 4, 1), torch.tensor([0, 0, 1, 1]))
        >>> f = torch.tensor([[[0.0], [2.0], [5.0], [5.0]]])
        >>> [moment.flatten().tolist() for moment in class_moments(f, support)]
        [[1.0, 5.0], [1.0, 0.0], [3.0], [0.5], [4.0]]
    """
    means, mean = class_context(f, support)
    squares, _ = class_context(f.square(), support)
    variances = (squares - means.square()).clamp(min=0)
    mask = (support.class_mask & ((support.labels * support.weight[..., None]).sum(1) > 0)).to(f)[..., None]
    count = mask.sum(1).clamp(min=1)
    between = ((means - mean[:, None]).square() * mask).sum(1) / count
    return means, variances, mean, (variances * mask).sum(1) / count, between


def log_std(variance: Tensor, floor: float) -> Tensor:
    """Logarithm of a standard deviation whose square may be 0."""
    return (variance + floor).log() / 2


def _normalized(vectors: Tensor) -> Tensor:
    """Vectors whose entries have mean 0 and standard deviation 1."""
    return F.layer_norm(vectors, vectors.shape[-1:])
