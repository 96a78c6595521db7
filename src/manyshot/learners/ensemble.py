"""Several trained learners as one: their log-probabilities are averaged."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from manyshot.base import InputError
from manyshot.learners.learner import Classifier, Learner
from manyshot.learners.transductive import transductive
from manyshot.tasks import Examples


class Ensemble(Learner):
    """Adapt each member to the support and average what they say of a query.

    log p(k | q) = mean_j log p_j(k | q) - log Z: the geometric mean of the members' predictions.

    Members that differ in their seed alone err differently, so the average errs less; it costs as much more time as
    there are members, so a figure of an ensemble is no figure of one learner and has to be called so.

    Args:
        members: trained learners, at least one, for the same kind of items.

    Raises:
        InputError: without members.

    Example:
        >>> from manyshot.learners import Prototypes
        >>> one, other = Prototypes(nn.Flatten()), Prototypes(nn.Flatten(), temperature=3.0)
        >>> support = Examples(torch.rand(2, 5, 1, 4, 4), torch.eye(5).expand(2, 5, 5), torch.ones(2, 5),
        ...     torch.ones(2, 5, dtype=torch.bool))
        >>> Ensemble([one, other]).adapt(support)(torch.rand(2, 7, 1, 4, 4)).exp().sum(-1).mean()
        tensor(1.)
    """

    def __init__(self, members: Sequence[Learner]) -> None:
        super().__init__()
        if not members:
            raise InputError("an ensemble of no learners: give at least one")
        self.members = nn.ModuleList(members)
        self.transductive = any(member.transductive for member in members)

    def made_transductive(self) -> "Ensemble":
        """The ensemble of the members made transductive."""
        return Ensemble([transductive(cast(Learner, member)) for member in self.members])

    def adapt(self, support: Examples) -> Classifier:
        """Adapt every member."""
        classifiers = [cast(Learner, member).adapt(support) for member in self.members]

        def classify(queries: Tensor, weight: Tensor | None = None) -> Tensor:
            said = [classifier(queries, weight).log_softmax(-1) for classifier in classifiers]
            return torch.stack(said).mean(0).log_softmax(-1)

        return classify
