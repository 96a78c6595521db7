"""Reptile: meta-training without second derivatives (Nichol, Achiam and Schulman 2018)."""

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from manyshot.base import InputError
from manyshot.learners.gradient_learner import GradientLearner
from manyshot.learners.inner_loop import Parameters
from manyshot.learners.learner import weighted_mean
from manyshot.learners.task_tensors import Side, Task
from manyshot.tasks import Episode


class Reptile(GradientLearner):
    """Adapt to each task by plain training, then move the weights toward the adapted weights.

    theta <- theta + epsilon (1/T) sum_t (theta_t - theta),   theta_t after `steps` steps on mini-batches of task t

    During training, the support and query of a task together are its data, as in the paper; mini-batch b of B holds
    every B-th example from the b-th on, so that it has examples of most classes, and the steps cycle through the
    mini-batches. The value of the loss is the mean query loss after adaptation, and its gradient is (theta - theta_t) /
    (alpha steps), the mean of the inner gradients, so any optimizer can take the outer step; SGD with learning rate
    epsilon alpha steps gives the update above. No second derivative is computed.

    Where it differs from the paper: the inner optimizer is plain SGD instead of Adam without momentum, and mini-batches
    are not drawn at random.

    Args:
        model: Any module, as in `MAML`.
        ways: Number of outputs of the model; tasks may have fewer classes.
        step_size: Inner learning rate alpha.
        steps: Number of inner gradient steps.
        batches: Number B of mini-batches of a task's data in training; on new tasks each step uses the whole support.
        criterion: "cross-entropy", or "squared-error" for regression.
        vectorized: Whether tasks are computed together, see `GradientLearner`.

    Raises:
        InputError: As `MAML`, and if `batches` is below 1 or above the number of examples of a task.

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
        """The parameters after plain training on a task's data.

        Args:
            data: Examples of the task.
        """
        parameters = self.initial_params()
        for step in range(self.steps):
            inner_grads = self.inner_grads(self._batch(step % self.batches, data))
            parameters = self.inner_update(parameters, inner_grads(parameters), step)
        return parameters

    def _batch(self, index: int, data: Side) -> Side:
        """A mini-batch of the examples: a selection, or all with weights of 0 for the others if vectorized."""
        real = data.weight > 0
        if self.vectorized:
            return data._replace(weight=data.weight * ((real.cumsum(0) - 1) % self.batches == index))
        indices = real.nonzero()[index :: self.batches, 0]
        return Side(data.items[indices], data.labels[indices], data.weight[indices], data.absent)

    def loss(self, episode: Episode) -> Float[Tensor, ""]:
        """The mean query loss after adaptation; its gradient is the negative mean update of the weights."""
        if self.batches > episode.support.weight.shape[1] + episode.query.weight.shape[1]:
            raise InputError(f"batches={self.batches}: more than a task has examples; give fewer")

        def losses(learner: Reptile, chunk: Episode) -> Tensor:
            data = chunk.support.joined(chunk.query)
            return learner._stacked(learner._surrogate, Task(learner.side_of(data), learner.side_of(chunk.query)))

        return self.mean_in_chunks(losses, episode)

    def _surrogate(self, task: Task) -> Tensor:
        """The query loss of a task, with (theta - theta_t) / (alpha steps) as its gradient."""
        adapted = self.trained(task.support)
        value = weighted_mean(self.query_losses_with(adapted, task), task.query.weight).detach()
        moves = [((before - adapted[name]).detach() * before).sum() for name, before in self.initial_params().items()]
        move = torch.stack(moves).sum() / (self.step_size * self.steps)
        return value + move - move.detach()
