"""The inner loop of gradient-based learners: a few gradient steps on the support of one task."""

from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.func import grad

from manyshot.base import InputError
from manyshot.learners.functional import call_with
from manyshot.learners.learner import Learner, weighted_mean
from manyshot.learners.task_tensors import Side
from manyshot.learners.vmap_or_loop import TaskVectorizer
from manyshot.nets import batch_statistics

Order = Literal[1, 2]
Parameters = dict[str, Tensor]


class InnerLoop(Learner):
    """Gradient steps on the support of one task, from the weights that all tasks share.

    Subclasses choose which weights adapt (`adapts`), the update (`inner_update`), and what is computed once for all
    steps (`predictor`). `GradientLearner` runs the loop for all tasks, and sets the attributes.
    """

    model: nn.Module
    ways: int
    step_size: float
    steps: int
    order: Order
    criterion: Callable[[Tensor, Tensor], Tensor]
    classifies: bool
    vectorizer: TaskVectorizer

    @property
    def vectorized(self) -> bool:
        """Whether tasks are computed together by `torch.vmap`, as far as is known so far."""
        return self.vectorizer.together(self.model)

    def adapts(self, name: str) -> bool:
        """Whether the inner loop may change the parameter of this name (default: any)."""
        return True

    def initial_params(self) -> Parameters:
        """The parameters that adapt, with their values before the first inner step.

        Raises:
            InputError: If all parameters are frozen.
        """
        parameters: Parameters = {
            name: value for name, value in self.model.named_parameters() if value.requires_grad and self.adapts(name)
        }
        if not parameters:
            raise InputError("the model has no parameter to adapt: all are frozen (requires_grad=False)")
        return parameters

    def inner_update(self, parameters: Parameters, grads: Parameters, step: int) -> Parameters:
        """The parameters of a task after an inner step (default: of gradient descent).

        Args:
            parameters: Parameters before the step, by name.
            grads: Gradient of the support loss with respect to each parameter, by name.
            step: Index of the step, from 0.
        """
        return {name: value - self.step_size * grads[name] for name, value in parameters.items()}

    def second_order(self) -> bool:
        """Whether the outer gradient differentiates through the inner gradients."""
        return self.order == 2

    def predictor(self, items: Float[Tensor, "n ..."]) -> Callable[[Parameters], Float[Tensor, "n ways"]]:
        """Predictions for items as a function of a task's parameters; what does not depend on them is computed once.

        Args:
            items: Items `[n, ...]`.
        """
        return lambda parameters: call_with(self.model, parameters, (items,))

    def inner_trajectory(self, support: Side) -> list[Parameters]:
        """The parameters of a task after each inner step.

        Args:
            support: Support set of the task.
        """
        parameters, trajectory = self.initial_params(), []
        inner_grads = self.inner_grads(support)
        for step in range(self.steps):
            parameters = self.inner_update(parameters, inner_grads(parameters), step)
            trajectory.append(parameters)
        return trajectory

    def inner_grads(self, side: Side) -> Callable[[Parameters], Parameters]:
        """The gradient of `support_loss`, as a function of a task's parameters.

        Args:
            side: Examples of the task.
        """
        loss = self.support_loss(side)
        return lambda parameters: _grads(loss, parameters, self.second_order(), self.vectorized)

    def support_loss(self, side: Side) -> Callable[[Parameters], Float[Tensor, ""]]:
        """The mean loss on examples, as a function of a task's parameters; task normalization uses their statistics.

        Args:
            side: Examples of the task.
        """
        with batch_statistics(side.weight):
            predict = self.predictor(side.items)

        def loss(parameters: Parameters) -> Tensor:
            with batch_statistics(side.weight):
                predictions = self._masked(predict(parameters), side.absent)
            return weighted_mean(self.criterion(predictions, side.labels), side.weight)

        return loss

    def _masked(self, predictions: Float[Tensor, "n ..."], absent: Bool[Tensor, " ways"]) -> Tensor:
        if predictions.ndim != 2 or predictions.shape[1] != self.ways:
            raise InputError(
                f"the model gives outputs of shape {list(predictions.shape[1:])} per example, but ways={self.ways}: "
                f"give its last layer {self.ways} outputs"
            )
        return predictions.masked_fill(absent, -torch.inf) if self.classifies else predictions


def _grads(loss: Callable[[Parameters], Tensor], parameters: Parameters, second: bool, vectorized: bool) -> Parameters:
    """The gradient of a loss with respect to each parameter, differentiable itself if `second`."""
    if vectorized:
        grads: Parameters = grad(loss)(dict(parameters))
        return grads if second else {name: value.detach() for name, value in grads.items()}
    create_graph = second and torch.is_grad_enabled()
    with torch.enable_grad():
        inputs = dict(parameters)
        if not create_graph:
            inputs = {name: value.detach().requires_grad_() for name, value in parameters.items()}
        results = torch.autograd.grad(
            loss(inputs), list(inputs.values()), create_graph=create_graph, allow_unused=True, materialize_grads=True
        )
    return dict(zip(inputs, results, strict=True))
