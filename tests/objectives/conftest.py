"""Tasks and learners for the tests of objectives: the fixture `make` holds the functions below."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from manyshot.augment import Plan
from manyshot.learners import LEARNERS, MAML, Learner, Prototypes
from manyshot.nets import Conv4
from manyshot.objectives import StepTasks
from manyshot.tasks import Episode, Examples

WAYS, SHOTS, QUERIES, SIZE = 3, 2, 2, 8
PLAN = "query: noise(0.3)"


def encoder(norm: str = "group", seed: int = 0) -> Conv4:
    torch.manual_seed(seed)
    net = Conv4(1, SIZE, (6, 5), norm).double()
    for module in net.norms:
        nn.init.normal_(module.weight, 1, 0.2)
        nn.init.normal_(module.bias, 0, 0.2)
    return net


def prototypes(norm: str = "group") -> Prototypes:
    return Prototypes(encoder(norm))


def maml(**options) -> MAML:
    body = encoder()
    return MAML(nn.Sequential(body, nn.Linear(body.features, WAYS).double()), WAYS, **({"step_size": 0.4} | options))


def of_table(name: str) -> Learner:
    """A learner as a run makes it, on a small encoder."""
    torch.manual_seed(0)
    return LEARNERS.build(name, encoder=encoder, ways=WAYS, classes=20).double()


def episode_of(tasks: int = 3, seed: int = 0, ways: int = WAYS, padded: bool = False) -> Episode:
    """Tasks whose classes are blurred points; padded: the second has a class less, and an item less."""
    generator = torch.Generator().manual_seed(seed)
    centers = torch.rand(tasks, ways, 1, 1, SIZE, SIZE, generator=generator, dtype=torch.float64)

    def side(each: int) -> Examples:
        noise = torch.rand(tasks, ways, each, 1, SIZE, SIZE, generator=generator, dtype=torch.float64)
        items = (0.7 * centers + 0.3 * noise).flatten(1, 2)
        examples = Examples.of(items, torch.arange(ways).repeat_interleave(each))
        if padded:
            examples.class_mask[1, -1] = False
            examples.weight[1, (ways - 1) * each :] = 0
            examples.labels[1, (ways - 1) * each :] = 0
            examples.items[1, (ways - 1) * each :] = 1000.0
            examples.weight[0, each - 1] = 0
        return examples

    support, query = side(SHOTS), side(QUERIES)
    classes = torch.arange(tasks * ways).view(tasks, ways)
    if padded:
        classes[1, -1] = -1
    return Episode(support, query, classes)


def tasks_of(episode: Episode, plan: str = "none", step: int = 0) -> StepTasks:
    return StepTasks(episode, Plan(plan), (0, "plan", step))


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def loss_of(objective, learner: Learner, episode: Episode, seed: int = 0, step: int = 0, plan: str = PLAN):
    return objective.loss(learner, tasks_of(episode, plan, step), draws(seed))


@pytest.fixture
def make() -> SimpleNamespace:
    functions = (encoder, prototypes, maml, of_table, episode_of, tasks_of, draws, loss_of)
    return SimpleNamespace(**{function.__name__: function for function in functions})
