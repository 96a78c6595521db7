"""How an augmenter gets its gradient from the query loss of a learner that adapts to what it makes."""

from copy import copy
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.ops.op import check_choice, check_number
from manyshot.base import InputError
from manyshot.base.registry import Registry
from manyshot.learners import GradientLearner, Learner
from manyshot.meta_augment.inner_problem import inner_problem
from manyshot.meta_augment.linear_solve import Weights, conjugate_gradient, neumann
from manyshot.meta_augment.reinforce import Reinforce
from manyshot.meta_augment.trial import Trial

FIRST_ORDER_MESSAGE = (
    "a learner that takes its inner gradients as constants gives an augmenter no gradient at all: what a made item "
    "does to the query loss is a derivative of those; train the learner with order=2, or choose --gradient implicit or "
    "finite-difference"
)


@runtime_checkable
class Estimator(Protocol):
    """A way to the gradient. Every estimator is a frozen dataclass of plain values."""

    def loss(self, trial: Trial, generator: Generator) -> Float[Tensor, ""]:
        """The query loss, whose `backward` gives the augmenter's parameters what this estimator finds.

        Args:
            trial: a step's tasks and draws.
            generator: of further draws.

        Raises:
            InputError: if it cannot work with this learner.
        """
        ...


@dataclass(frozen=True)
class Exact:
    """Differentiate through the whole adaptation: closed forms, prototypes, Newton or unrolled gradient steps.

    dL/dphi = (dL/dS) (dS/dphi), S the made items and weights, by automatic differentiation of adaptation and query loss

    Args:
        random_steps: of a learner that takes gradient steps: draw their number at each training step, from 1 to its
            own, so that the augmenter does not lean on one number of them.

    Example:
        >>> Exact().random_steps
        False
    """

    random_steps: bool = False

    def loss(self, trial: Trial, generator: Generator) -> Float[Tensor, ""]:
        """The loss itself."""
        learner = trial.learner
        check_estimator(self, learner)
        if isinstance(learner, GradientLearner) and self.random_steps:
            steps = 1 + int(torch.randint(learner.steps, (), generator=generator))
            trial = _of_steps(trial, learner, steps)
        elif self.random_steps:
            raise InputError(
                f"random_steps=yes: {type(learner).__name__} takes no inner gradient steps; leave the option out"
            )
        return trial.loss(trial.made())


@dataclass(frozen=True)
class Implicit:
    """Differentiate the minimum that adaptation looks for, whatever way led there (iMAML: Rajeswaran et al. 2019).

    dL/dphi = -(d2G/dphi dw) (d2G/dw2)^-1 dL/dw   at the minimum w of G

    With task normalisation dL/dphi at fixed w is added: the support's statistics normalise the query.

    G is the learner's own objective on real and made items: for a probe, penalised cross-entropy; for learners that
    take gradient steps, the support's loss and a proximal term. The inverse is never formed: conjugate gradients or a
    truncated Neumann series (Lorraine, Vicol and Duvenaud 2020) take `terms` products with the second derivative.
    Memory does not grow with the number of inner steps; what they leave of dG/dw is neglected.

    Args:
        solver: "cg" or "neumann".
        terms: products with the second derivative.
        proximal: weight of ||w - w_0||^2 / 2 for learners that take gradient steps.

    Raises:
        InputError: if an option is out of range.
    """

    solver: str = "cg"
    terms: int = 20
    proximal: float = 1.0

    def __post_init__(self) -> None:
        check_choice(self, "solver", ("cg", "neumann"))
        check_number(self, "terms", low=1, high=10_000, whole=True)
        check_number(self, "proximal", low=0)

    def loss(self, trial: Trial, generator: Generator) -> Float[Tensor, ""]:
        """The query loss at the minimum, with the implicit gradient; no draws."""
        made = trial.made()
        problem = inner_problem(trial.learner, self.proximal)
        support = trial.enlarged(made).support
        weights = {name: value.requires_grad_() for name, value in problem.solve(support).items()}
        query = problem.query_losses(weights, support, trial.episode.query)
        if not torch.is_grad_enabled():
            return query.mean()
        slope = _slopes(query.sum(), weights, retain_graph=True)
        first = _slopes(problem.objective(weights, support).sum(), weights, create_graph=True)

        def curvature(direction: Weights) -> Weights:
            turned = sum((first[name] * direction[name]).sum() for name in weights)
            return _slopes(turned, weights, retain_graph=True)

        solve = conjugate_gradient if self.solver == "cg" else neumann
        solved = solve(curvature, slope, self.terms)
        mixed = sum((first[name] * solved[name].detach()).sum() for name in weights)
        return _surrogate(query, -mixed)


@dataclass(frozen=True)
class FiniteDifference:
    """Adapt twice more, nudged towards and away from a good query loss, and compare (Zucchet et al. 2022).

    dL/dphi = (dG/dphi at w_+ - dG/dphi at w_-) / (2 beta),   w_+- = argmin G +- beta L

    With task normalisation dL/dphi at fixed w is added, as in `Implicit`. The difference is central in beta, so its
    error is of second order. No second derivative is taken: it works for learners and inner loops of any length. G as
    in `Implicit`.

    Args:
        nudge: beta.
        proximal: as in `Implicit`.

    Raises:
        InputError: if an option is out of range.
    """

    nudge: float = 0.1
    proximal: float = 1.0

    def __post_init__(self) -> None:
        check_number(self, "nudge", low=1e-6, high=1e6)
        check_number(self, "proximal", low=0)

    def loss(self, trial: Trial, generator: Generator) -> Float[Tensor, ""]:
        """The query loss after adaptation, with the gradient by differences; no draws."""
        made = trial.made()
        problem = inner_problem(trial.learner, self.proximal)
        support, query = trial.enlarged(made).support, trial.episode.query
        rest = problem.solve(support)
        value = problem.query_losses(rest, support, query)
        if not torch.is_grad_enabled():
            return value.mean()
        towards, away = (
            problem.objective(problem.solve(support, start=rest, nudge=sign * self.nudge, query=query), support)
            for sign in (1, -1)
        )
        return _surrogate(value, (towards - away).sum() / (2 * self.nudge))


def _of_steps(trial: Trial, learner: GradientLearner, steps: int) -> Trial:
    shorter = copy(learner)
    shorter.steps = steps
    return Trial(shorter, trial.augmenter, trial.episode, trial.copies, trial.draws)


def _slopes(
    value: Tensor | float, weights: Weights, create_graph: bool = False, retain_graph: bool | None = None
) -> Weights:
    found = torch.autograd.grad(
        torch.as_tensor(value),
        list(weights.values()),
        create_graph=create_graph,
        retain_graph=retain_graph,
        allow_unused=True,
        materialize_grads=True,
    )
    return dict(zip(weights, found, strict=True))


def _surrogate(losses: Float[Tensor, " t"], towards: Tensor | float) -> Float[Tensor, ""]:
    """The mean of the losses, with the derivative of another number, a sum over tasks, added to its own.

    Its own is 0 but for task normalisation, where the support's statistics are part of what a query is given.
    """
    other = torch.as_tensor(towards) / len(losses)
    return losses.mean() + other - other.detach()


ESTIMATORS: Registry[Estimator] = Registry(
    "gradient",
    {
        "exact": Exact,
        "implicit": Implicit,
        "finite-difference": FiniteDifference,
        "reinforce": Reinforce,
    },
)
"""Every gradient estimator by its name: `ESTIMATORS.parse("implicit(terms=10)").build()`."""


def check_estimator(estimator: Estimator, learner: Learner) -> None:
    """Make sure that an estimator has a gradient to give with this learner.

    Raises:
        InputError: for a learner of first order by `exact`, or one whose adaptation has no objective by the others.

    Example:
        >>> from manyshot.learners import MAML
        >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
        >>> check_estimator(Exact(), MAML(model, ways=2))
    """
    if isinstance(estimator, Exact):
        if not learner.second_order():
            raise InputError(FIRST_ORDER_MESSAGE)
    elif isinstance(estimator, Implicit | FiniteDifference):
        inner_problem(learner, estimator.proximal)
