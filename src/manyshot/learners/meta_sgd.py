"""Meta-SGD: learning the inner learning rates too (Li, Zhou, Chen and Li 2017)."""

import torch
from torch import nn

from manyshot.learners.gradient_learner import GradientLearner, Order, Parameters
from manyshot.learners.maml import check_step_size


class MetaSGD(GradientLearner):
    """MAML with a learned rate for each single weight.

    theta_t = theta - alpha * grad L(theta; support_t);   min over theta and alpha of sum_t L(theta_t; query_t)

    alpha has the shape of theta and any sign, so it bends the direction of the step as well. Where it differs from the
    paper: the rates begin at one number instead of random ones; more than one step may be taken, all with the same
    rates.

    Args:
        model: as in `MAML`.
        ways: number of classes that the model tells apart; tasks may have fewer.
        step_size: of every weight at first.
        steps: number of inner gradient steps; 1 in the paper.
        order: 2 or 1, as in `MAML`; the rates learn with either.
        criterion: "cross-entropy", or "squared-error" for regression.
        transductive: see `GradientLearner`.

    Raises:
        InputError: as `MAML`.

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
        transductive: bool = False,
    ) -> None:
        super().__init__(model, ways, steps, order, criterion, transductive)
        rate = check_step_size(step_size)
        self.rates = nn.ParameterList(torch.full_like(value, rate) for value in model.parameters())

    def moved(self, parameters: Parameters, grads: Parameters, step: int) -> Parameters:
        """A step along the gradient, bent by the rates."""
        pairs = zip(parameters.items(), self.rates, strict=True)
        return {name: value - rate * grads[name] for (name, value), rate in pairs}
