"""Generalized advantage estimation (Schulman et al. 2016)."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Numbers = Float[Tensor, "t n"]
"""A number at each of t steps of n games."""
Flags = Bool[Tensor, "t n"]
"""Whether something holds at each of t steps of n games."""


def generalized_advantages(
    rewards: Numbers,
    values: Numbers,
    next_values: Numbers,
    terminated: Flags,
    ended: Flags,
    discount: float,
    trace: float,
) -> Numbers:
    """Generalized advantage estimates (Schulman et al. 2016), with termination apart from the end of the time.

        d_t = r_t + discount (1 - terminated_t) V(s'_t) - V(s_t)
        A_t = d_t + discount trace (1 - ended_t) A_{t+1}

    s'_t is the observation after step t and before any reset. Where time is up, a game has ended and not terminated:
    the value of s'_t stands for what would have followed.

    Args:
        rewards: Rewards.
        values: Values of the observations.
        next_values: Values of the observations that followed.
        terminated: Steps after which there was nothing to win.
        ended: Steps after which another game began.
        discount: Factor of a reward a step later.
        trace: Weight of longer returns, 0 to 1 (lambda).

    Example:
        >>> one = torch.ones(2, 1)
        >>> never = torch.zeros(2, 1, dtype=torch.bool)
        >>> generalized_advantages(one, 0 * one, 0 * one, never, never, 0.5, 1.0)[:, 0]
        tensor([1.5000, 1.0000])
    """
    errors = rewards + discount * next_values * ~terminated - values
    kept = discount * trace * (~ended).to(rewards)
    result = torch.empty_like(errors)
    following = torch.zeros_like(errors[0])
    for step in range(len(errors) - 1, -1, -1):
        following = errors[step] + kept[step] * following
        result[step] = following
    return result
