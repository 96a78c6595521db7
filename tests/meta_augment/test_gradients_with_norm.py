"""Gradients that do not unroll, with task normalization and padding: the learner's own loss, and its derivative."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from manyshot.learners import ANIL, MAML
from manyshot.meta_augment.augmenter_gradient import Exact, FiniteDifference, Implicit
from manyshot.meta_augment.augmenter_step import AugmenterStep
from manyshot.meta_augment.inner_problem import GradientProblem
from manyshot.meta_augment.learned_augmenter import LearnedAugmenter
from manyshot.nets import Conv4
from manyshot.tasks import Episode, Examples

WAYS, SIZE, TASKS, COPIES = 2, 4, 2, 2
ESTIMATORS = {"implicit": Implicit(proximal=0.0), "finite-difference": FiniteDifference(proximal=0.0)}


class Contrast(LearnedAugmenter):
    """Scales and shifts images by learned numbers; statistics are no function of weights, as far as gradients go."""

    space = "items"

    def __init__(self) -> None:
        super().__init__()
        self.numbers = nn.Parameter(torch.tensor([1.5, 0.2], dtype=torch.float64))

    def draw(self, support, copies, generator):
        return {"noise": torch.rand(*support.weight.shape[:1], support.weight.shape[1] * copies, generator=generator)}

    def vary(self, support, copies, draws, context):
        scale, shift = self.numbers
        noise = draws["noise"][..., None, None, None]
        items = support.items.repeat_interleave(copies, 1) * scale + shift * noise.square()
        return items, torch.full_like(draws["noise"], 0.4)


def episode() -> Episode:
    """Tasks whose last support and query item are padding of another look."""
    torch.manual_seed(1)

    def side(each: int) -> Examples:
        label = torch.cat([torch.arange(WAYS).repeat_interleave(each), torch.zeros(1, dtype=torch.long)])
        items = torch.rand(TASKS, len(label), 1, SIZE, SIZE, dtype=torch.float64) + label[:, None, None, None]
        items[:, -1] = 9.0
        weight = torch.ones(TASKS, len(label), dtype=torch.float64)
        weight[:, -1] = 0
        labels = torch.eye(WAYS, dtype=torch.float64)[label].expand(TASKS, -1, -1)
        return Examples(items, labels, weight, torch.ones(TASKS, WAYS, dtype=torch.bool))

    return Episode(side(2), side(3), torch.arange(WAYS).expand(TASKS, -1))


def learner(kind: type[MAML] | type[ANIL] = MAML, norm: str = "support", **options) -> MAML | ANIL:
    torch.manual_seed(2)
    encoder = Conv4(channels=1, size=SIZE, widths=(3, 4), norm=norm)
    model = nn.Sequential(encoder, nn.Linear(encoder.features, WAYS)).double()
    return kind(model, WAYS, **{"step_size": 0.1, "steps": 3} | options)


def step(own: MAML | ANIL, tasks: Episode) -> AugmenterStep:
    augmenter = Contrast()
    draws = augmenter.draw(tasks.support, COPIES, torch.Generator().manual_seed(0))
    return AugmenterStep(own, augmenter, tasks, COPIES, draws)


def with_item(side: Examples, index: int, change: float) -> Examples:
    items = side.items.clone()
    items[:, index] += change * torch.arange(SIZE, dtype=torch.float64)
    return replace(side, items=items)


@pytest.mark.parametrize("norm", ["support", "query"])
@pytest.mark.parametrize("kind", [MAML, ANIL])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_without_a_proximal_term_the_loss_is_the_learners_own(name, kind, norm):
    own = step(learner(kind, norm), episode())
    losses = [estimator.loss(own, torch.Generator()) for estimator in (ESTIMATORS[name], Exact())]
    torch.testing.assert_close(*losses, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_padding_changes_nothing(name):
    tasks = episode()
    padded = Episode(with_item(tasks.support, -1, 2.0), with_item(tasks.query, -1, 2.0), tasks.classes)
    values = [ESTIMATORS[name].loss(step(learner(), one), torch.Generator()) for one in (tasks, padded)]
    assert values[0].item() == pytest.approx(values[1].item(), abs=1e-12)


@pytest.mark.parametrize(("norm", "leaks"), [("support", False), ("query", True)])
def test_one_querys_loss_depends_on_another_only_where_the_learner_is_transductive(norm, leaks):
    tasks = episode()
    problem = GradientProblem(learner(norm=norm), 1.0)
    weights = problem.solve(tasks.support)

    def first_logits(query: Examples) -> Tensor:
        """By how much the loss changes with the first query's label, which depends on that query's logits alone."""
        other = query.labels.clone()
        other[:, 0] = other[:, 0].flip(-1)
        losses = (problem.query_losses(weights, tasks.support, replace(query, labels=y)) for y in (query.labels, other))
        return torch.sub(*losses)

    moved = (first_logits(tasks.query) - first_logits(with_item(tasks.query, 3, 3.0))).abs().max()
    assert (moved > 1e-3) == leaks


@pytest.mark.parametrize("estimator", [Implicit(terms=30), FiniteDifference(0.01)], ids=ESTIMATORS)
def test_the_gradient_is_that_of_central_differences_of_its_loss(estimator):
    """The query is normalized by the support's statistics, to which made items belong.

    The head alone adapts, so that the minimum is one and is reached.
    """
    own = step(learner(ANIL, step_size=0.3, steps=50, order=1), episode())
    numbers = own.augmenter.numbers
    result = torch.autograd.grad(estimator.loss(own, torch.Generator()), numbers)[0]
    expected = torch.zeros_like(numbers)
    with torch.no_grad():
        for index in range(len(numbers)):
            ends = []
            for sign in (1, -1):
                numbers[index] += sign * 1e-4
                ends.append(estimator.loss(own, torch.Generator()))
                numbers[index] -= sign * 1e-4
            expected[index] = (ends[0] - ends[1]) / 2e-4
    torch.testing.assert_close(result, expected, rtol=0.02, atol=1e-4)
    assert expected.norm() > 0.01
