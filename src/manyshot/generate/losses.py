"""Adversarial losses, and the gradient penalties that keep the discriminator smooth."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

RealScores = Float[Tensor, " n"]
GeneratedScores = Float[Tensor, " m"]


@dataclass(frozen=True)
class AdversarialLoss:
    """Losses of both networks as functions of the discriminator's scores s; as a probability, D = sigmoid(s).

    Args:
        discriminator: Loss of D from the scores of real and of generated examples.
        generator: Loss of G from the scores of generated examples.
        saturates: Whether the gradient of G's loss vanishes where the discriminator is confident.
    """

    discriminator: Callable[[RealScores, GeneratedScores], Float[Tensor, ""]]
    generator: Callable[[GeneratedScores], Float[Tensor, ""]]
    saturates: bool = False


def logistic_loss(real: RealScores, generated: GeneratedScores) -> Float[Tensor, ""]:
    """-E log D(x) - E log(1 - D(G(z))): the discriminator's binary cross-entropy (Goodfellow et al. 2014).

    Example:
        >>> logistic_loss(torch.zeros(4), torch.zeros(4)).item() == 2 * torch.tensor(2.0).log().item()
        True
    """
    return F.softplus(-real).mean() + F.softplus(generated).mean()


def minimax_loss(generated: GeneratedScores) -> Float[Tensor, ""]:
    """E log(1 - D(G(z))): G's exact minimax loss; its gradient vanishes where D is confident.

    Example:
        >>> minimax_loss(torch.zeros(4)).item() == torch.tensor(0.5).log().item()
        True
    """
    return -F.softplus(generated).mean()


def non_saturating_loss(generated: GeneratedScores) -> Float[Tensor, ""]:
    """-E log D(G(z)): the same fixed point, with a gradient where D is confident (Goodfellow et al. 2014, section 3).

    Example:
        >>> non_saturating_loss(torch.zeros(4)).item() == torch.tensor(2.0).log().item()
        True
    """
    return F.softplus(-generated).mean()


def hinge_loss(real: RealScores, generated: GeneratedScores) -> Float[Tensor, ""]:
    """E max(0, 1 - s(x)) + E max(0, 1 + s(G(z))) (Lim and Ye 2017).

    Example:
        >>> hinge_loss(torch.tensor([2.0, 0.5]), torch.tensor([-3.0, -1.0])).item()
        0.25
    """
    return F.relu(1 - real).mean() + F.relu(1 + generated).mean()


def wasserstein_loss(real: RealScores, generated: GeneratedScores) -> Float[Tensor, ""]:
    """E s(G(z)) - E s(x): minus an estimate of the Wasserstein distance (Arjovsky et al. 2017).

    Example:
        >>> wasserstein_loss(torch.tensor([1.0]), torch.tensor([-1.0])).item()
        -2.0
    """
    return generated.mean() - real.mean()


def negative_score_loss(generated: GeneratedScores) -> Float[Tensor, ""]:
    """-E s(G(z)): G's loss in the hinge and Wasserstein games.

    Example:
        >>> negative_score_loss(torch.tensor([1.0, 3.0])).item()
        -2.0
    """
    return -generated.mean()


LOSSES: dict[str, AdversarialLoss] = {
    "minimax": AdversarialLoss(logistic_loss, minimax_loss, saturates=True),
    "non_saturating": AdversarialLoss(logistic_loss, non_saturating_loss),
    "hinge": AdversarialLoss(hinge_loss, negative_score_loss),
    "wasserstein": AdversarialLoss(wasserstein_loss, negative_score_loss),
}
"""Adversarial losses by name."""


def gradient_penalty(
    score: Callable[[Tensor], Tensor],
    real: Float[Tensor, "n ..."],
    generated: Float[Tensor, "n ..."],
    mix: Float[Tensor, " n"],
) -> Float[Tensor, ""]:
    """WGAN-GP (Gulrajani et al. 2017): E (||ds/dx||_2 - 1)^2 at x = mix * real + (1 - mix) * generated.

    Args:
        score: Function from examples to scores `[n]`; no score may depend on another example.
        real: Batch of n real examples.
        generated: Batch of n generated examples; detached, so no gradient reaches the generative model.
        mix: Uniform draws from 0 to 1.

    Example:
        >>> weight = torch.tensor([3.0, 4.0])
        >>> gradient_penalty(lambda x: x @ weight, torch.rand(8, 2), torch.rand(8, 2), torch.rand(8)).item()
        16.0
    """
    mixed = torch.lerp(generated.detach(), real.detach(), mix.view(-1, *[1] * (real.ndim - 1)))
    penalty: Tensor = (_score_grads(score, mixed).norm(dim=1) - 1).square().mean()
    return penalty


def r1_penalty(score: Callable[[Tensor], Tensor], real: Float[Tensor, "n ..."]) -> Float[Tensor, ""]:
    """R1 (Mescheder, Geiger and Nowozin 2018): 1/2 E ||ds/dx||_2^2 at real examples.

    Args:
        score: Function from examples to scores `[n]`; no score may depend on another example.
        real: Batch of n real examples.

    Example:
        >>> r1_penalty(lambda x: x @ torch.tensor([3.0, 4.0]), torch.rand(8, 2)).item()
        12.5
    """
    half: Tensor = _score_grads(score, real.detach()).square().sum(1).mean() / 2
    return half


def _score_grads(score: Callable[[Tensor], Tensor], items: Tensor) -> Float[Tensor, "n d"]:
    """Gradient of each example's score by the example, flattened; differentiable."""
    with torch.enable_grad():
        items = items.requires_grad_()
        (grads,) = torch.autograd.grad(score(items).sum(), items, create_graph=True)
    return grads.flatten(1)
