"""Meta-SGD: learning the inner learning rates too (Li, Zhou, Chen and Li 2017)."""

import torch
from torch import Tensor, nn

from manyshot.learners.gradient_learner import Order, Parameters
from manyshot.learners.learned_rates import LearnedRates


class MetaSGD(LearnedRates):
    """MAML with a learned learning rate for each single weight.

    theta_t = theta - alpha * grad L(theta; support_t);   min over theta and alpha of sum_t L(theta_t; query_t)

    alpha has the shape of theta and any sign, so it bends the direction of the step as well. Where it differs from the
    paper: the rates begin at one number instead of random ones; more than one step may be taken, all with the same
    rates.

    Args:
        model: Any module, as in `MAML`.
        ways: Number of classes that the model tells apart; tasks may have fewer.
        step_size: The learning rate of every weight at first.
        steps: Number of inner gradient steps; 1 in the paper.
        order: 2 or 1, as in `MAML`; the rates learn with either.
        criterion: "cross-entropy", or "squared-error" for regression.
        vectorized: Whether tasks are taken together, see `GradientLearner`.

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
        """One for each weight."""
        return torch.full_like(parameter, self.step_size)

    def inner_update(self, parameters: Parameters, grads: Parameters, step: int) -> Parameters:
        """A step along the gradient, bent by the rates."""
        return {name: value - self.rates_of(name) * grads[name] for name, value in parameters.items()}
