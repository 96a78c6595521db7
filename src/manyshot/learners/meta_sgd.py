"""Meta-SGD: learned inner learning rates (Li, Zhou, Chen and Li 2017)."""

import torch
from torch import Tensor, nn

from manyshot.learners.inner_loop import Order, Parameters
from manyshot.learners.learned_rates import LearnedRates


class MetaSGD(LearnedRates):
    """MAML with a learned learning rate for each weight.

    theta_t = theta - alpha * grad L(theta; support_t);   min over theta and alpha of sum_t L(theta_t; query_t)

    alpha has the shape of theta and any sign, so it changes the direction of the step as well. Where it differs from
    the paper: all learning rates start at the same value instead of random values; there may be more than one step, all
    with the same learning rates.

    Args:
        model: Any module, as in `MAML`.
        ways: Number of outputs of the model; tasks may have fewer classes.
        step_size: Initial learning rate of every weight.
        steps: Number of inner gradient steps; 1 in the paper.
        order: 2 or 1, as in `MAML`; the learning rates are trained with either.
        criterion: "cross-entropy", or "squared-error" for regression.
        vectorized: Whether tasks are computed together, see `GradientLearner`.

    Raises:
        InputError: As `MAML`.

    Example:
        >>> from manyshot.tasks import Sinusoids
        >>> model = nn.Sequential(nn.Linear(1, 40), nn.ReLU(), nn.Linear(40, 1))
        >>> learner = MetaSGD(model, ways=1, step_size=0.01, criterion="squared-error")
        >>> learner.loss(Sinusoids().batch(0, 4)).backward()
        >>> learner.rates[0].grad.shape
        torch.Size([40, 1])
    """

    def __init__(
        self,
        model: nn.Module,
        ways: int,
        step_size: float = 0.1,
        steps: int = 1,
        order: Order = 2,
        criterion: str = "cross-entropy",
        vectorized: bool | None = None,
    ) -> None:
        super().__init__(model, ways, step_size, steps, order, criterion, vectorized)

    def initial_rates(self, parameter: Tensor) -> Tensor:
        """One learning rate for each weight."""
        return torch.full_like(parameter, self.step_size)

    def inner_update(self, parameters: Parameters, grads: Parameters, step: int) -> Parameters:
        """A step along the gradient, multiplied by the learning rates."""
        return {name: value - self.rates_of(name) * grads[name] for name, value in parameters.items()}
