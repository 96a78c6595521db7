"""Baseline++: a cosine classifier of all classes, then one for each task (Chen, Liu, Kira, Wang and Huang 2019)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.base import InputError
from manyshot.learners.base_classes import BaseClassesLearner
from manyshot.learners.feature_learner import Head
from manyshot.learners.ridge import log_parameter
from manyshot.tasks import Examples


class BaselinePlusPlus(BaseClassesLearner):
    """Classify by the cosine between features and one learned direction a class, in training and for each task.

    logit_k(x) = alpha cos(f(x), v_k);   v of the training classes is learned with f, v of a task by gradient steps

    Where it differs from the paper: a task's v begin at the class means of the features' directions, not at random,
    and take full-batch steps (momentum and dampening 0.9, as there), so that adaptation draws nothing and does not
    depend on the order of the items; one learned alpha takes the place of a length for each v.

    Args:
        encoder: items `[n, ...]` to features `[n, d]`.
        classes: number of training classes; 0 where the encoder needs no training.
        steps: gradient steps on the support.
        step_size: of those.
        scale: alpha at first.

    Raises:
        InputError: if steps is below 0, or step_size or scale not positive.

    Example:
        >>> from manyshot.nets import Conv4
        >>> learner = BaselinePlusPlus(Conv4(channels=1, size=28))
        >>> support = Examples(torch.rand(2, 5, 1, 28, 28), torch.eye(5).expand(2, 5, 5), torch.ones(2, 5),
        ...     torch.ones(2, 5, dtype=torch.bool))
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
            slope = self.log_scale.exp() * ((weight * (logits.softmax(-1) - support.labels)).mT @ directions)
            across = slope - unit * (unit * slope).sum(-1, keepdim=True)  # what changes a direction
            across = across / v.norm(dim=-1, keepdim=True).clamp(min=1e-12)
            velocity = across if velocity is None else 0.9 * velocity + 0.1 * across  # torch's SGD: the first is whole
            v = v - self.step_size * velocity
        return lambda queries, _: self._cosines(queries, F.normalize(v, dim=-1))

    def _cosines(self, features: Tensor, directions: Tensor) -> Tensor:
        return self.log_scale.exp() * (F.normalize(features, dim=-1) @ directions.mT)
