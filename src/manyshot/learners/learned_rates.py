"""The base class of gradient-based learners with learned inner learning rates."""

from abc import abstractmethod

from torch import Tensor, nn

from manyshot.base import InputError
from manyshot.learners.gradient_learner import GradientLearner
from manyshot.learners.inner_loop import Order


class LearnedRates(GradientLearner):
    """A gradient-based learner with learned learning rates for each parameter that adapts.

    Args:
        model: Any module, as in `GradientLearner`; parameters that are frozen now get no learning rates.
        ways: Number of outputs of the model; tasks may have fewer classes.
        step_size: Initial value of every learning rate.
        steps: Number of inner gradient steps.
        order: 2 or 1, as in `MAML`; the learning rates are trained with either.
        criterion: "cross-entropy", or "squared-error" for regression.
        vectorized: Whether tasks are computed together, see `GradientLearner`.

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
        """The initial learning rates of a parameter.

        Args:
            parameter: Parameter that adapts.
        """

    def rates_of(self, name: str) -> Tensor:
        """The learned learning rates of a parameter.

        Args:
            name: Name of the parameter.

        Raises:
            InputError: If the parameter was frozen when the learner was built.
        """
        if name not in self._numbers:
            raise InputError(
                f"{name} was frozen when the learner was built, so it has no learning rate; unfreeze it before"
            )
        rates: Tensor = self.rates[self._numbers[name]]
        return rates
