"""Changes of the features of all parts of an example at once, learned (after LeMDA: Liu et al. 2023)."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from manyshot.base.check_numbers import check_range
from manyshot.learners import Learner
from manyshot.learners.learner import item_losses, weighted_mean
from manyshot.meta_augment.learned_augmenter import Draws, LearnedAugmenter, Space, Varied
from manyshot.meta_augment.part_layout import check_parts, part_sizes, standardized
from manyshot.meta_augment.support_context import gaussian
from manyshot.meta_augment.weight_budget import WeightBudget, check_strength
from manyshot.tasks import Episode, Examples


class LeMDA(LearnedAugmenter):
    """Change all parts of a feature vector by one draw of a variational network, `lemda(latent=16)`.

    x = (z - m) / r,   u = mu(x) + sigma(x) e,   e ~ N(0, I),   z' = z + s r D(u, x)

    mu, sigma and D are one network on all parts, before they are fused, so that one u changes a picture's and its
    text's features together; m is the task's mean, and r the spread of each part. It is trained through the learner's
    query loss: a bilevel problem, whose inner level is the adaptation to real and generated examples. To that are added

    kl KL(N(mu, sigma^2) || N(0, I)) + pull ||z' - z||^2 / (d r^2)

    `adversarial=yes` is the published objective in place of the query loss, for queries z of a classifier f that was
    adapted to the clean support:

    -H(y, f(z')) + consistency [max f(z) > confidence] KL(f(z) || f(z'))

    Differences from the published code: f is constant in this step (there the consistency trains the task network,
    too), and the classifier learns from generated examples in its adaptation alone, so that neither gradient changes or
    clips the other's; labels may be soft.

    Args:
        features: Dimension d of the features.
        parts: Lengths of the parts that stand side by side in a feature vector, as in
            `lemda(parts="1280+384")`; one part if empty.
        joint: Whether one network changes all parts; otherwise one for each, which shows whether joint changes matter.
        latent: Dimension of u.
        hidden: Hidden width.
        strength: Initial strength s.
        weight: Initial weight of all generated examples of a class at one shot, relative to one real example.
        kl: Weight of the divergence of the latent code.
        pull: Weight of the size of the change.
        adversarial: Whether it is trained by the published objective.
        consistency: Weight of the consistency, in the published objective.
        confidence: Probability from which on a prediction has to be kept, in the published objective.

    Raises:
        InputError: If an option is out of range, or the lengths do not add up.

    Example:
        >>> support = Examples.of(torch.rand(2, 5, 8), torch.arange(5))
        >>> LeMDA(8, parts="6+2").make(support, 4, torch.Generator().manual_seed(0)).items.shape
        torch.Size([2, 20, 8])
    """

    space: ClassVar[Space] = "features"

    def __init__(
        self,
        features: int,
        parts: str = "",
        joint: bool = True,
        latent: int = 16,
        hidden: int = 128,
        strength: float = 0.3,
        weight: float = 1.0,
        kl: float = 0.001,
        pull: float = 0.0,
        adversarial: bool = False,
        consistency: float = 1.0,
        confidence: float = 0.5,
    ) -> None:
        self.check_options(parts, latent, hidden, strength, weight, kl, pull, consistency, confidence)
        super().__init__()
        self.sizes = part_sizes(features, parts)
        self.latent, self.kl, self.pull = latent, kl, pull
        self.adversarial, self.consistency, self.confidence = adversarial, consistency, confidence
        widths = [features] if joint else self.sizes
        self.networks = nn.ModuleList(_Variational(width, latent, hidden) for width in widths)
        self.widths = widths
        self.log_strength = nn.Parameter(torch.tensor(math.log(strength)))
        self.budget = WeightBudget(weight)

    @staticmethod
    def check_options(
        parts: str,
        latent: int,
        hidden: int,
        strength: float,
        weight: float,
        kl: float,
        pull: float,
        consistency: float,
        confidence: float,
    ) -> None:
        """Check the ranges of the options.

        Raises:
            InputError: If one is out of range.
        """
        check_parts(parts)
        check_range(1, 4096, whole=True, latent=latent, hidden=hidden)
        check_strength(strength, weight)
        check_range(0, 1e6, kl=kl, pull=pull, consistency=consistency)
        check_range(0, 1, confidence=confidence)

    @property
    def replaces_query_loss(self) -> bool:
        """Whether `learner_loss` is all that it is trained by."""
        return self.adversarial

    def draw(self, support: Examples, copies: int, generator: Generator) -> Draws:
        """Draw the noise of the latent codes, in pairs of opposite sign."""
        tasks, n = support.weight.shape
        return {"noise": gaussian(tasks, n, copies, self.latent * len(self.networks), generator)}

    def vary(self, support: Examples, copies: int, draws: Draws, context: Examples) -> Varied:
        """Add a change to each copy."""
        change, _ = self._change(support.items, copies, draws["noise"], context)
        return support.items.repeat_interleave(copies, 1) + change, self.budget(support, copies)

    def learner_loss(self, learner: Learner, episode: Episode, draws: Draws, generator: Generator) -> Tensor:
        """The terms beside the query loss; or, if adversarial, the published objective with the same terms.

        Args:
            learner: Frozen learner of features.
            episode: T clean tasks of features.
            draws: Draws of the generated examples.
            generator: Random generator of the changes of queries.
        """
        support, query = (
            replace(side, items=side.items.detach(), weight=side.weight.detach())
            for side in (episode.support, episode.query)
        )
        examples, noise = support, draws["noise"]
        if self.adversarial:
            examples, noise = query, self.draw(query, 1, generator)["noise"]
        copies = noise.shape[1] // max(examples.weight.shape[1], 1)
        change, divergence = self._change(examples.items, copies, noise.to(examples.weight), support)
        _, unit = standardized(examples.items, support, self.sizes)
        terms = self.pull * (change / unit).square().mean(-1) + self.kl * divergence.repeat_interleave(copies, 1)
        loss = weighted_mean(terms, examples.weight.repeat_interleave(copies, 1)).mean()
        return loss + self._published(learner, support, query, query.items + change) if self.adversarial else loss

    def _published(self, learner: Learner, support: Examples, query: Examples, changed: Tensor) -> Float[Tensor, ""]:
        """The published objective, whose gradient reaches the changed queries alone, not the learner."""
        with torch.no_grad():
            classify = learner.adapt(support)
            kept = classify(query.items, query.weight).softmax(-1)
        leaf = changed.detach().requires_grad_(torch.is_grad_enabled())
        logits = classify(leaf, query.weight)
        fooled = item_losses(logits, query.labels)
        log_ratio = (kept.clamp(min=1e-12).log() - logits.log_softmax(-1)).masked_fill(kept <= 0, 0.0)
        confident = (kept.max(-1).values > self.confidence).to(kept)
        consistent = confident * (kept * log_ratio).sum(-1)
        value = weighted_mean(self.consistency * consistent - fooled, query.weight).mean()
        if not torch.is_grad_enabled():
            return value
        (gradient,) = torch.autograd.grad(value, leaf)
        return value.detach() + ((changed - leaf.detach()) * gradient).sum()

    def _change(
        self, items: Float[Tensor, "t n d"], copies: int, noise: Float[Tensor, "t m k"], context: Examples
    ) -> tuple[Float[Tensor, "t m d"], Float[Tensor, "t n"]]:
        """The change of each copy, and the divergence of each example's latent code, per latent dimension."""
        x, unit = standardized(items, context, self.sizes)
        changes, divergence = [], torch.zeros_like(items[..., 0])
        inputs, noises = torch.split(x, self.widths, -1), noise.chunk(len(self.networks), -1)
        for network, own, drawn in zip(self.networks, inputs, noises, strict=True):
            assert isinstance(network, _Variational)
            mean, log_deviation = network.encode(own)
            divergence = divergence + _divergence(mean, log_deviation)
            mean, deviation = mean.repeat_interleave(copies, 1), log_deviation.exp().repeat_interleave(copies, 1)
            changes.append(network.decode(mean + deviation * drawn, own.repeat_interleave(copies, 1)))
        return self.log_strength.exp() * unit * torch.cat(changes, -1), divergence / len(self.networks)


class _Variational(nn.Module):
    """Networks to a latent code, its deviation, and a change."""

    def __init__(self, features: int, latent: int, hidden: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(features, hidden), nn.GELU(), nn.Linear(hidden, 2 * latent))
        self.decoder = nn.Sequential(nn.Linear(latent + features, hidden), nn.GELU(), nn.Linear(hidden, features))
        self.linear = nn.Linear(latent, features, bias=False)
        # Noise comes in pairs of opposite sign: with a linear part of 0 its first effect would cancel.
        nn.init.normal_(self.linear.weight, std=latent**-0.5)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_deviation = self.encoder(x).chunk(2, -1)
        return mean, log_deviation.clamp(-10, 3)

    def decode(self, code: Tensor, x: Tensor) -> Tensor:
        changed: Tensor = self.decoder(torch.cat([code, x], -1)) + self.linear(code)
        return changed


def _divergence(mean: Tensor, log_deviation: Tensor) -> Float[Tensor, "t n"]:
    return (mean.square() + (2 * log_deviation).exp() - 1 - 2 * log_deviation).mean(-1) / 2


def change_sizes(change: Float[Tensor, "t m d"], sizes: Sequence[int]) -> Float[Tensor, "t m p"]:
    """Euclidean length of the change of each part.

    Args:
        change: Changes of vectors.
        sizes: Lengths of the parts.

    Example:
        >>> change_sizes(torch.tensor([[[3.0, 4.0, 2.0]]]), [2, 1])
        tensor([[[5., 2.]]])
    """
    return torch.stack([part.norm(dim=-1) for part in torch.split(change, list(sizes), -1)], -1)
