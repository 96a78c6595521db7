"""Several learners as one."""

import pytest
import torch
from torch import nn

from manyshot.base import InputError
from manyshot.learners import Prototypes
from manyshot.learners.ensemble import Ensemble
from manyshot.tasks import Examples


@pytest.fixture
def support() -> Examples:
    labels = torch.eye(4).expand(3, 4, 4)
    items = torch.rand(3, 4, 1, 5, 5, generator=torch.Generator().manual_seed(0))
    present = torch.ones(3, 4, dtype=torch.bool)
    present[1, 3] = False
    weight = torch.ones(3, 4)
    weight[1, 3] = 0
    return Examples(items, labels, weight, present)


def queries() -> torch.Tensor:
    return torch.rand(3, 6, 1, 5, 5, generator=torch.Generator().manual_seed(1))


def test_one_member_says_what_it_says_alone(support: Examples) -> None:
    alone = Prototypes(nn.Flatten())
    expected = alone.adapt(support)(queries()).log_softmax(-1)
    torch.testing.assert_close(Ensemble([alone]).adapt(support)(queries()), expected)


def test_the_average_is_the_geometric_mean_of_probabilities(support: Examples) -> None:
    members = [Prototypes(nn.Flatten()), Prototypes(nn.Sequential(nn.Flatten(), nn.Linear(25, 7)), temperature=0.3)]
    said = [member.adapt(support)(queries()).softmax(-1) for member in members]
    product = (said[0] * said[1]).sqrt()
    torch.testing.assert_close(
        Ensemble(members).adapt(support)(queries()).softmax(-1), product / product.sum(-1, keepdim=True)
    )


def test_a_class_that_a_task_lacks_is_never_said(support: Examples) -> None:
    logits = Ensemble([Prototypes(nn.Flatten()), Prototypes(nn.Flatten())]).adapt(support)(queries())
    assert bool((logits[1, :, 3] == -torch.inf).all())
    assert bool(logits[0].isfinite().all())


def test_no_members_are_refused() -> None:
    with pytest.raises(InputError, match="at least one"):
        Ensemble([])
