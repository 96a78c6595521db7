"""A model with fast weights, for training loops of one's own."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from manyshot.base import InputError
from manyshot.learners.check_model import check_normalization
from manyshot.learners.functional import call_with
from manyshot.learners.vectorize import twice_differentiable
from manyshot.nets import TaskNorm

if TYPE_CHECKING:
    from manyshot.learners.gradient_learner import GradientLearner


class ClonedModel(nn.Module):
    """A learner's model with weights of its own, which take inner steps and differentiate to the learner's weights.

    Made by `GradientLearner.clone`. Its weights are the learner's until the first `adapt`; frozen parameters, and those
    that the method does not adapt, stay the learner's. Buffers are shared.

    Args:
        learner: Whose model, inner step and order are used.

    Raises:
        InputError: If the model normalizes by the statistics of the support, which only the learner's own loop keeps.
    """

    def __init__(self, learner: "GradientLearner") -> None:
        super().__init__()
        if not learner.transductive and any(isinstance(module, TaskNorm) for module in learner.model.modules()):
            raise InputError(
                'clone: norm="support" keeps the statistics of the support for the query, which only adapt and loss of '
                'the learner do; take norm="group" or norm="query"'
            )
        self.model = learner.model
        self.fast_weights = learner.initial_params()
        self.steps = 0
        self._learner = [learner]  # in a list, so that its weights are not counted twice

    def forward(self, *inputs: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever the model takes and gives
        """The model's output with the present fast weights."""
        check_normalization(self.model)
        with twice_differentiable(self.model):
            return call_with(self.model, self.fast_weights, inputs, options)

    def adapt(self, loss: Tensor, allow_unused: bool = False) -> None:
        """Take an inner step along the gradient of a loss.

        Args:
            loss: A single number that this module's outputs gave.
            allow_unused: Whether weights that the loss does not depend on stay as they are, instead of being refused.

        Raises:
            InputError: If the loss is not a single number, or does not depend on some of the weights.
        """
        if loss.numel() != 1:
            raise InputError(f"adapt takes a single number, and this loss has shape {list(loss.shape)}; take its mean")
        if not loss.requires_grad:
            raise InputError(
                "adapt: no gradient of this loss was recorded; compute it from the clone's outputs, with it"
            )
        learner = self._learner[0]
        grads = torch.autograd.grad(
            loss, list(self.fast_weights.values()), create_graph=learner.second_order(), allow_unused=True
        )
        unused = [name for name, grad in zip(self.fast_weights, grads, strict=True) if grad is None]
        if unused and not allow_unused:
            raise InputError(f"adapt: the loss does not depend on {', '.join(unused)}; give allow_unused=True")
        by_name = {
            name: torch.zeros_like(value) if grad is None else grad
            for (name, value), grad in zip(self.fast_weights.items(), grads, strict=True)
        }
        self.fast_weights = learner.inner_update(self.fast_weights, by_name, self.steps)
        self.steps += 1
