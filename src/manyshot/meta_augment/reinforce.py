"""REINFORCE, for what has no derivative: beside the likeliest pipeline, or beside one with a gate flipped."""

from copy import copy
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.ops.op import check_choice
from manyshot.base import InputError
from manyshot.meta_augment.gates import log_probability, sample_gates, score
from manyshot.meta_augment.policy.op_policy import OpPolicy
from manyshot.meta_augment.trial import Trial

BASELINES = ("likeliest", "flipped")
"""What the loss of a drawn pipeline is compared with."""


@dataclass(frozen=True)
class Reinforce:
    """Learn which ops should act by trying, and their magnitudes exactly.

    Gates s are drawn once a task and hold for all that is made for it, with the probabilities of its mean logits, so
    that a draw is a whole pipeline and its loss tells how good that one is; were each item to draw its own, as in use,
    what one gate did would drown in what the others did. Each task's loss is compared with one baseline:

        likeliest:  dL/dphi = E[dL/dphi at fixed gates + (L(s) - L*) dlog p(s)/dphi]
        flipped:    dL/dphi = E[dL/dphi at fixed gates + J (L(s) - L(s but for gate j)) dp(s_j)/dphi]

    L* is the loss with every gate in the likelier of its two states, under the same other draws: a pipeline is good if
    it beats what the policy would do by itself (self-critical, Rennie et al. 2017). Where a gate is nearly always on,
    hardly a draw differs from that baseline, and hardly one tells anything. "flipped" draws one of the J gates, and
    looks at both of its states (a local expectation, Titsias and Lazaro-Gredilla 2015, of one gate a task), so that
    every task tells what that gate did to it. Both cost the same, and are unbiased for the loss under such draws.

    Args:
        baseline: see above.

    Example:
        >>> Reinforce("flipped")
        Reinforce(baseline='flipped')
    """

    baseline: str = "likeliest"

    def __post_init__(self) -> None:
        check_choice(self, "baseline", BASELINES)

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
        policy.gates = "reinforce"
        logits = policy.task_logits(trial.episode.support)
        drawn = sample_gates(logits, trial.draws["gates"][:, 0].to(logits), "reinforce")
        losses = _losses(trial, policy, drawn)
        flipped = torch.randint(logits.shape[1], logits.shape[:1], generator=generator).to(logits.device)
        with torch.no_grad():
            if self.baseline == "likeliest":
                beside = (logits > 0).to(logits)
            else:
                beside = drawn.scatter(1, flipped[:, None], 1 - drawn.gather(1, flipped[:, None]))
            baseline = _losses(trial, policy, beside)
        if self.baseline == "likeliest":
            return score(losses, baseline, log_probability(logits, drawn)).mean()
        chances = torch.where(drawn > 0, logits, -logits).sigmoid().gather(1, flipped[:, None])[:, 0]
        return score(losses, baseline, logits.shape[1] * chances).mean()


def _losses(trial: Trial, policy: OpPolicy, states: Float[Tensor, "t ops"]) -> Float[Tensor, " t"]:
    """The loss of each task with its gates in these states for all that is made."""
    every = states[:, None].expand_as(trial.draws["gates"])
    tried = replace(trial, augmenter=policy, draws={**trial.draws, "gates": every})
    return tried.task_losses(tried.made())
