"""A model with fast weights, for custom training loops."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from manyshot.base import InputError
from manyshot.learners.check_model import check_normalization
from manyshot.learners.functional import call_with
from manyshot.learners.vmap_or_loop import twice_differentiable
from manyshot.nets import TaskNorm

if TYPE_CHECKING:
    from manyshot.learners.gradient_learner import GradientLearner


class ClonedModel(nn.Module):
    """A learner's model with fast weights, which take inner steps and differentiate to the learner's weights.

    `GradientLearner.clone` returns it. The fast weights are the learner's weights until the first `adapt`; frozen
    parameters, and those that the learner does not adapt, remain the learner's. Buffers are shared.

    Args:
        learner: Learner whose model, inner update and order are used.

    Raises:
        InputError: If the model normalizes by the statistics of the support, which only the learner's own loop stores.
    """

    def __init__(self, learner: "GradientLearner") -> None:
        super().__init__()
        if not learner.transductive and any(isinstance(module, TaskNorm) for module in learner.model.modules()):
            raise InputError(
                'clone: norm="support" uses the statistics of the support for the query, which only adapt and loss of '
                'the learner do; use norm="group" or norm="query"'
            )
        self.model = learner.model
        self.fast_weights = learner.initial_params()
        self.steps = 0
        self._learner = [learner]  # in a list, so that it is not registered as a submodule

    def forward(self, *inputs: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever the model takes and gives
        """The output of the model with the current fast weights.

        Args:
            *inputs: Arguments of the model.
            **options: Keyword arguments of the model.
        """
        check_normalization(self.model)
        with twice_differentiable(self.model):
            return call_with(self.model, self.fast_weights, inputs, options)

    def adapt(self, loss: Tensor, allow_unused: bool = False) -> None:
        """Take an inner step along the gradient of a loss.

        Args:
            loss: Scalar loss, computed from the outputs of this module.
            allow_unused: Whether weights that the loss does not depend on keep their values, not an error.

        Raises:
            InputError: If the loss is not a scalar, or does not depend on some of the weights.
        """
        if loss.numel() != 1:
            raise InputError(f"adapt takes a scalar loss, and this one has shape {list(loss.shape)}; take its mean")
        if not loss.requires_grad:
            raise InputError(
                "adapt: this loss has no recorded gradient; compute it from the clone's outputs, with gradients enabled"
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
