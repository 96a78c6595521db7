"""Baseline++: a cosine classifier of all classes, then one for each task (Chen, Liu, Kira, Wang and Huang 2019)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.base import InputError
from manyshot.learners.feature_learner import Head
from manyshot.learners.ridge import log_parameter
from manyshot.learners.train_on_base_classes import BaseClassesLearner
from manyshot.tasks import Examples


class BaselinePlusPlus(BaseClassesLearner):
    """Classify by the cosine between features and a learned direction of each class, in training and for each task.

    logit_k(x) = alpha cos(f(x), v_k);   v of the training classes is learned with f, v of a task by gradient steps

    Where it differs from the paper: the v of a task start at the class means of the normalized features, not at random
    vectors, and take full-batch steps (momentum and dampening 0.9, as in the paper), so that adaptation is
    deterministic and does not depend on the order of the examples; one learned alpha replaces a length for each v.

    Args:
        encoder: Module from items `[n, ...]` to features `[n, d]`.
        classes: Number of training classes; 0 if the encoder is not trained.
        steps: Number of gradient steps on the support.
        step_size: Learning rate of those steps.
        scale: Initial value of alpha.

    Raises:
        InputError: If `steps` is below 0, or `step_size` or `scale` is not positive.

    Example:
        >>> from manyshot.nets import Conv4
        >>> learner = BaselinePlusPlus(Conv4(channels=1, size=28))
        >>> support = Examples.of(torch.rand(2, 5, 1, 28, 28), torch.arange(5))
        >>> learner.adapt(support)(torch.rand(2, 7, 1, 28, 28)).shape
        torch.Size([2, 7, 5])
    """

    def __init__(
        self, encoder: nn.Module, classes: int = 0, steps: int = 100, step_size: float = 0.1, scale: float = 10.0
    ) -> None:
        super().__init__(encoder, classes)
        if steps < 0 or not step_size > 0:
            raise InputError(f"steps={steps}, step_size={step_size}: give at least 0 steps and a positive size")
        if classes:
            self.base.register_parameter("bias", None)
        self.steps, self.step_size = steps, step_size
        self.log_scale = log_parameter("scale", scale)

    def base_logits(self, features: Float[Tensor, "t n d"]) -> Float[Tensor, "t n classes"]:
        """Cosines with the directions of the training classes, times alpha."""
        return self._cosines(features, F.normalize(self.base.weight, dim=-1))

    def head(self, features: Float[Tensor, "t n d"], support: Examples) -> Head:
        """Take the gradient steps of all tasks."""
        directions = F.normalize(features, dim=-1)
        mass = support.labels * support.weight[..., None]
        means = mass.mT @ directions / mass.sum(1)[..., None].clamp(min=1e-12)
        weight = (support.weight / support.weight.sum(-1, keepdim=True))[..., None]
        v = means
        velocity: Tensor | None = None
        for _ in range(self.steps):
            unit = F.normalize(v, dim=-1)
            logits = self._cosines(features, unit).masked_fill(~support.class_mask[:, None], -torch.inf)
            grad = self.log_scale.exp() * ((weight * (logits.softmax(-1) - support.labels)).mT @ directions)
            grad = grad - unit * (unit * grad).sum(-1, keepdim=True)  # the part that changes the direction of v
            grad = grad / v.norm(dim=-1, keepdim=True).clamp(min=1e-12)
            velocity = grad if velocity is None else 0.9 * velocity + 0.1 * grad  # as torch.optim.SGD
            v = v - self.step_size * velocity
        return lambda queries, _: self._cosines(queries, F.normalize(v, dim=-1))

    def _cosines(self, features: Tensor, directions: Tensor) -> Tensor:
        return self.log_scale.exp() * (F.normalize(features, dim=-1) @ directions.mT)
