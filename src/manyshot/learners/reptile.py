"""Reptile: towards the weights that tasks adapt to (Nichol, Achiam and Schulman 2018)."""

from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from manyshot.base import InputError
from manyshot.learners.gradient_learner import GradientLearner, Parameters
from manyshot.learners.learner import weighted_mean
from manyshot.learners.maml import check_step_size
from manyshot.tasks import Episode


class Reptile(GradientLearner):
    """Adapt to each task by plain training, then move the weights towards what they became.

    theta <- theta + epsilon (1/T) sum_t (theta_t - theta),   theta_t after `steps` steps on mini-batches of task t

    In training a task's support and query together are its data, as in the paper; mini-batch b of B holds every B-th
    item from the b-th on, so that it has items of most classes, and the steps take them in turn. The loss has the value
    of the mean query loss after adaptation, and (theta - theta_t) / (alpha steps) as its gradient, which is the mean of
    the inner gradients: any optimiser takes the outer step, and SGD of rate epsilon alpha steps is the update above. No
    second derivative is taken.

    Where it differs from the paper: its inner optimiser is Adam without momentum, ours is plain SGD; its mini-batches
    are drawn at random.

    Args:
        model: as in `MAML`.
        ways: number of classes that the model tells apart; tasks may have fewer.
        step_size: alpha.
        steps: number of inner gradient steps.
        batches: B, mini-batches of a task's data in training. On new tasks, each step sees the whole support.
        criterion: "cross-entropy", or "squared-error" for regression.
        transductive: see `GradientLearner`.

    Raises:
        InputError: as `MAML`, and if there are fewer than 1 mini-batches or more than items.

    Example:
        >>> from manyshot.tasks import Sinusoids
        >>> model = nn.Sequential(nn.Linear(1, 40), nn.ReLU(), nn.Linear(40, 1))
        >>> learner = Reptile(model, ways=1, step_size=0.02, criterion="squared-error")
        >>> learner.loss(Sinusoids().batch(0, 4)).backward()
        >>> bool(model[0].weight.grad.abs().sum() > 0)
        True
    """

    by_item: ClassVar[bool] = False

    def __init__(
        self,
        model: nn.Module,
        ways: int,
        step_size: float = 0.1,
        steps: int = 8,
        batches: int = 4,
        criterion: str = "cross-entropy",
        transductive: bool = False,
    ) -> None:
        super().__init__(model, ways, steps, 1, criterion, transductive)
        self.step_size = check_step_size(step_size)
        if batches < 1:
            raise InputError(f"batches={batches}: give at least 1")
        self.batches = batches

    def moved(self, parameters: Parameters, grads: Parameters, step: int) -> Parameters:
        """A step of gradient descent."""
        return {name: value - self.step_size * grads[name] for name, value in parameters.items()}

    def trained(
        self,
        items: Float[Tensor, "n ..."],
        labels: Float[Tensor, "n ways"],
        weight: Float[Tensor, " n"],
        absent: Bool[Tensor, " ways"],
    ) -> Parameters:
        """The weights after plain training on a task's data."""
        parameters = self.first()
        for step in range(self.steps):
            grads = self.grads(*self._batch(step % self.batches, items, labels, weight), absent)
            parameters = self.moved(parameters, grads(parameters), step)
        return parameters

    def _batch(self, number: int, items: Tensor, labels: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """A mini-batch of the items that are there: cut out, or, where tasks are vectorised, by weights of 0."""
        there = weight > 0
        if self.vectorised:
            return items, labels, weight * ((there.cumsum(0) - 1) % self.batches == number)
        places = there.nonzero()[number :: self.batches, 0]
        return items[places], labels[places], weight[places]

    def loss(self, episode: Episode) -> Float[Tensor, ""]:
        """The mean query loss after adaptation, whose gradient is the way that the weights went."""
        if self.batches > episode.support.weight.shape[1] + episode.query.weight.shape[1]:
            raise InputError(f"batches={self.batches}: more than a task has items; give fewer")

        def losses(own: Reptile, part: Episode) -> Tensor:
            data = part.support.joined(part.query)
            return own._stacked(own._surrogate, *own._sides(data), *own._query(part.query))

        return self.by_parts(losses, episode)

    def _surrogate(
        self,
        items: Tensor,
        labels: Tensor,
        weight: Tensor,
        absent: Tensor,
        queries: Tensor,
        query_labels: Tensor,
        query_weight: Tensor,
    ) -> Tensor:
        """The query loss of a task; its derivative by each weight is what the weight lost, by step and rate."""
        adapted = self.trained(items, labels, weight, absent)
        logits = self.judge(adapted, queries, query_weight, items, weight, absent)
        value = weighted_mean(self.criterion(logits, query_labels), query_weight).detach()
        ways = [((before - adapted[name]).detach() * before).sum() for name, before in self.first().items()]
        way = torch.stack(ways).sum() / (self.step_size * self.steps)
        return value + way - way.detach()
