import pytest
import torch

from manyshot.tasks import Episode, EpisodeSampler, Examples, Source


def examples(items, origin=None) -> Examples:
    n = len(items[0])
    return Examples(
        items=items,
        labels=torch.eye(2).repeat(1, n, 1)[:, :n],
        weight=torch.ones(1, n),
        class_mask=torch.ones(1, 2, dtype=torch.bool),
        origin=origin,
    )


def test_examples_are_joined_one_after_the_other_and_remember_where_made_ones_came_from():
    real = examples(torch.zeros(1, 2, 3))
    made = examples(torch.ones(1, 3, 3), origin=torch.tensor([[0, 0, 1]]))
    both = real.joined(made)
    assert both.items[0, :, 0].tolist() == [0, 0, 1, 1, 1]
    assert both.origin.tolist() == [[-1, -1, 0, 0, 1]]
    assert both.labels.shape == (1, 5, 2)
    assert both.weight.shape == (1, 5)


def test_texts_are_joined_too():
    assert examples([["a", "b"]]).joined(examples([["c"]])).items == [["a", "b", "c"]]


def test_hard_labels_are_those_of_the_largest_share():
    soft = Examples(
        items=torch.zeros(1, 1, 1),
        labels=torch.tensor([[[0.3, 0.7]]]),
        weight=torch.ones(1, 1),
        class_mask=torch.ones(1, 2, dtype=torch.bool),
    )
    assert soft.class_ids.tolist() == [[1]]


def test_moving_to_a_floating_type_leaves_marks_and_origins_alone():
    moved = examples(torch.zeros(1, 2, 3), origin=torch.zeros(1, 2, dtype=torch.long)).to("cpu", torch.float64)
    assert moved.items.dtype == moved.labels.dtype == moved.weight.dtype == torch.float64
    assert moved.class_mask.dtype == torch.bool
    assert moved.origin.dtype == torch.long


def test_bytes_become_shares_of_one_and_floats_stay():
    source = Source.of(torch.full((8, 1, 2, 2), 255, dtype=torch.uint8), ["a", "b"] * 4)
    episode = EpisodeSampler(source, ways=2, queries=2).batch(0, 3)
    assert episode.support.items.dtype == torch.uint8
    as_float = episode.as_float()
    assert as_float.query.items.unique().tolist() == [1.0]
    assert as_float.as_float().query.items is as_float.query.items
    assert isinstance(as_float, Episode)
    assert len(as_float) == 3


def test_a_shape_that_does_not_fit_is_refused_under_tests():
    with pytest.raises(Exception, match="type"):
        Examples(torch.zeros(1, 2, 3), torch.zeros(1, 3, 2), torch.ones(1, 2), torch.ones(1, 2, dtype=torch.bool))
