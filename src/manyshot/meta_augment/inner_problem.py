"""The objective that a learner's adaptation minimizes, for gradients that do not unroll the adaptation."""

from typing import Protocol, cast, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from manyshot.base import InputError
from manyshot.learners import GradientLearner, Learner, LinearProbe, by_task
from manyshot.learners.fit_softmax_regression import fit_softmax_regression
from manyshot.learners.learner import item_losses, weighted_mean
from manyshot.learners.ridge import with_one
from manyshot.learners.task_tensors import Task, task_count, task_slice
from manyshot.meta_augment.linear_solve import Weights
from manyshot.tasks import Examples


@runtime_checkable
class InnerProblem(Protocol):
    """Adaptation as a minimization over the weights of each task."""

    def solve(
        self, support: Examples, start: Weights | None = None, nudge: float = 0.0, query: Examples | None = None
    ) -> Weights:
        """Weights near the minimum of `objective + nudge * query_losses`, without a graph.

        Args:
            support: Support of T tasks.
            start: Weights to start from; the learner's initial ones if None.
            nudge: Weight of the query losses, positive or negative.
            query: Queries of the T tasks; None leaves the query losses out.
        """
        ...

    def objective(self, weights: Weights, support: Examples) -> Float[Tensor, " t"]:
        """The objective of each task's weights; differentiable in weights and support."""
        ...

    def query_losses(self, weights: Weights, support: Examples, query: Examples) -> Float[Tensor, " t"]:
        """Mean query loss of each task; differentiable in the support too where its statistics normalize the query."""
        ...


def inner_problem(learner: Learner, proximal: float) -> InnerProblem:
    """The inner problem of a learner.

    Args:
        learner: A probe, or a learner that takes gradient steps.
        proximal: Weight of the proximal term of `GradientProblem`.

    Raises:
        InputError: If the learner is of another kind.

    Example:
        >>> type(inner_problem(LinearProbe(torch.nn.Flatten()), 1.0)).__name__
        'ProbeProblem'
    """
    if isinstance(learner, LinearProbe):
        return ProbeProblem(learner)
    if isinstance(learner, GradientLearner):
        return GradientProblem(learner, proximal)
    raise InputError(
        f"{type(learner).__name__} adapts in closed form, which is differentiated exactly; choose the gradient exact "
        "(--gradient exact)"
    )


class ProbeProblem:
    """Penalized cross-entropy of a linear classifier, as `LinearProbe` fits it.

    G(W) = sum_i w_i H(y_i, softmax([u_i, 1] W)) + lambda/2 ||W||^2

    Args:
        probe: The probe.
    """

    def __init__(self, probe: LinearProbe) -> None:
        self.probe = probe

    def solve(
        self, support: Examples, start: Weights | None = None, nudge: float = 0.0, query: Examples | None = None
    ) -> Weights:
        """The probe's own fit; if nudged, as many accelerated gradient steps from the start."""
        probe = self.probe
        with torch.no_grad():
            if start is None or query is None:
                x = self._inputs(support)
                maps = fit_softmax_regression(
                    x, support.labels, support.weight, support.class_mask, probe.penalty, probe.steps
                )
                return {"maps": maps}
            query_weight = query.weight / query.weight.sum(1, keepdim=True).clamp(min=1e-12)
            x = torch.cat([self._inputs(support), self._inputs(query)], 1)
            y = torch.cat([support.labels, query.labels], 1)
            w = torch.cat([support.weight, nudge * query_weight], 1)
            bound = probe.penalty + (w.abs()[..., None] * x.square()).sum((1, 2))[:, None, None] / 2
            root = (probe.penalty / bound).sqrt()
            maps = previous = start["maps"].detach()
            for _ in range(probe.steps):
                ahead = maps + (1 - root) / (1 + root) * (maps - previous)
                probabilities = (x @ ahead).masked_fill(~support.class_mask[:, None], -torch.inf).softmax(-1)
                grad = x.mT @ (w[..., None] * (probabilities - y)) + probe.penalty * ahead
                previous, maps = maps, ahead - grad / bound
            return {"maps": maps}

    def objective(self, weights: Weights, support: Examples) -> Float[Tensor, " t"]:
        """Weighted sum of the cross-entropy, plus the penalty."""
        maps = weights["maps"]
        losses = item_losses(self._logits(maps, support), support.labels).masked_fill(support.weight <= 0, 0)
        return (losses * support.weight).sum(1) + self.probe.penalty / 2 * maps.square().sum((1, 2))

    def query_losses(self, weights: Weights, support: Examples, query: Examples) -> Float[Tensor, " t"]:
        """Mean cross-entropy of each task, which depends on the support through the weights only."""
        return weighted_mean(item_losses(self._logits(weights["maps"], query), query.labels), query.weight)

    def _inputs(self, examples: Examples) -> Tensor:
        body = torch.nn.Identity() if self.probe.given_features else self.probe.body()
        features = by_task(body, examples.items, examples.weight)
        return with_one(F.normalize(features, dim=-1) if self.probe.normalize else features)

    def _logits(self, maps: Tensor, examples: Examples) -> Tensor:
        return (self._inputs(examples) @ maps).masked_fill(~examples.class_mask[:, None], -torch.inf)


class GradientProblem:
    """Support loss of all weights of a model, with a proximal term that holds them near the initial ones.

    G(theta) = L(theta; support) + proximal/2 ||theta - theta_0||^2

    Args:
        learner: Learner whose steps approach the minimum, whatever the order of their derivatives.
        proximal: Weight of the proximal term.
    """

    def __init__(self, learner: GradientLearner, proximal: float) -> None:
        self.learner, self.proximal = learner, proximal
        self.initial = {name: value.detach() for name, value in learner.initial_params().items()}

    def solve(
        self, support: Examples, start: Weights | None = None, nudge: float = 0.0, query: Examples | None = None
    ) -> Weights:
        """The learner's own number of steps, from its initial weights or from the start."""
        learner, support = self.learner, _detached(support)
        tasks = len(support.weight)
        weights = start or {name: value.expand(tasks, *value.shape).clone() for name, value in self.initial.items()}
        for step in range(learner.steps):
            leaves = {name: value.detach().requires_grad_() for name, value in weights.items()}
            with torch.enable_grad():
                value = self.objective(leaves, support)
                if query is not None:
                    value = value + nudge * self.query_losses(leaves, support, query)
                flat = torch.autograd.grad(
                    value.sum(), list(leaves.values()), materialize_grads=True, allow_unused=True
                )
            grads = dict(zip(leaves, flat, strict=True))
            with torch.no_grad():
                updated = [learner.inner_update(_of_task(leaves, t), _of_task(grads, t), step) for t in range(tasks)]
            weights = {name: torch.stack([task[name] for task in updated]).detach() for name in leaves}
        return weights

    def objective(self, weights: Weights, support: Examples) -> Float[Tensor, " t"]:
        """Support loss of each task, plus the proximal term."""
        distances = [(value - self.initial[name]).square().flatten(1).sum(1) for name, value in weights.items()]
        sides = self.learner.side_of(support)
        losses = [
            self.learner.support_loss(task_slice(sides, task))(_of_task(weights, task))
            for task in range(task_count(sides))
        ]
        return torch.stack(losses) + self.proximal / 2 * torch.stack(distances).sum(0)

    def query_losses(self, weights: Weights, support: Examples, query: Examples) -> Float[Tensor, " t"]:
        """Query loss of each task, normalized as the learner does: by the support's statistics, or the query's."""
        learner, tasks = self.learner, Task(self.learner.side_of(support), self.learner.side_of(query))
        losses = [
            weighted_mean(learner.query_losses_with(_of_task(weights, index), task), task.query.weight)
            for index, task in enumerate(task_slice(tasks, index) for index in range(task_count(tasks)))
        ]
        return torch.stack(losses)


def _of_task(weights: Weights, task: int) -> Weights:
    return {name: value[task] for name, value in weights.items()}


def _detached(examples: Examples) -> Examples:
    items = cast(Tensor, examples.items).detach()
    return Examples(items, examples.labels, examples.weight.detach(), examples.class_mask, examples.origin)
