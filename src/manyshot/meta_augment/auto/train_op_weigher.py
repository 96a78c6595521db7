"""Fit the learned part of `auto` to tasks whose queries are known."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from manyshot.meta_augment.auto.op_weigher import SHOTS, OpWeigher


@dataclass(frozen=True, eq=False)
class KnownTasks:
    """Tasks of one number of shots.

    Args:
        slopes: How the loss of the queries changes with the weight of each op, as `loss_slopes` gives it.
        excess: What was seen of the support, as `TaskEvidence` has it.
        family: Family of each, as a number: data sets that are held out together.
    """

    slopes: Float[Tensor, "n ops"]
    excess: Float[Tensor, "n ops"]
    family: Int[Tensor, " n"]

    def mean(self, values: Float[Tensor, "n ops"]) -> Float[Tensor, " ops"]:
        """Mean over families of the mean over tasks."""
        return torch.stack([values[self.family == one].mean(0) for one in sorted(set(self.family.tolist()))]).mean(0)


@dataclass(frozen=True)
class Fit:
    """How an `OpWeigher` is fitted.

    Args:
        step: How far the log weights of the prior go down the mean slope of the loss.
        trust: Change of a log weight by one standard error of evidence.
    """

    step: float
    trust: float


def fit_op_weigher(tasks: Mapping[int, KnownTasks], how: Mapping[int, Fit]) -> OpWeigher:
    """Fit the prior and the usual excess of each op; all families count the same.

    Args:
        tasks: By each of `SHOTS`.
        how: By each of `SHOTS`.
    """
    weigher = OpWeigher()
    for size, shots in enumerate(SHOTS):
        known = tasks[shots]
        weigher.prior[size] = -how[shots].step * known.mean(known.slopes)
        weigher.usual[size] = known.mean(known.excess)
        weigher.trust[size] = how[shots].trust
    return weigher.eval()
