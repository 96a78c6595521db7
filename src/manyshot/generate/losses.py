"""What the two sides of an adversarial game minimise, and the penalties that keep the discriminator smooth."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

Scores = Float[Tensor, " n"]
Others = Float[Tensor, " m"]


@dataclass(frozen=True)
class AdversarialLoss:
    """Both sides of one game, as functions of the discriminator's scores s; where D is a chance, D = sigmoid(s).

    Args:
        discriminator: what D minimises, of the scores of real and of made items.
        generator: what G minimises, of the scores of made items.
        saturates: whether the generator's slope by the scores vanishes where the discriminator is sure.
    """

    discriminator: Callable[[Scores, Others], Float[Tensor, ""]]
    generator: Callable[[Scores], Float[Tensor, ""]]
    saturates: bool = False


def chance_loss(real: Scores, made: Others) -> Float[Tensor, ""]:
    """-E log D(x) - E log(1 - D(G(z))): what the discriminator of Goodfellow et al. 2014 minimises.

    Example:
        >>> chance_loss(torch.zeros(4), torch.zeros(4)).item() == 2 * torch.tensor(2.0).log().item()
        True
    """
    return F.softplus(-real).mean() + F.softplus(made).mean()


def minimax_loss(made: Scores) -> Float[Tensor, ""]:
    """E log(1 - D(G(z))): the generator's side of the game exactly; its slope vanishes where D is sure.

    Example:
        >>> minimax_loss(torch.zeros(4)).item() == torch.tensor(0.5).log().item()
        True
    """
    return -F.softplus(made).mean()


def non_saturating_loss(made: Scores) -> Float[Tensor, ""]:
    """-E log D(G(z)): the same fixed point, with a slope where D is sure (Goodfellow et al. 2014, section 3).

    Example:
        >>> non_saturating_loss(torch.zeros(4)).item() == torch.tensor(2.0).log().item()
        True
    """
    return F.softplus(-made).mean()


def hinge_loss(real: Scores, made: Others) -> Float[Tensor, ""]:
    """E max(0, 1 - s(x)) + E max(0, 1 + s(G(z))) (Lim and Ye 2017).

    Example:
        >>> hinge_loss(torch.tensor([2.0, 0.5]), torch.tensor([-3.0, -1.0])).item()
        0.25
    """
    return F.relu(1 - real).mean() + F.relu(1 + made).mean()


def critic_loss(real: Scores, made: Others) -> Float[Tensor, ""]:
    """E s(G(z)) - E s(x): minus an estimate of the Wasserstein distance (Arjovsky et al. 2017).

    Example:
        >>> critic_loss(torch.tensor([1.0]), torch.tensor([-1.0])).item()
        -2.0
    """
    return made.mean() - real.mean()


def mean_score_loss(made: Scores) -> Float[Tensor, ""]:
    """-E s(G(z)): the generator's side of the hinge and of the Wasserstein game.

    Example:
        >>> mean_score_loss(torch.tensor([1.0, 3.0])).item()
        -2.0
    """
    return -made.mean()


LOSSES: dict[str, AdversarialLoss] = {
    "minimax": AdversarialLoss(chance_loss, minimax_loss, saturates=True),
    "non_saturating": AdversarialLoss(chance_loss, non_saturating_loss),
    "hinge": AdversarialLoss(hinge_loss, mean_score_loss),
    "wasserstein": AdversarialLoss(critic_loss, mean_score_loss),
}
"""The games that a model can name."""


def gradient_penalty(
    score: Callable[[Tensor], Tensor],
    real: Float[Tensor, "n ..."],
    made: Float[Tensor, "n ..."],
    share: Float[Tensor, " n"],
) -> Float[Tensor, ""]:
    """WGAN-GP (Gulrajani et al. 2017): E (||ds/dx||_2 - 1)^2 at x = share * real + (1 - share) * made.

    Args:
        score: items to scores `[n]`; the slope is taken item by item, so no item's score may depend on another item.
        real: items.
        made: as many; taken as given, so nothing of this reaches the generator.
        share: uniform draws from 0 to 1.

    Example:
        >>> slope = torch.tensor([3.0, 4.0])
        >>> gradient_penalty(lambda x: x @ slope, torch.rand(8, 2), torch.rand(8, 2), torch.rand(8)).item()
        16.0
    """
    mixed = torch.lerp(made.detach(), real.detach(), share.view(-1, *[1] * (real.ndim - 1)))
    penalty: Tensor = (_slopes(score, mixed).norm(dim=1) - 1).square().mean()
    return penalty


def r1_penalty(score: Callable[[Tensor], Tensor], real: Float[Tensor, "n ..."]) -> Float[Tensor, ""]:
    """R1 (Mescheder, Geiger and Nowozin 2018): 1/2 E ||ds/dx||_2^2 at real items.

    Args:
        score: see `gradient_penalty`.
        real: items.

    Example:
        >>> r1_penalty(lambda x: x @ torch.tensor([3.0, 4.0]), torch.rand(8, 2)).item()
        12.5
    """
    half: Tensor = _slopes(score, real.detach()).square().sum(1).mean() / 2
    return half


def _slopes(score: Callable[[Tensor], Tensor], items: Tensor) -> Float[Tensor, "n d"]:
    """The derivative of each item's score by the item, flat; itself differentiable."""
    with torch.enable_grad():
        items = items.requires_grad_()
        (grads,) = torch.autograd.grad(score(items).sum(), items, create_graph=True)
    return grads.flatten(1)
