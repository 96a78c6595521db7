"""A linear probe: logistic regression on frozen features (Tian, Wang, Krishnan, Tenenbaum and Isola 2020)."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.base import InputError
from manyshot.learners.feature_learner import Head
from manyshot.learners.fit_softmax_regression import fit_softmax_regression
from manyshot.learners.ridge import with_one
from manyshot.learners.train_on_base_classes import BaseClassesLearner
from manyshot.tasks import Examples


class LinearProbe(BaseClassesLearner):
    """Fit a multinomial logistic regression to the features of the support.

    W = argmin sum_i w_i H(y_i, softmax([u_i, 1] W)) + lambda/2 ||W||^2,   u_i = f(x_i) / ||f(x_i)||

    The encoder is pre-trained, or trained as a classifier of the training classes.

    Where it differs from the paper: the encoder is trained by classification alone, without self-distillation; the
    intercept is penalized like any coefficient. With `normalize=False` it is nearly the Baseline of Chen et al. (2019),
    with a better fit.

    Args:
        encoder: Module from items `[n, ...]` to features `[n, d]`.
        classes: Number of training classes; 0 if the encoder is not trained.
        penalty: Penalty lambda.
        steps: Number of accelerated gradient steps; 200 come close to the minimum with a penalty of 1 and few examples.
        normalize: Whether features are divided by their length.

    Raises:
        InputError: If the penalty is not positive, or `steps` is below 1.

    Example:
        >>> import torch
        >>> from manyshot.nets import Conv4
        >>> learner = LinearProbe(Conv4(channels=1, size=28))
        >>> support = Examples.of(torch.rand(2, 5, 1, 28, 28), torch.arange(5))
        >>> learner.adapt(support)(torch.rand(2, 7, 1, 28, 28)).shape
        torch.Size([2, 7, 5])
    """

    def __init__(
        self,
        encoder: nn.Module,
        classes: int = 0,
        penalty: float = 1.0,
        steps: int = 200,
        normalize: bool = True,
    ) -> None:
        super().__init__(encoder, classes)
        if not penalty > 0 or steps < 1:
            raise InputError(f"penalty={penalty}, steps={steps}: give a positive penalty and at least 1 step")
        self.penalty, self.steps, self.normalize = penalty, steps, normalize

    def head(self, features: Float[Tensor, "t n d"], support: Examples) -> Head:
        """Fit the regressions of all tasks."""

        def prepared(features: Tensor) -> Tensor:
            return with_one(F.normalize(features, dim=-1) if self.normalize else features)

        labels, weight, class_mask = support.labels, support.weight, support.class_mask
        maps = fit_softmax_regression(prepared(features), labels, weight, class_mask, self.penalty, self.steps)
        return lambda queries, _: prepared(queries) @ maps
