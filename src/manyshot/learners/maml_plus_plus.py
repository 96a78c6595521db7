"""How to train your MAML (Antoniou, Edwards and Storkey 2019)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from manyshot.base import InputError
from manyshot.learners.inner_loop import Parameters
from manyshot.learners.learned_rates import LearnedRates
from manyshot.learners.task_tensors import Task


class MAMLPlusPlus(LearnedRates):
    """MAML with learned learning rates for each layer and step, and a loss after each step that is annealed.

    theta_k = theta_{k-1} - alpha_{k,layer} grad L(theta_{k-1}; support),   L = sum_k v_k L(theta_k; query)

    All v_k start at 1 / steps; those of the earlier steps fall to 0 over the first `annealing` steps of training, and
    that of the last step rises to 1. During the first `first_order` steps of training the inner gradients are treated
    as constants (derivative-order annealing). Training counts its steps by `on_step_end`; the count is stored with the
    weights, so that a resumed training continues from it.

    Where it differs from the paper: the importance of earlier steps falls to 0, not to 3 % of its initial value; all
    steps share one set of normalization weights, which adapts with the others; statistics of normalization are those
    of each pass, as in `GradientLearner`, not running averages of each step. The cosine schedule of the paper is an
    option of training.

    Args:
        model: Any module, as in `MAML`.
        ways: Number of outputs of the model; tasks may have fewer classes.
        step_size: Initial value of every alpha.
        steps: Number of inner gradient steps.
        annealing: Number of training steps until only the last inner step counts; 0 for only the last from the start.
        first_order: Number of training steps before the loss differentiates through inner gradients.
        criterion: "cross-entropy", or "squared-error" for regression.
        vectorized: Whether tasks are computed together, see `GradientLearner`.

    Raises:
        InputError: As `MAML`, and if annealing or first_order is below 0.

    Example:
        >>> from manyshot.tasks import Sinusoids
        >>> model = nn.Sequential(nn.Linear(1, 40), nn.ReLU(), nn.Linear(40, 1))
        >>> learner = MAMLPlusPlus(model, 1, step_size=0.01, steps=2, annealing=2, criterion="squared-error")
        >>> importance = [learner.importance().tolist()]
        >>> for step in range(2):
        ...     learner.loss(Sinusoids().batch(step, 1)).backward()
        ...     learner.on_step_end()
        ...     importance.append(learner.importance().tolist())
        >>> importance
        [[0.5, 0.5], [0.25, 0.75], [0.0, 1.0]]
    """

    training_steps: Tensor

    def __init__(
        self,
        model: nn.Module,
        ways: int,
        step_size: float = 0.1,
        steps: int = 5,
        annealing: int = 500,
        first_order: int = 0,
        criterion: str = "cross-entropy",
        vectorized: bool | None = None,
    ) -> None:
        super().__init__(model, ways, step_size, steps, 2, criterion, vectorized)
        if annealing < 0 or first_order < 0:
            raise InputError(f"annealing={annealing}, first_order={first_order}: give at least 0 of each")
        self.annealing, self.first_order = annealing, first_order
        self.register_buffer("training_steps", torch.zeros((), dtype=torch.long))

    def second_order(self) -> bool:
        """Whether inner gradients are differentiated: after `first_order` steps of training, and in evaluation mode."""
        return not self.training or int(self.training_steps) >= self.first_order

    def importance(self) -> Float[Tensor, " steps"]:
        """The weight of the loss after each inner step; 1 for the last step alone in evaluation mode."""
        done = min(1.0, int(self.training_steps) / self.annealing) if self.training and self.annealing else 1.0
        weights = torch.full((self.steps,), (1 - done) / self.steps)
        weights[-1] = 1 - weights[:-1].sum()
        return weights

    def initial_rates(self, parameter: Tensor) -> Tensor:
        """One learning rate for each inner step."""
        return parameter.new_full((self.steps,), self.step_size)

    def inner_update(self, parameters: Parameters, grads: Parameters, step: int) -> Parameters:
        """A step of gradient descent with the learning rates of this step."""
        if step >= self.steps:
            raise InputError(
                f"inner step {step + 1}: learning rates were learned for steps={self.steps}; take no more steps"
            )
        return {name: value - self.rates_of(name)[step] * grads[name] for name, value in parameters.items()}

    def task_losses(self, task: Task) -> Float[Tensor, " m"]:
        """The loss of each query of a task, summed over the inner steps by importance."""
        trajectory = self.inner_trajectory(task.support)
        weighted = [
            weight * self.query_losses_with(adapted, task)
            for weight, adapted in zip(self.importance().tolist(), trajectory, strict=True)
            if weight > 0
        ]
        return torch.stack(weighted).sum(0)

    def on_step_end(self) -> None:
        """Count a training step."""
        self.training_steps += 1
