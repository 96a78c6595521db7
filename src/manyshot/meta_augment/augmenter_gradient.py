"""Estimators of an augmenter's gradient, that of the query loss after a learner adapts to generated examples."""

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
from manyshot.meta_augment.augmenter_step import AugmenterStep
from manyshot.meta_augment.inner_problem import inner_problem
from manyshot.meta_augment.linear_solve import Weights, conjugate_gradient, neumann
from manyshot.meta_augment.reinforce import Reinforce

FIRST_ORDER_MESSAGE = (
    "a first-order learner treats its inner gradients as constants, so an augmenter gets no gradient through them; "
    "train the learner with order=2, or choose the gradient implicit or finite-difference (--gradient)"
)


@runtime_checkable
class Estimator(Protocol):
    """An estimator of the augmenter's gradient. Every estimator is a frozen dataclass of plain values."""

    def loss(self, step: AugmenterStep, generator: Generator) -> Float[Tensor, ""]:
        """Query loss whose `backward` accumulates the estimated gradient in the augmenter's parameters.

        Args:
            step: Tasks and draws of one step.
            generator: Random generator of further draws.

        Raises:
            InputError: If the estimator cannot be used with this learner.
        """
        ...


@dataclass(frozen=True)
class Exact:
    """Differentiate through the whole adaptation: closed forms, prototypes, Newton steps or unrolled gradient steps.

    dL/dphi = (dL/dS) (dS/dphi) with the generated examples and weights S, by automatic differentiation of adaptation
    and query loss.

    Args:
        random_steps: Whether to draw the number of inner gradient steps at each training step, from 1 to the
            learner's own, so that the augmenter does not depend on one number of steps.

    Example:
        >>> Exact().random_steps
        False
    """

    random_steps: bool = False

    def loss(self, step: AugmenterStep, generator: Generator) -> Float[Tensor, ""]:
        """Query loss with its exact gradient."""
        learner = step.learner
        check_estimator(self, learner)
        if isinstance(learner, GradientLearner) and self.random_steps:
            steps = 1 + int(torch.randint(learner.steps, (), generator=generator))
            step = _with_steps(step, learner, steps)
        elif self.random_steps:
            raise InputError(
                f"random_steps=yes: {type(learner).__name__} takes no inner gradient steps; leave the option out"
            )
        return step.loss(step.generate())


@dataclass(frozen=True)
class Implicit:
    """Differentiate the minimum of the inner objective implicitly (iMAML: Rajeswaran et al. 2019).

    dL/dphi = -(d2G/dphi dw) (d2G/dw2)^-1 dL/dw   at the minimum w of G

    With task normalization, dL/dphi at fixed w is added: the support's statistics normalize the query.

    G is the learner's own objective on real and generated examples: penalized cross-entropy for a probe; the support
    loss plus a proximal term for learners that take gradient steps. The inverse is never formed: conjugate gradients or
    a truncated Neumann series (Lorraine, Vicol and Duvenaud 2020) take `terms` Hessian-vector products. Memory does not
    grow with the number of inner steps; the part of dG/dw that they leave is neglected.

    Args:
        solver: Solver of the linear system, "cg" or "neumann".
        terms: Number of Hessian-vector products.
        proximal: Weight of ||w - w_0||^2 / 2 for learners that take gradient steps.

    Raises:
        InputError: If an option is out of range.
    """

    solver: str = "cg"
    terms: int = 20
    proximal: float = 1.0

    def __post_init__(self) -> None:
        check_choice(self, "solver", ("cg", "neumann"))
        check_number(self, "terms", low=1, high=10_000, whole=True)
        check_number(self, "proximal", low=0)

    def loss(self, step: AugmenterStep, generator: Generator) -> Float[Tensor, ""]:
        """Query loss at the minimum, with the implicit gradient; draws nothing."""
        generated = step.generate()
        problem = inner_problem(step.learner, self.proximal)
        support = step.augmented(generated).support
        weights = {name: value.requires_grad_() for name, value in problem.solve(support).items()}
        query = problem.query_losses(weights, support, step.episode.query)
        if not torch.is_grad_enabled():
            return query.mean()
        query_grads = _grads(query.sum(), weights, retain_graph=True)
        inner_grads = _grads(problem.objective(weights, support).sum(), weights, create_graph=True)

        def hessian_product(vector: Weights) -> Weights:
            product = sum((inner_grads[name] * vector[name]).sum() for name in weights)
            return _grads(product, weights, retain_graph=True)

        solve = conjugate_gradient if self.solver == "cg" else neumann
        solution = solve(hessian_product, query_grads, self.terms)
        mixed = sum((inner_grads[name] * solution[name].detach()).sum() for name in weights)
        return _surrogate(query, -mixed)


@dataclass(frozen=True)
class FiniteDifference:
    """Adapt twice more, nudged up and down the query loss, and take the difference (Zucchet et al. 2022).

    dL/dphi = (dG/dphi at w_+ - dG/dphi at w_-) / (2 beta),   w_+- = argmin G +- beta L

    With task normalization, dL/dphi at fixed w is added, as in `Implicit`. The difference is central in beta, so its
    error is of second order. No second derivative is taken, so it works for learners and inner loops of any length. G
    is that of `Implicit`.

    Args:
        nudge: Size beta of the nudge.
        proximal: Weight of ||w - w_0||^2 / 2 for learners that take gradient steps.

    Raises:
        InputError: If an option is out of range.
    """

    nudge: float = 0.1
    proximal: float = 1.0

    def __post_init__(self) -> None:
        check_number(self, "nudge", low=1e-6, high=1e6)
        check_number(self, "proximal", low=0)

    def loss(self, step: AugmenterStep, generator: Generator) -> Float[Tensor, ""]:
        """Query loss after adaptation, with the gradient by finite differences; draws nothing."""
        generated = step.generate()
        problem = inner_problem(step.learner, self.proximal)
        support, query = step.augmented(generated).support, step.episode.query
        weights = problem.solve(support)
        losses = problem.query_losses(weights, support, query)
        if not torch.is_grad_enabled():
            return losses.mean()
        plus, minus = (
            problem.objective(problem.solve(support, start=weights, nudge=sign * self.nudge, query=query), support)
            for sign in (1, -1)
        )
        return _surrogate(losses, (plus - minus).sum() / (2 * self.nudge))


def _with_steps(step: AugmenterStep, learner: GradientLearner, steps: int) -> AugmenterStep:
    """The step with another number of inner steps."""
    shorter = copy(learner)
    shorter.steps = steps
    return AugmenterStep(shorter, step.augmenter, step.episode, step.copies, step.draws)


def _grads(
    value: Tensor | float, weights: Weights, create_graph: bool = False, retain_graph: bool | None = None
) -> Weights:
    """Gradients by name; zeros for weights that the value does not depend on."""
    grads = torch.autograd.grad(
        torch.as_tensor(value),
        list(weights.values()),
        create_graph=create_graph,
        retain_graph=retain_graph,
        allow_unused=True,
        materialize_grads=True,
    )
    return dict(zip(weights, grads, strict=True))


def _surrogate(losses: Float[Tensor, " t"], added: Tensor | float) -> Float[Tensor, ""]:
    """Mean loss, with the derivative of a number that is summed over tasks added to its own.

    Its own derivative is 0 except with task normalization, where queries are normalized by the support's statistics.
    """
    zero = torch.as_tensor(added) / len(losses)
    return losses.mean() + zero - zero.detach()


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
    """Check that an estimator can differentiate the adaptation of a learner.

    Raises:
        InputError: If a first-order learner is to be differentiated exactly, or the adaptation of the learner has no
            inner objective for the implicit and the finite-difference estimators.

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
