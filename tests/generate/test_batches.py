"""How many items go into a mean."""

import pytest
import torch

from manyshot.generate import Batches
from manyshot.tasks import Source


class TestDistinctItems:
    SOURCE = Source.of(torch.arange(30.0)[:, None], [f"class {i % 3}" for i in range(30)])

    @pytest.mark.parametrize("conditioning", ["nothing", "label", "item", "mean"])
    @pytest.mark.parametrize(("size", "count"), [(7, 7), (30, 30), (512, 30)])
    def test_no_item_occurs_twice_and_conditions_are_met(self, conditioning, size, count):
        batch = Batches(self.SOURCE, conditioning, size, seed=3).distinct()
        numbers = batch.items.flatten().long()
        assert len(numbers.unique()) == len(numbers) == count
        assert batch.label.equal(numbers % 3)
        if conditioning == "label":
            assert batch.condition.label.equal(batch.label)
        if conditioning == "item":
            shown = batch.condition.like.flatten().long()
            assert (shown % 3).equal(batch.label)
            assert (shown != numbers).all()

    def test_every_other_item_of_the_class_may_be_shown(self):
        shown = {
            tuple(pair)
            for seed in range(60)
            for batch in [Batches(Source.of(torch.arange(4.0)[:, None], ["one"] * 4), "item", 9, seed).distinct()]
            for pair in torch.cat([batch.items, batch.condition.like], 1).tolist()
        }
        assert len(shown) == 4 * 3

    def test_they_are_the_same_for_a_seed_and_others_for_another(self):
        first, again, other = (Batches(self.SOURCE, "nothing", 7, seed).distinct().items for seed in (0, 0, 1))
        assert first.equal(again)
        assert not first.equal(other)


@pytest.mark.parametrize(("least", "most"), [(2, 1), (4, 3), (9, 5)])
def test_means_are_of_no_more_items_than_the_smallest_class_has_beside_one(least, most):
    source = Source.of(torch.eye(9 + least), ["many"] * 9 + ["few"] * least)
    result = set()
    for number in range(60):
        shots = (Batches(source, "mean", size=4).batch(number).condition.like > 0).sum(1)
        assert len(shots.unique()) == 1  # one number a batch
        result.add(int(shots[0]))
    assert result == set(range(1, most + 1))
