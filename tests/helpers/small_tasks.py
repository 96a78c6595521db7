"""Small tasks in double precision, and what the tests of every learner do with them."""

from dataclasses import replace

import torch

from manyshot.learners import Learner
from manyshot.tasks import Episode, Examples

WAYS, SHOTS, QUERIES, SIZE = 3, 2, 2, 8
EPISODE_KINDS = ("plain", "weighted", "soft", "fewer classes")


def episode_of(tasks: int = 3, spread: float = 1.0, seed: int = 0) -> Episode:
    """Tasks whose classes are blurred points of the image space."""
    generator = torch.Generator().manual_seed(seed)
    centers = torch.randn(tasks, WAYS, 1, 1, SIZE, SIZE, generator=generator, dtype=torch.float64)

    def side(each: int) -> Examples:
        noise = torch.randn(tasks, WAYS, each, 1, SIZE, SIZE, generator=generator, dtype=torch.float64)
        return Examples(
            items=(centers + spread * noise).flatten(1, 2),
            labels=torch.eye(WAYS, dtype=torch.float64).repeat_interleave(each, 0).expand(tasks, -1, -1),
            weight=torch.ones(tasks, WAYS * each, dtype=torch.float64),
            class_mask=torch.ones(tasks, WAYS, dtype=torch.bool),
        )

    return Episode(side(SHOTS), side(QUERIES), torch.arange(WAYS).expand(tasks, -1))


def with_fewer_classes(episode: Episode, task: int, ways: int) -> Episode:
    """The same episode, with the last classes of a task taken away as a sampler pads them."""

    def cut(side: Examples) -> Examples:
        present, weight, items = side.class_mask.clone(), side.weight.clone(), side.items.clone()
        present[task, ways:] = False
        gone = side.class_ids[task] >= ways
        weight[task, gone] = 0
        items[task, gone] = 1000.0
        return replace(side, class_mask=present, weight=weight, items=items)

    classes = episode.classes.clone()
    classes[task, ways:] = -1
    return Episode(cut(episode.support), cut(episode.query), classes)


def variant_of(episode: Episode, kind: str) -> Episode:
    generator, support = torch.Generator().manual_seed(5), episode.support
    if kind == "weighted":
        weight = torch.rand(support.weight.shape, generator=generator, dtype=torch.float64) + 0.2
        return replace(episode, support=replace(support, weight=weight))
    if kind == "soft":
        logits = 2 * torch.randn(support.labels.shape, generator=generator, dtype=torch.float64)
        labels = (logits + 4 * support.labels).softmax(-1)
        return replace(episode, support=replace(support, labels=labels))
    return with_fewer_classes(episode, task=1, ways=2) if kind == "fewer classes" else episode


def take(examples: Examples, indices: torch.Tensor) -> Examples:
    """The examples at these indices of every task."""
    return replace(
        examples,
        items=examples.items[:, indices],
        labels=examples.labels[:, indices],
        weight=examples.weight[:, indices],
    )


def task_alone(episode: Episode, task: int) -> Episode:
    def side(examples: Examples) -> Examples:
        parts = {name: getattr(examples, name)[task : task + 1] for name in ("items", "labels", "weight", "class_mask")}
        return replace(examples, **parts)

    return Episode(side(episode.support), side(episode.query), episode.classes[task : task + 1])


def gradients(learner: Learner, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    learner.zero_grad()
    loss.backward()
    return {n: torch.zeros_like(p) if p.grad is None else p.grad.clone() for n, p in learner.named_parameters()}


def train(learner: Learner, episode: Episode, steps: int, learning_rate: float) -> list[float]:
    optimizer = torch.optim.Adam(learner.parameters(), lr=learning_rate)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = learner.loss(episode)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


def assert_close(actual: dict, expected: dict, tolerance: float = 1e-10) -> None:
    for name, value in expected.items():
        assert torch.allclose(actual[name], value, rtol=tolerance, atol=tolerance), name


def logits_of(learner: Learner, support: Examples, query: Examples) -> torch.Tensor:
    return learner.adapt(support)(query.items, query.weight)
