"""Reptile: towards the weights that tasks adapt to (Nichol, Achiam and Schulman 2018)."""

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from manyshot.base import InputError
from manyshot.learners.gradient_learner import GradientLearner, Parameters
from manyshot.learners.learner import weighted_mean
from manyshot.learners.task_tensors import Side, Task
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
        model: Any module, as in `MAML`.
        ways: Number of classes that the model tells apart; tasks may have fewer.
        step_size: alpha.
        steps: Number of inner gradient steps.
        batches: B, the number of mini-batches of a task's data in training. On new tasks, each step sees the whole
            support.
        criterion: "cross-entropy", or "squared-error" for regression.
        vectorized: Whether tasks are taken together, see `GradientLearner`.

    Raises:
        InputError: As `MAML`, and if there are fewer than 1 mini-batches or more than items.

    Example:
        >>> from manyshot.tasks import Sinusoids
        >>> model = nn.Sequential(nn.Linear(1, 40), nn.ReLU(), nn.Linear(40, 1))
        >>> learner = Reptile(model, ways=1, step_size=0.02, criterion="squared-error")
        >>> learner.loss(Sinusoids().batch(0, 4)).backward()
        >>> bool(model[0].weight.grad.abs().sum() > 0)
        True
    """

    has_query_losses: ClassVar[bool] = False
    loss_differentiates_items: ClassVar[bool] = False

    def __init__(
        self,
        model: nn.Module,
        ways: int,
        step_size: float = 0.1,
        steps: int = 8,
        batches: int = 4,
        criterion: str = "cross-entropy",
        vectorized: bool | None = None,
    ) -> None:
        super().__init__(model, ways, step_size, steps, 1, criterion, vectorized)
        if batches < 1:
            raise InputError(f"batches={batches}: give at least 1")
        self.batches = batches

    def trained(self, data: Side) -> Parameters:
        """The weights after plain training on a task's data."""
        parameters = self.initial_params()
        for step in range(self.steps):
            inner_grads = self.inner_grads(self._batch(step % self.batches, data))
            parameters = self.inner_update(parameters, inner_grads(parameters), step)
        return parameters

    def _batch(self, number: int, data: Side) -> Side:
        """A mini-batch of the real items: cut out, or, where tasks are vectorized, by weights of 0."""
        real = data.weight > 0
        if self.vectorized:
            return data._replace(weight=data.weight * ((real.cumsum(0) - 1) % self.batches == number))
        indices = real.nonzero()[number :: self.batches, 0]
        return Side(data.items[indices], data.labels[indices], data.weight[indices], data.absent)

    def loss(self, episode: Episode) -> Float[Tensor, ""]:
        """The mean query loss after adaptation, whose gradient is the way that the weights went."""
        if self.batches > episode.support.weight.shape[1] + episode.query.weight.shape[1]:
            raise InputError(f"batches={self.batches}: more than a task has items; give fewer")

        def losses(own: Reptile, part: Episode) -> Tensor:
            data = part.support.joined(part.query)
            return own._stacked(own._surrogate, Task(own.side_of(data), own.side_of(part.query)))

        return self.by_parts(losses, episode)

    def _surrogate(self, task: Task) -> Tensor:
        """The query loss of a task; its derivative by each weight is what the weight lost, by step and rate."""
        adapted = self.trained(task.support)
        value = weighted_mean(self.query_losses_with(adapted, task), task.query.weight).detach()
        moves = [((before - adapted[name]).detach() * before).sum() for name, before in self.initial_params().items()]
        move = torch.stack(moves).sum() / (self.step_size * self.steps)
        return value + move - move.detach()
