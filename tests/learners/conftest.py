"""A plain loop over tasks in double precision, which MAML of any module has to equal."""

from copy import deepcopy

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from manyshot.learners import MAML
from manyshot.tasks import Episode, Examples

TASKS, WAYS, STEP_SIZE, STEPS = 3, 3, 0.3, 2


@pytest.fixture(name="episode_of")
def episode_of_fixture():
    return episode_of_shape


@pytest.fixture
def agrees():
    return compare_with_loop


def episode_of_shape(*shape: int) -> Episode:
    generator = torch.Generator().manual_seed(1)

    def side(n: int) -> Examples:
        return Examples(
            torch.randn(TASKS, n, *shape, generator=generator, dtype=torch.float64),
            torch.eye(WAYS, dtype=torch.float64)[torch.arange(n) % WAYS].expand(TASKS, -1, -1),
            torch.ones(TASKS, n, dtype=torch.float64),
            torch.ones(TASKS, WAYS, dtype=torch.bool),
        )

    return Episode(side(3), side(6), torch.arange(WAYS).expand(TASKS, -1))


def plain_loop(
    model: nn.Module, episode: Episode, tied: bool = False
) -> tuple[torch.Tensor, torch.Tensor, list[torch.Tensor]]:
    """Loss, logits and meta-gradient by autograd alone."""
    losses, logits = [], []
    with sdpa_kernel(SDPBackend.MATH):
        for task in range(TASKS):
            weights = {name: value for name, value in model.named_parameters() if value.requires_grad}
            for _ in range(STEPS):
                predicted = functional_call(model, weights, (episode.support.items[task],), tie_weights=tied)
                loss = F.cross_entropy(predicted, episode.support.labels[task])
                grads = torch.autograd.grad(
                    loss, list(weights.values()), create_graph=True, allow_unused=True, materialize_grads=True
                )
                weights = {
                    name: value - STEP_SIZE * grad for (name, value), grad in zip(weights.items(), grads, strict=True)
                }
            logits.append(functional_call(model, weights, (episode.query.items[task],), tie_weights=tied))
            losses.append(F.cross_entropy(logits[-1], episode.query.labels[task]))
        mean = torch.stack(losses).mean()
        parameters = [value for value in model.parameters() if value.requires_grad]
        grads = torch.autograd.grad(mean, parameters, allow_unused=True, materialize_grads=True)
    return mean.detach(), torch.stack(logits).detach(), list(grads)


def relative(ours: list[torch.Tensor], theirs: list[torch.Tensor]) -> float:
    gap = sum((a - b).square().sum() for a, b in zip(ours, theirs, strict=True))
    return float((gap / sum(b.square().sum() for b in theirs)).sqrt())


def compare_with_loop(model: nn.Module, vectorized: bool | None, shape: tuple[int, ...], tied: bool = False) -> MAML:
    """Compare a learner with the loop; torch may say that a batching rule of it is slow."""
    episode = episode_of_shape(*shape)
    loss, logits, grads = plain_loop(deepcopy(model), episode, tied)
    learner = MAML(model, WAYS, STEP_SIZE, STEPS, vectorized=vectorized)
    ours = learner.loss(episode)
    ours.backward()
    assert float((ours.detach() - loss).abs()) < 1e-10
    assert relative([learner.adapt(episode.support)(episode.query.items).detach()], [logits]) < 1e-9
    parameters = [value for value in model.parameters() if value.requires_grad]
    result = [torch.zeros_like(value) if value.grad is None else value.grad for value in parameters]
    assert relative(result, grads) < 1e-9
    with torch.no_grad():
        assert relative([learner.adapt(episode.support)(episode.query.items)], [logits]) < 1e-9
    return learner
