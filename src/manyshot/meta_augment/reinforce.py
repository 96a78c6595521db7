"""The gradient of what cannot be differentiated: REINFORCE with the likeliest pipeline as its baseline."""

from copy import copy
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.base import InputError
from manyshot.meta_augment.gates import gates, log_probability, score
from manyshot.meta_augment.policy import OpPolicy
from manyshot.meta_augment.trial import Trial


@dataclass(frozen=True)
class Reinforce:
    """Learn which ops should act by trying, and their magnitudes exactly.

    dL/dphi = E[dL/dphi at fixed gates + (L - L*) dlog p(gates)/dphi]

    for each task. Gates are drawn once a task and hold for all that is made for it, with the probabilities of its mean
    logits, so that a draw is a whole pipeline and its loss tells how good that one is; were each item to draw its own,
    as in use, what one gate did would drown in what the others did. L* is the loss with every gate in the likelier of
    its two states, under the same other draws: a pipeline is good if it beats what the policy would do by itself
    (self-critical, Rennie et al. 2017). Unbiased for the loss under such draws.

    Example:
        >>> Reinforce()
        Reinforce()
    """

    def loss(self, trial: Trial, generator: Generator) -> Float[Tensor, ""]:
        """The query loss under the draws, with this gradient.

        Raises:
            InputError: if the augmenter makes no such choices.
        """
        if not isinstance(trial.augmenter, OpPolicy):
            raise InputError(
                f"{type(trial.augmenter).__name__} makes no choices that cannot be differentiated; take --gradient "
                "exact, or a policy"
            )
        policy = copy(trial.augmenter)  # the same weights
        policy.how = "reinforce"
        logits = policy.task_logits(trial.episode.support)
        drawn = gates(logits, trial.draws["gates"][:, 0].to(logits), "reinforce")
        losses = _losses(trial, policy, drawn)
        with torch.no_grad():
            baseline = _losses(trial, policy, (logits > 0).to(logits))
        return score(losses, baseline, log_probability(logits, drawn)).mean()


def _losses(trial: Trial, policy: OpPolicy, states: Float[Tensor, "t ops"]) -> Float[Tensor, " t"]:
    """The loss of each task with its gates in these states for all that is made."""
    every = states[:, None].expand_as(trial.draws["gates"])
    tried = replace(trial, augmenter=policy, draws={**trial.draws, "gates": every})
    return tried.task_losses(tried.made())
