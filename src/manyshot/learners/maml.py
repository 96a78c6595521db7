"""Model-agnostic meta-learning (Finn, Abbeel and Levine 2017)."""

from torch import nn

from manyshot.base import InputError
from manyshot.learners.gradient_learner import GradientLearner, Order, Parameters


class MAML(GradientLearner):
    """Learn weights from which a few gradient steps on a task's support make a good classifier.

    theta_t = theta - alpha grad L(theta; support_t), `steps` times;   min over theta of sum_t L(theta_t; query_t)

    Args:
        model: items `[n, ...]` to logits `[n, ways]`. Its normalisation must not mix tasks: `norm="group"` or
            `norm="task"`.
        ways: number of classes that the model tells apart; tasks may have fewer.
        step_size: alpha.
        steps: number of inner gradient steps.
        order: 2 differentiates through the inner gradients, 1 takes them as constants (first-order MAML).
        criterion: "cross-entropy", or "squared-error" for regression.
        transductive: see `GradientLearner`; the code of the paper was.

    Raises:
        InputError: if an argument is out of range, the model holds a batch normalisation, or a task has more classes
            than `ways`.

    Example:
        >>> import torch
        >>> from manyshot.nets import Conv4
        >>> from manyshot.tasks import Examples
        >>> encoder = Conv4(channels=1, size=28, widths=(8, 8, 8, 8), norm="group")
        >>> learner = MAML(nn.Sequential(encoder, nn.Linear(encoder.features, 5)), ways=5)
        >>> support = Examples(torch.rand(2, 5, 1, 28, 28), torch.eye(5).expand(2, 5, 5), torch.ones(2, 5),
        ...     torch.ones(2, 5, dtype=torch.bool))
        >>> learner.adapt(support)(torch.rand(2, 7, 1, 28, 28)).shape
        torch.Size([2, 7, 5])
    """

    def __init__(
        self,
        model: nn.Module,
        ways: int,
        step_size: float = 0.4,
        steps: int = 1,
        order: Order = 2,
        criterion: str = "cross-entropy",
        transductive: bool = False,
    ) -> None:
        super().__init__(model, ways, steps, order, criterion, transductive)
        self.step_size = check_step_size(step_size)

    def moved(self, parameters: Parameters, grads: Parameters, step: int) -> Parameters:
        """A step of gradient descent."""
        return {name: value - self.step_size * grads[name] for name, value in parameters.items()}


def check_step_size(value: float) -> float:
    """The value, if it is a positive number.

    Raises:
        InputError: if not.

    Example:
        >>> check_step_size(0.4)
        0.4
    """
    if not value > 0:
        raise InputError(f"step_size={value}: give a positive number")
    return value
