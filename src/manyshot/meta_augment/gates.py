"""Whether an op acts, drawn so that how often it should can be learned: three estimators of the gradient."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

Gates = Literal["straight-through", "relaxed", "reinforce"]
"""How the gradient passes through a draw of on or off."""
DIFFERENTIABLE: tuple[Gates, ...] = ("straight-through", "relaxed")
"""Those that give one by themselves; for the last, see `manyshot.meta_augment.reinforce`."""
TEMPERATURE = 0.5


def gates(
    logits: Float[Tensor, "*n"], uniform: Float[Tensor, "*n"], how: Gates, exactly: bool = True
) -> Float[Tensor, "*n"]:
    """Gates that are 1 (on) with the probability `sigmoid(logit)`, else 0, from numbers u drawn evenly from 0 to 1.

    With the logistic noise `e = log u - log(1 - u)` the gate is `h = [logit + e > 0]`, and the relaxed one (the two-way
    Gumbel-softmax of Jang et al. 2017 and Maddison et al. 2017) is `r = sigmoid((logit + e) / temperature)`.

    - "straight-through" gives h, with the derivative of r (Bengio et al. 2013): what is made is what will be used.
    - "relaxed" gives r itself, half on and half off.
    - "reinforce" gives h without a derivative: see `score`.

    Args:
        logits: of being on.
        uniform: u; one half everywhere gives the likelier gate of each two.
        how: see above.
        exactly: whether gates are wanted that are on or off and nothing between, as they are used in the end.

    Example:
        >>> import torch
        >>> gates(torch.tensor([9.0, -9.0]), torch.rand(2), "straight-through").tolist()
        [1.0, 0.0]
    """
    noisy = logits + uniform.clamp(1e-6, 1 - 1e-6).logit()
    hard = (noisy > 0).to(logits)
    if how == "reinforce":
        return hard
    soft = (noisy / TEMPERATURE).sigmoid()
    return soft if how == "relaxed" and not exactly else hard + (soft - soft.detach())


def log_probability(logits: Float[Tensor, "*t n"], drawn: Float[Tensor, "*t n"]) -> Float[Tensor, "*t"]:
    """The log-probability of the gates of each item together.

    Example:
        >>> import torch
        >>> log_probability(torch.zeros(1, 3), torch.ones(1, 3)).exp()
        tensor([0.1250])
    """
    return -F.binary_cross_entropy_with_logits(logits, drawn.detach(), reduction="none").sum(-1)


def score(
    losses: Float[Tensor, "*t"], baseline: Float[Tensor, "*t"], log_probabilities: Float[Tensor, "*t"]
) -> Float[Tensor, "*t"]:
    """Losses whose derivative is that of their expectation over the draws, too (REINFORCE, Williams 1992).

    L + (L - b) (log p - log p), where the differences are constants but for the last log p: the value is that of L, the
    derivative L' + (L - b) (log p)'. A baseline b that is no function of the draws leaves the expectation as it is;
    that of self-critical training (Rennie et al. 2017) is the loss under the likeliest draw.

    Example:
        >>> import torch
        >>> logit = torch.zeros(1, requires_grad=True)
        >>> value = score(torch.tensor([3.0]), torch.tensor([1.0]), logit.sigmoid().log())
        >>> value.sum().backward()
        >>> value.item(), logit.grad.item()
        (3.0, 1.0)
    """
    return losses + (losses - baseline).detach() * (log_probabilities - log_probabilities.detach())
