from dataclasses import replace

import pytest
import torch

from manyshot.tasks import Episode, Examples, Sinusoids, has_classes


def episode(labels: torch.Tensor) -> Episode:
    tasks, n, ways = labels.shape
    present = torch.ones(tasks, ways, dtype=torch.bool)
    side = Examples(torch.rand(tasks, n, 4), labels, torch.ones(tasks, n), present)
    return Episode(side, side, torch.zeros(tasks, ways, dtype=torch.long))


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (torch.eye(3)[None], True),
        (torch.tensor([[[0.3, 0.7], [1.0, 0.0]]]), True),
        (torch.tensor([[[0.3, 0.6], [1.0, 0.0]]]), False),
        (torch.tensor([[[-0.5, 1.5], [1.0, 0.0]]]), False),
        (torch.ones(1, 4, 1), False),
    ],
    ids=["classes", "mixed classes", "two numbers", "numbers below 0 that sum to 1", "one number"],
)
def test_shares_of_classes_are_told_from_numbers(labels, classes):
    assert has_classes(episode(labels)) == classes


def test_what_padding_holds_is_not_looked_at():
    found = episode(torch.eye(3)[None].clone())
    found.support.labels[0, 2] = 0
    assert not has_classes(found)
    weight = torch.tensor([[1.0, 1.0, 0.0]])
    assert has_classes(replace(found, support=replace(found.support, weight=weight)))


def test_waves_have_no_classes():
    assert not has_classes(Sinusoids().batch(0, 2))
