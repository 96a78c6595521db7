"""What a learner's adaptation minimises, written out, for gradients that do not unroll it."""

from typing import Protocol, cast, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from manyshot.base import InputError
from manyshot.learners import GradientLearner, Learner, Probe, by_task
from manyshot.learners.learner import item_losses, weighted_mean
from manyshot.learners.ridge import with_one
from manyshot.learners.softmax import fit_softmax
from manyshot.learners.task_tensors import Task, task_count, task_slice
from manyshot.meta_augment.linear_solve import Weights
from manyshot.tasks import Examples


@runtime_checkable
class InnerProblem(Protocol):
    """Adaptation as a minimisation over the weights of each task."""

    def solve(
        self, support: Examples, start: Weights | None = None, nudge: float = 0.0, query: Examples | None = None
    ) -> Weights:
        """Weights near the minimum of `objective`, or of that plus `nudge` times `query_losses`; without a graph.

        Args:
            support: of T tasks.
            start: weights to go on from.
            nudge: beta.
            query: of the nudge.
        """
        ...

    def objective(self, weights: Weights, support: Examples) -> Float[Tensor, " t"]:
        """What each task's weights are to make small; differentiable by weights and support."""
        ...

    def query_losses(self, weights: Weights, support: Examples, query: Examples) -> Float[Tensor, " t"]:
        """The mean loss of each task's query; differentiable by the support too where its statistics normalise it."""
        ...


def inner_problem(learner: Learner, proximal: float) -> InnerProblem:
    """The inner problem of a learner.

    Args:
        learner: a probe, or one that takes gradient steps.
        proximal: see `GradientProblem`.

    Raises:
        InputError: for any other.

    Example:
        >>> type(inner_problem(Probe(torch.nn.Flatten()), 1.0)).__name__
        'ProbeProblem'
    """
    if isinstance(learner, Probe):
        return ProbeProblem(learner)
    if isinstance(learner, GradientLearner):
        return GradientProblem(learner, proximal)
    raise InputError(
        f"{type(learner).__name__} adapts by a short way that can be differentiated; choose --gradient exact"
    )


class ProbeProblem:
    """Penalised cross-entropy of a linear classifier, as `Probe` fits it.

    G(W) = sum_i w_i H(y_i, softmax([u_i, 1] W)) + lambda/2 ||W||^2

    Args:
        probe: the learner.
    """

    def __init__(self, probe: Probe) -> None:
        self.probe = probe

    def solve(
        self, support: Examples, start: Weights | None = None, nudge: float = 0.0, query: Examples | None = None
    ) -> Weights:
        """The probe's own fit; nudged, gradient steps of its number from the start."""
        probe = self.probe
        with torch.no_grad():
            if start is None or query is None:
                x = self._prepared(support)
                maps = fit_softmax(x, support.labels, support.weight, support.class_mask, probe.penalty, probe.steps)
                return {"maps": maps}
            sides = [(self._prepared(support), support.labels, support.weight)]
            share = query.weight / query.weight.sum(1, keepdim=True).clamp(min=1e-12)
            sides.append((self._prepared(query), query.labels, nudge * share))
            x, y, w = (torch.cat(pair, 1) for pair in zip(*sides, strict=True))
            bound = probe.penalty + (w.abs()[..., None] * x.square()).sum((1, 2))[:, None, None] / 2
            root = (probe.penalty / bound).sqrt()
            maps = before = start["maps"].detach()
            for _ in range(probe.steps):
                ahead = maps + (1 - root) / (1 + root) * (maps - before)
                chance = (x @ ahead).masked_fill(~support.class_mask[:, None], -torch.inf).softmax(-1)
                slope = x.mT @ (w[..., None] * (chance - y)) + probe.penalty * ahead
                before, maps = maps, ahead - slope / bound
            return {"maps": maps}

    def objective(self, weights: Weights, support: Examples) -> Float[Tensor, " t"]:
        """Cross-entropy, summed by weight, and penalty."""
        maps = weights["maps"]
        losses = item_losses(self._logits(maps, support), support.labels).masked_fill(support.weight <= 0, 0)
        return (losses * support.weight).sum(1) + self.probe.penalty / 2 * maps.square().sum((1, 2))

    def query_losses(self, weights: Weights, support: Examples, query: Examples) -> Float[Tensor, " t"]:
        """Mean cross-entropy, which depends on the support by way of the weights alone."""
        return weighted_mean(item_losses(self._logits(weights["maps"], query), query.labels), query.weight)

    def _prepared(self, examples: Examples) -> Tensor:
        body = torch.nn.Identity() if self.probe.given_features else self.probe.body()
        features = by_task(body, examples.items, examples.weight)
        return with_one(F.normalize(features, dim=-1) if self.probe.normalize else features)

    def _logits(self, maps: Tensor, examples: Examples) -> Tensor:
        return (self._prepared(examples) @ maps).masked_fill(~examples.class_mask[:, None], -torch.inf)


class GradientProblem:
    """The support's loss of all weights of a model, held near where they began.

    G(theta) = L(theta; support) + proximal/2 ||theta - theta_0||^2

    Args:
        learner: whose steps look for the minimum; their order plays no part.
        proximal: how strongly they are held.
    """

    def __init__(self, learner: GradientLearner, proximal: float) -> None:
        self.learner, self.proximal = learner, proximal
        self.first = {name: value.detach() for name, value in learner.initial_params().items()}

    def solve(
        self, support: Examples, start: Weights | None = None, nudge: float = 0.0, query: Examples | None = None
    ) -> Weights:
        """The learner's own number of steps, from its first weights or from the start."""
        learner, support = self.learner, _detached(support)
        tasks = len(support.weight)
        found = start or {name: value.expand(tasks, *value.shape).clone() for name, value in self.first.items()}
        for step in range(learner.steps):
            here = {name: value.detach().requires_grad_() for name, value in found.items()}
            with torch.enable_grad():
                value = self.objective(here, support)
                if query is not None:
                    value = value + nudge * self.query_losses(here, support, query)
                grads = torch.autograd.grad(value.sum(), list(here.values()), materialize_grads=True, allow_unused=True)
            by_name = dict(zip(here, grads, strict=True))
            with torch.no_grad():
                moved = [learner.inner_update(_of_task(here, t), _of_task(by_name, t), step) for t in range(tasks)]
            found = {name: torch.stack([task[name] for task in moved]).detach() for name in here}
        return found

    def objective(self, weights: Weights, support: Examples) -> Float[Tensor, " t"]:
        """The loss of the support, and how far the weights are from the first."""
        far = [(value - self.first[name]).square().flatten(1).sum(1) for name, value in weights.items()]
        sides = self.learner.side_of(support)
        losses = [
            self.learner.support_loss(task_slice(sides, task))(_of_task(weights, task))
            for task in range(task_count(sides))
        ]
        return torch.stack(losses) + self.proximal / 2 * torch.stack(far).sum(0)

    def query_losses(self, weights: Weights, support: Examples, query: Examples) -> Float[Tensor, " t"]:
        """The loss of the query, normalised as the learner normalises it: by the support's statistics, or its own."""
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
