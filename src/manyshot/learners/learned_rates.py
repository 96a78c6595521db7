"""Gradient-based learners that learn their inner learning rates too."""

from abc import abstractmethod

from torch import Tensor, nn

from manyshot.base import InputError
from manyshot.learners.gradient_learner import GradientLearner, Order


class LearnedRates(GradientLearner):
    """A gradient-based learner with learned learning rates for each parameter that adapts.

    Args:
        model: See `GradientLearner`; parameters that are frozen by now get no rates.
        ways: Number of classes that the model tells apart; tasks may have fewer.
        step_size: Every rate at first.
        steps: Number of inner gradient steps.
        order: 2 or 1, as in `MAML`; the rates learn with either.
        criterion: "cross-entropy", or "squared-error" for regression.
        vectorized: Whether tasks are taken together, see `GradientLearner`.

    Raises:
        InputError: As `GradientLearner`.
    """

    def __init__(
        self,
        model: nn.Module,
        ways: int,
        step_size: float,
        steps: int,
        order: Order,
        criterion: str,
        vectorized: bool | None,
    ) -> None:
        super().__init__(model, ways, step_size, steps, order, criterion, vectorized)
        adapting = self.initial_params()
        self.rates = nn.ParameterList(self.initial_rates(value) for value in adapting.values())
        self._numbers = {name: number for number, name in enumerate(adapting)}

    @abstractmethod
    def initial_rates(self, parameter: Tensor) -> Tensor:
        """The rates of a parameter before any training."""

    def rates_of(self, name: str) -> Tensor:
        """The learned rates of a parameter.

        Raises:
            InputError: If it was frozen when the learner was made.
        """
        if name not in self._numbers:
            raise InputError(f"{name} was frozen when the learner was made, so it has no rate; unfreeze it before")
        rates: Tensor = self.rates[self._numbers[name]]
        return rates
