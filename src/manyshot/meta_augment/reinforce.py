"""The gradient of what cannot be differentiated: REINFORCE with the likeliest draw as its baseline."""

from copy import copy
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.base import InputError
from manyshot.meta_augment.gates import score
from manyshot.meta_augment.policy import OpPolicy
from manyshot.meta_augment.trial import Trial


@dataclass(frozen=True)
class Reinforce:
    """Learn which ops should act by trying, and their magnitudes exactly.

    dL/dphi = E[dL/dphi at fixed gates + (L - L*) dlog p(gates)/dphi]

    for each task, where L* is the loss with every gate in the likelier of its two states, so that a draw is good if it
    beats what the policy would do by itself (self-critical, Rennie et al. 2017). Unbiased, and noisier than
    straight-through or relaxed gates, whose place it takes.

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
        trial = replace(trial, augmenter=policy)
        losses = trial.task_losses(trial.made())
        with torch.no_grad():
            likeliest = replace(trial, draws=policy.likeliest(trial.draws))
            baseline = likeliest.task_losses(likeliest.made())
        chances = policy.log_probability(trial.episode.support, trial.copies, trial.draws)
        return score(losses, baseline, chances).mean()
