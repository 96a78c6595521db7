"""Regularization of policy and value by changed views of what the agent saw (DrAC)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.base.check_numbers import check_range
from manyshot.rl.policy import Inputs, Output


@dataclass(frozen=True)
class DrAC:
    """Data-regularized actor-critic (Raileanu et al. 2021): a changed view should get the same policy and value.

        G = weight mean [ KL(pi(s) || pi(f s)) + (V(s) - V(f s))^2 / 2 ]

    f is drawn anew for every item and every update. Policy and value of the unchanged view are targets, through which
    no gradient flows.

    Differs from the authors' code, which takes -log pi(a | f s) of one drawn action, not the divergence, and changes
    the observations of both sides in place by some of its ops. The weight of the values means the same in any world
    since returns are scaled, see `manyshot.rl.reward_scale`.

    Args:
        weight: Weight of both terms.
        value: Whether values are regularized, too.

    Raises:
        InputError: If the weight is negative.

    Example:
        >>> DrAC(value=False)
        DrAC(weight=0.1, value=False)
    """

    weight: float = 0.1
    value: bool = True

    def __post_init__(self) -> None:
        check_range(0, weight=self.weight)

    def terms(self, plain: Output, changed: Output) -> tuple[Float[Tensor, "t n"], Float[Tensor, "t n"]]:
        """The divergence and half the squared difference of values of each item; 0 for values that are left alone.

        Args:
            plain: Output for the views as they are.
            changed: Output for the changed views.
        """
        divergence = plain.policy.detach().kl(changed.policy)
        difference = 0.5 * (plain.value.detach() - changed.value).square()
        return divergence, difference if self.value else torch.zeros_like(difference)

    def __call__(
        self, policy: Callable[[Inputs], Output], inputs: Inputs, plain: Output, view: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """What is added to the loss, and its two parts for the log.

        Args:
            policy: The policy, with whatever weights.
            inputs: What it read.
            plain: Its output.
            view: Changes observations `[m, ...]`, each by a draw of its own.
        """
        divergence, difference = self.terms(plain, policy(inputs.map(view)))
        parts = {"view_kl": divergence.mean(), "view_value": difference.mean()}
        return self.weight * (parts["view_kl"] + parts["view_value"]), parts
