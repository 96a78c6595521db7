"""REINFORCE for choices without a derivative, with the most likely pipeline or a flipped gate as a baseline."""

from copy import copy
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.ops.op import check_choice
from manyshot.base import InputError
from manyshot.meta_augment.augmenter_step import AugmenterStep
from manyshot.meta_augment.gates import log_probability, sample_gates, score
from manyshot.meta_augment.policy.op_policy import OpPolicy

BASELINES = ("likeliest", "flipped")
"""Baselines of the loss of a drawn pipeline."""


@dataclass(frozen=True)
class Reinforce:
    """Learn which ops should act by REINFORCE, and their magnitudes by exact gradients.

    Gates s are drawn once per task and shared by all of its generated examples, with the probabilities of the task's
    mean logits. So a draw is a whole pipeline, and its loss shows how good that pipeline is; if each example drew its
    own gates, as in use, the effect of one gate would drown in those of the others. Each task's loss is compared with
    one baseline:

        likeliest:  dL/dphi = E[dL/dphi at fixed gates + (L(s) - L*) dlog p(s)/dphi]
        flipped:    dL/dphi = E[dL/dphi at fixed gates + J (L(s) - L(s with gate j flipped)) dp(s_j)/dphi]

    L* is the loss with every gate in the more likely of its two states, under the same other draws: a pipeline is good
    if it beats the policy's most likely one (self-critical training, Rennie et al. 2017). Where a gate is nearly always
    on, few draws differ from that baseline, so few of them are informative. "flipped" draws one of the J gates and
    evaluates both of its states (a local expectation, Titsias and Lazaro-Gredilla 2015, of one gate per task), so every
    task shows the effect of its gate. Both cost the same, and are unbiased for the loss under such draws.

    Args:
        baseline: "likeliest" or "flipped".

    Raises:
        InputError: If the baseline is unknown.

    Example:
        >>> Reinforce("flipped")
        Reinforce(baseline='flipped')
    """

    baseline: str = "likeliest"

    def __post_init__(self) -> None:
        check_choice(self, "baseline", BASELINES)

    def loss(self, step: AugmenterStep, generator: Generator) -> Float[Tensor, ""]:
        """Query loss under the draws, with the REINFORCE gradient.

        Raises:
            InputError: If the augmenter is no policy of ops.
        """
        if not isinstance(step.augmenter, OpPolicy):
            raise InputError(
                f"{type(step.augmenter).__name__} has no discrete choices; choose the gradient exact "
                "(--gradient exact), or a policy"
            )
        policy = copy(step.augmenter)  # shares the weights
        policy.gates = "reinforce"
        logits = policy.task_logits(step.episode.support)
        drawn = sample_gates(logits, step.draws["gates"][:, 0].to(logits), "reinforce")
        losses = _losses(step, policy, drawn)
        gate = torch.randint(logits.shape[1], logits.shape[:1], generator=generator).to(logits.device)
        with torch.no_grad():
            if self.baseline == "likeliest":
                compared = (logits > 0).to(logits)
            else:
                compared = drawn.scatter(1, gate[:, None], 1 - drawn.gather(1, gate[:, None]))
            baseline = _losses(step, policy, compared)
        if self.baseline == "likeliest":
            return score(losses, baseline, log_probability(logits, drawn)).mean()
        probability = torch.where(drawn > 0, logits, -logits).sigmoid().gather(1, gate[:, None])[:, 0]
        return score(losses, baseline, logits.shape[1] * probability).mean()


def _losses(step: AugmenterStep, policy: OpPolicy, gates: Float[Tensor, "t ops"]) -> Float[Tensor, " t"]:
    """The loss of each task with these gates for all of its generated examples."""
    shared = gates[:, None].expand_as(step.draws["gates"])
    fixed = replace(step, augmenter=policy, draws={**step.draws, "gates": shared})
    return fixed.task_losses(fixed.generate())
