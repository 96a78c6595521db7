"""How many items go into a mean."""

import pytest
import torch

from manyshot.generate import Batches
from manyshot.tasks import Source


@pytest.mark.parametrize(("least", "most"), [(2, 1), (4, 3), (9, 5)])
def test_means_are_of_no_more_items_than_the_smallest_class_has_beside_one(least, most):
    source = Source.of(torch.eye(9 + least), ["many"] * 9 + ["few"] * least)
    found = set()
    for number in range(60):
        shots = (Batches(source, "mean", size=4).batch(number).condition.like > 0).sum(1)
        assert len(shots.unique()) == 1  # one number a batch
        found.add(int(shots[0]))
    assert found == set(range(1, most + 1))
