"""How to train your MAML (Antoniou, Edwards and Storkey 2019)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from manyshot.base import InputError
from manyshot.learners.gradient_learner import Parameters
from manyshot.learners.learned_rates import LearnedRates
from manyshot.learners.task_tensors import Task


class MAMLPlusPlus(LearnedRates):
    """MAML with learned rates for each layer and step, and a loss after every step that fades to the last one's.

    theta_k = theta_{k-1} - alpha_{k,layer} grad L(theta_{k-1}; support),   L = sum_k v_k L(theta_k; query)

    All v_k are 1 / steps at first; those of the earlier steps fall to 0 over the first `annealing` steps of the
    training, and the last one's rises to 1. During the first `first_order` steps of it the inner gradients are
    constants (derivative-order annealing). A training counts its steps by `on_step_end`; their number is kept with the
    weights, so that a resumed training goes on at the same place.

    Where it differs from the paper: the earlier steps' importance falls to 0, not to 3 % of its first value; one set of
    normalisation weights serves all steps, and it adapts with the others; statistics of normalisation are those of
    each pass, as in `GradientLearner`, not running ones a step. The paper's cosine schedule is the training's own.

    Args:
        model: Any module, as in `MAML`.
        ways: Number of classes that the model tells apart; tasks may have fewer.
        step_size: Every alpha at first.
        steps: Number of inner gradient steps.
        annealing: Training steps until only the last inner step counts; 0 for that from the beginning.
        first_order: Training steps until inner gradients are differentiated through.
        criterion: "cross-entropy", or "squared-error" for regression.
        vectorized: Whether tasks are taken together, see `GradientLearner`.

    Raises:
        InputError: As `MAML`, and if annealing or first_order is below 0.

    Example:
        >>> from manyshot.tasks import Sinusoids
        >>> model = nn.Sequential(nn.Linear(1, 40), nn.ReLU(), nn.Linear(40, 1))
        >>> learner = MAMLPlusPlus(model, 1, step_size=0.01, steps=2, annealing=2, criterion="squared-error")
        >>> shares = [learner.importance().tolist()]
        >>> for step in range(2):
        ...     learner.loss(Sinusoids().batch(step, 1)).backward()
        ...     learner.on_step_end()
        ...     shares.append(learner.importance().tolist())
        >>> shares
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
        """Not at first; after `first_order` steps of the training, and outside of it."""
        return not self.training or int(self.training_steps) >= self.first_order

    def importance(self) -> Float[Tensor, " steps"]:
        """What the loss after each step counts: all in training, the last alone otherwise."""
        done = min(1.0, int(self.training_steps) / self.annealing) if self.training and self.annealing else 1.0
        shares = torch.full((self.steps,), (1 - done) / self.steps)
        shares[-1] = 1 - shares[:-1].sum()
        return shares

    def initial_rates(self, parameter: Tensor) -> Tensor:
        """One for each step."""
        return parameter.new_full((self.steps,), self.step_size)

    def inner_update(self, parameters: Parameters, grads: Parameters, step: int) -> Parameters:
        """A step of gradient descent by the rates of its number."""
        if step >= self.steps:
            raise InputError(f"inner step {step + 1}: rates were learned for steps={self.steps}; take no more")
        return {name: value - self.rates_of(name)[step] * grads[name] for name, value in parameters.items()}

    def task_losses(self, task: Task) -> Float[Tensor, " m"]:
        """The loss of each query of a task, by importance over the steps."""
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
