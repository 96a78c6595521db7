"""Differentiable Bernoulli gates: straight-through, relaxed and REINFORCE."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

Gates = Literal["straight-through", "relaxed", "reinforce"]
"""Gradient estimators of the gates."""
TEMPERATURE = 0.5


def sample_gates(
    logits: Float[Tensor, "*n"], uniform: Float[Tensor, "*n"], how: Gates, exactly: bool = True
) -> Float[Tensor, "*n"]:
    """Sample gates that are 1 with probability `sigmoid(logit)`, else 0, from uniform numbers u from 0 to 1.

    With the logistic noise `e = log u - log(1 - u)` the gate is `h = [logit + e > 0]`, and the relaxed one (the two-way
    Gumbel-softmax of Jang et al. 2017 and Maddison et al. 2017) is `r = sigmoid((logit + e) / temperature)`.

    - "straight-through" gives h, with the gradient of r (Bengio et al. 2013).
    - "relaxed" gives r itself, between 0 and 1.
    - "reinforce" gives h without a gradient: see `score`.

    Args:
        logits: Logits of the gates.
        uniform: Uniform numbers u; one half gives the more likely state of each gate.
        how: Gradient estimator.
        exactly: Whether gates must be 0 or 1, as in evaluation mode.

    Example:
        >>> import torch
        >>> sample_gates(torch.tensor([9.0, -9.0]), torch.rand(2), "straight-through").tolist()
        [1.0, 0.0]
    """
    noisy = logits + uniform.clamp(1e-6, 1 - 1e-6).logit()
    hard = (noisy > 0).to(logits)
    if how == "reinforce":
        return hard
    soft = (noisy / TEMPERATURE).sigmoid()
    return soft if how == "relaxed" and not exactly else hard + (soft - soft.detach())


def log_probability(logits: Float[Tensor, "*t n"], drawn: Float[Tensor, "*t n"]) -> Float[Tensor, "*t"]:
    """Joint log-probability of the gates of each example.

    Example:
        >>> import torch
        >>> log_probability(torch.zeros(1, 3), torch.ones(1, 3)).exp()
        tensor([0.1250])
    """
    return -F.binary_cross_entropy_with_logits(logits, drawn.detach(), reduction="none").sum(-1)


def score(
    losses: Float[Tensor, "*t"], baseline: Float[Tensor, "*t"], log_probabilities: Float[Tensor, "*t"]
) -> Float[Tensor, "*t"]:
    """Surrogate losses whose gradient includes that of the expectation over the draws (REINFORCE, Williams 1992).

    L + (L - b) (log p - log p), where all but the last log p is detached: the value is L, the gradient
    L' + (L - b) (log p)'. A baseline b that does not depend on the draws leaves the expected gradient unchanged; the
    baseline of self-critical training (Rennie et al. 2017) is the loss under the most likely draw.

    Example:
        >>> import torch
        >>> logit = torch.zeros(1, requires_grad=True)
        >>> value = score(torch.tensor([3.0]), torch.tensor([1.0]), logit.sigmoid().log())
        >>> value.sum().backward()
        >>> value.item(), logit.grad.item()
        (3.0, 1.0)
    """
    return losses + (losses - baseline).detach() * (log_probabilities - log_probabilities.detach())
