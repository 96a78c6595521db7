"""Distributions over actions, with exact entropies and divergences."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Categorical:
    """One of k actions.

    Args:
        logits: `[..., k]` unnormalized logarithms of the probabilities.

    Example:
        >>> even = Categorical(torch.zeros(3, 2))
        >>> even.entropy(), even.kl(even)
        (tensor([0.6931, 0.6931, 0.6931]), tensor([0., 0., 0.]))
    """

    logits: Float[Tensor, "*batch k"]

    def log_probs(self) -> Float[Tensor, "*batch k"]:
        """Logarithm of the probability of every action."""
        return F.log_softmax(self.logits, -1)

    def sample(self, generator: Generator) -> Tensor:
        """Draw one action an item, `int64 [...]`, by inversion: one uniform number an item."""
        below = torch.rand(self.logits.shape[:-1], generator=generator).to(self.logits)
        cumulative = self.logits.softmax(-1).cumsum(-1)
        return (cumulative <= below[..., None]).sum(-1).clamp(max=self.logits.shape[-1] - 1)

    def mode(self) -> Tensor:
        """The likeliest action, `int64 [...]`."""
        return self.logits.argmax(-1)

    def log_prob(self, actions: Tensor) -> Float[Tensor, "*batch"]:
        """Logarithm of the probability of an action an item."""
        return self.log_probs().gather(-1, actions[..., None])[..., 0]

    def entropy(self) -> Float[Tensor, "*batch"]:
        """Entropy in nats."""
        log_probs = self.log_probs()
        return -(log_probs.exp() * log_probs).sum(-1)

    def kl(self, other: "Distribution") -> Float[Tensor, "*batch"]:
        """Kullback-Leibler divergence of the other distribution from this one, KL(self || other), in nats."""
        assert isinstance(other, Categorical)
        log_probs = self.log_probs()
        return (log_probs.exp() * (log_probs - other.log_probs())).sum(-1)

    def detach(self) -> "Categorical":
        """The same distribution, through which no gradient flows."""
        return Categorical(self.logits.detach())

    def flags(self, actions: Tensor) -> Float[Tensor, "*batch k"]:
        """Actions as inputs of a network: one-hot."""
        return F.one_hot(actions, self.logits.shape[-1]).to(self.logits)


@dataclass(frozen=True)
class Gaussian:
    """A vector of independent normal numbers.

    Args:
        mean: `[..., d]` means.
        log_std: `[..., d]` logarithms of the standard deviations.

    Example:
        >>> one, other = Gaussian(torch.zeros(1), torch.zeros(1)), Gaussian(torch.ones(1), torch.zeros(1))
        >>> one.kl(other)
        tensor(0.5000)
    """

    mean: Float[Tensor, "*batch d"]
    log_std: Float[Tensor, "*batch d"]

    def sample(self, generator: Generator) -> Tensor:
        """Draw a vector an item, `[..., d]`; it is not bounded, the world's bounds are."""
        return self.mean + self.log_std.exp() * torch.randn(self.mean.shape, generator=generator).to(self.mean)

    def mode(self) -> Tensor:
        """The means."""
        return self.mean

    def log_prob(self, actions: Tensor) -> Float[Tensor, "*batch"]:
        """Logarithm of the density at an action an item."""
        scaled = (actions - self.mean) * (-self.log_std).exp()
        return -(0.5 * scaled**2 + self.log_std + 0.5 * math.log(2 * math.pi)).sum(-1)

    def entropy(self) -> Float[Tensor, "*batch"]:
        """Differential entropy in nats."""
        return (self.log_std + 0.5 * math.log(2 * math.pi * math.e)).sum(-1)

    def kl(self, other: "Distribution") -> Float[Tensor, "*batch"]:
        """Kullback-Leibler divergence of the other distribution from this one, KL(self || other), in nats."""
        assert isinstance(other, Gaussian)
        ratio = (2 * (self.log_std - other.log_std)).exp()
        distance = ((self.mean - other.mean) * (-other.log_std).exp()) ** 2
        return (other.log_std - self.log_std + 0.5 * (ratio + distance - 1)).sum(-1)

    def detach(self) -> "Gaussian":
        """The same distribution, through which no gradient flows."""
        return Gaussian(self.mean.detach(), self.log_std.detach())

    def flags(self, actions: Tensor) -> Float[Tensor, "*batch d"]:
        """Actions as inputs of a network: the vectors themselves."""
        return actions


Distribution = Categorical | Gaussian
