"""Ensembles of trained learners, which average log-probabilities."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from manyshot.base import InputError
from manyshot.learners.learner import Classifier, Learner
from manyshot.learners.transductive import transductive
from manyshot.tasks import Examples


class Ensemble(Learner):
    """Adapt each member to the support and average their log-probabilities for a query.

    log p(k | q) = mean_j log p_j(k | q) - log Z: the geometric mean of the members' predictions.

    Members that differ only in their seed make different errors, so the average makes fewer. The cost is that of all
    members together, so results of an ensemble should be reported as such.

    Args:
        members: Trained learners, at least one, for the same kind of items.

    Raises:
        InputError: If there are no members.

    Example:
        >>> from manyshot.learners import Prototypes
        >>> one, other = Prototypes(nn.Flatten()), Prototypes(nn.Flatten(), temperature=3.0)
        >>> support = Examples.of(torch.rand(2, 5, 1, 4, 4), torch.arange(5))
        >>> Ensemble([one, other]).adapt(support)(torch.rand(2, 7, 1, 4, 4)).exp().sum(-1).mean()
        tensor(1.)
    """

    def __init__(self, members: Sequence[Learner]) -> None:
        super().__init__()
        if not members:
            raise InputError("an ensemble without members: give at least one learner")
        self.members = nn.ModuleList(members)
        self.transductive = any(member.transductive for member in members)

    def made_transductive(self) -> "Ensemble":
        """The ensemble of the members made transductive."""
        return Ensemble([transductive(cast(Learner, member)) for member in self.members])

    def adapt(self, support: Examples) -> Classifier:
        """Adapt every member."""
        classifiers = [cast(Learner, member).adapt(support) for member in self.members]

        def classify(queries: Tensor, weight: Tensor | None = None) -> Tensor:
            log_probabilities = [classifier(queries, weight).log_softmax(-1) for classifier in classifiers]
            return torch.stack(log_probabilities).mean(0).log_softmax(-1)

        return classify
