"""Conditional variational autoencoder of the differences between features of a class (Sohn, Lee and Yan 2015)."""

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from manyshot.base.check_numbers import check_range
from manyshot.learners.learner import weighted_mean
from manyshot.meta_augment.learned_augmenter import Draws, LearnedAugmenter, Space, Varied
from manyshot.meta_augment.support_context import gaussian, per_example, task_context
from manyshot.tasks import Episode, Examples
from manyshot.tasks.class_index import gather_items, index_of, rank_in_class


class FeatureVAE(LearnedAugmenter):
    """Model another example of a class given one of its examples, and sample from the model, `feature-vae(latent=16)`.

    p(x | z, c) = int N(x; z + r D(u, c), s^2 r^2 I) N(u; 0, I) du,   c = [z, m_k, m] / r
    L = E_q ||x - z - r D(u, c)||^2 / (2 s^2 r^2) + d log s + KL(q(u | x - z, c) || N(0, I))

    z is a support example, x a query example of its class; m_k, m and r are the means of class and task and the
    task's spread (see `task_context`). It is trained by L alone, the negative evidence lower bound without constants;
    no learner is involved. A generated example is z + r D(u, c) with u ~ N(0, I). Pairs of examples of a class are
    modeled as in the Delta-encoder (Schwartz et al. 2018).

    Args:
        features: Dimension d of the features.
        latent: Dimension of the latent code u.
        hidden: Hidden width of both networks.
        weight: Total weight of the generated examples of a support example, relative to it.

    Raises:
        InputError: If an option is out of range.

    Example:
        >>> support = Examples.of(torch.rand(2, 5, 8), torch.arange(5))
        >>> FeatureVAE(8).make(support, 4, torch.Generator().manual_seed(0)).items.shape
        torch.Size([2, 20, 8])
    """

    space: ClassVar[Space] = "features"
    through_learner: ClassVar[bool] = False

    def __init__(self, features: int, latent: int = 16, hidden: int = 128, weight: float = 1.0) -> None:
        self.check_options(latent, hidden, weight)
        super().__init__()
        self.latent, self.weight = latent, weight
        self.encoder = nn.Sequential(nn.Linear(4 * features, hidden), nn.GELU(), nn.Linear(hidden, 2 * latent))
        condition = 3 * features
        self.decoder = nn.Sequential(nn.Linear(condition + latent, hidden), nn.GELU(), nn.Linear(hidden, features))
        self.log_scale = nn.Parameter(torch.zeros(()))

    @staticmethod
    def check_options(latent: int = 16, hidden: int = 128, weight: float = 1.0) -> None:
        """Check the ranges of the options.

        Raises:
            InputError: If one is out of range.
        """
        check_range(1, 4096, whole=True, latent=latent, hidden=hidden)
        check_range(1e-6, 1e6, weight=weight)

    def draw(self, support: Examples, copies: int, generator: Generator) -> Draws:
        """Draw the latent code of each copy, in pairs of opposite sign."""
        tasks, n = support.weight.shape
        return {"latent": gaussian(tasks, n, copies, self.latent, generator)}

    def vary(self, support: Examples, copies: int, draws: Draws, context: Examples) -> Varied:
        """Decode a difference for each copy, and add it."""
        condition, unit = self._condition(support, context)
        condition = condition.repeat_interleave(copies, 1)
        added = unit * self.decoder(torch.cat([draws["latent"], condition], -1))
        items = support.items.repeat_interleave(copies, 1) + added
        return items, torch.full_like(items[..., 0], self.weight / copies)

    def standalone_loss(self, episode: Episode, generator: Generator) -> Float[Tensor, ""]:
        """Negative evidence lower bound per dimension, of query examples given a support example of their class."""
        support, query = episode.support, episode.query
        condition, unit = self._condition(support, support)
        index, mask = index_of(support, query.class_ids, rank_in_class(query))
        z, condition = gather_items(support.items, index), gather_items(condition, index)
        difference = (query.items - z) / unit
        mean, log_variance = self.encoder(torch.cat([difference, condition], -1)).chunk(2, -1)
        noise = torch.randn(mean.shape, generator=generator).to(mean)
        latent = mean + (log_variance / 2).exp() * noise
        squared_error = (difference - self.decoder(torch.cat([latent, condition], -1))).square().mean(-1)
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum(-1) / (2 * difference.shape[-1])
        losses = squared_error / (2 * (2 * self.log_scale).exp()) + self.log_scale + divergence
        return weighted_mean(losses, query.weight * mask).mean()

    def _condition(self, support: Examples, context: Examples) -> tuple[Tensor, Tensor]:
        """The condition c of each support example, and the unit of length r."""
        task = task_context(context.items, context)
        unit = task.spread[:, None, None]
        z = support.items
        condition = [z, per_example(task.classes, support.labels), task.task[:, None].expand_as(z)]
        return torch.cat(condition, -1) / unit, unit
