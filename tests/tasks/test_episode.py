from dataclasses import replace

import pytest
import torch

from manyshot.base import InputError
from manyshot.tasks import Episode, EpisodeSampler, Examples, Sinusoids, Source


def examples(items, origin=None) -> Examples:
    n = len(items[0])
    return Examples(
        items=items,
        labels=torch.eye(2).repeat(1, n, 1)[:, :n],
        weight=torch.ones(1, n),
        class_mask=torch.ones(1, 2, dtype=torch.bool),
        origin=origin,
    )


def test_examples_are_joined_and_keep_the_origin_of_generated_ones():
    real = examples(torch.zeros(1, 2, 3))
    generated = examples(torch.ones(1, 3, 3), origin=torch.tensor([[0, 0, 1]]))
    both = real.joined(generated)
    assert both.items[0, :, 0].tolist() == [0, 0, 1, 1, 1]
    assert both.origin.tolist() == [[-1, -1, 0, 0, 1]]
    assert both.labels.shape == (1, 5, 2)
    assert both.weight.shape == (1, 5)


def test_texts_are_joined_too():
    assert examples([["a", "b"]]).joined(examples([["c"]])).items == [["a", "b", "c"]]


def test_class_ids_are_the_most_probable_classes():
    soft = Examples(
        items=torch.zeros(1, 1, 1),
        labels=torch.tensor([[[0.3, 0.7]]]),
        weight=torch.ones(1, 1),
        class_mask=torch.ones(1, 2, dtype=torch.bool),
    )
    assert soft.class_ids.tolist() == [[1]]


def test_moving_to_a_floating_type_leaves_masks_and_origins_alone():
    moved = examples(torch.zeros(1, 2, 3), origin=torch.zeros(1, 2, dtype=torch.long)).to("cpu", torch.float64)
    assert moved.items.dtype == moved.labels.dtype == moved.weight.dtype == torch.float64
    assert moved.class_mask.dtype == torch.bool
    assert moved.origin.dtype == torch.long


def test_uint8_images_are_scaled_to_one_and_floats_stay():
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


def episode(**sizes) -> Episode:
    source = Source.of(torch.arange(12, dtype=torch.uint8)[:, None], ["a", "b"] * 6)
    return EpisodeSampler(source, **{"ways": 2, "shots": 1, "queries": 2, **sizes}).batch(0, 4)


def test_an_episode_is_a_sequence_of_tasks():
    tasks = list(episode())
    assert [len(task) for task in tasks] == [1] * 4
    assert tasks[2].query.items.equal(episode().query.items[2:3])
    assert episode()[-1].query.items.equal(tasks[3].query.items)
    assert len(episode()[1:3]) == 2


def test_collating_restores_the_tasks_and_keeps_origins():
    whole = Episode.collate(list(episode()))
    assert whole.query.items.equal(episode().query.items)
    assert whole.support.origin is None
    support = episode().support
    generated = replace(support, origin=torch.zeros(4, 2, dtype=torch.long))
    mixed = Episode.collate([replace(episode(), support=generated), episode()])
    assert mixed.support.origin.tolist() == [[0, 0]] * 4 + [[-1, -1]] * 4


def test_text_is_collated_too():
    source = Source.of([f"word {i}" for i in range(12)], ["a", "b"] * 6)
    sampler = EpisodeSampler(source, ways=2, shots=1, queries=2, length=3)
    assert Episode.collate(list(sampler)).query.items == sampler.batch(0, 3).query.items


def test_tasks_of_different_sizes_cannot_be_collated():
    with pytest.raises(InputError, match="same ways, shots and queries"):
        Episode.collate([episode(), episode(shots=2)])


def test_printing_shows_shapes():
    assert repr(episode()) == "Episode(tasks=4, ways=2, support=[4, 2, 1] uint8, query=[4, 4, 1] uint8)"
    assert repr(episode().support) == "Examples(items=[4, 2, 1] uint8, labels=[4, 2, 2] float32)"
    assert repr(examples([["a", "b"]])) == "Examples(items=[1, 2] strings, labels=[1, 2, 2] float32)"


def labeled(labels: torch.Tensor) -> Episode:
    tasks, n, ways = labels.shape
    class_mask = torch.ones(tasks, ways, dtype=torch.bool)
    side = Examples(torch.rand(tasks, n, 4), labels, torch.ones(tasks, n), class_mask)
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
def test_class_probabilities_are_distinguished_from_targets(labels, classes):
    assert labeled(labels).has_classes == classes


def test_labels_of_padding_are_ignored():
    task = labeled(torch.eye(3)[None].clone())
    task.support.labels[0, 2] = 0
    assert not task.has_classes
    weight = torch.tensor([[1.0, 1.0, 0.0]])
    assert replace(task, support=replace(task.support, weight=weight)).has_classes


def test_waves_have_no_classes():
    assert not Sinusoids().batch(0, 2).has_classes


@pytest.mark.parametrize("class_ids", [torch.tensor([0, 2, 2]), torch.tensor([[0, 2, 2], [1, 0, 3]])])
def test_examples_of_class_ids_are_one_hot_real_and_complete(class_ids):
    items = torch.zeros(2, 3, 4, dtype=torch.float64)
    made = Examples.of(items, class_ids, ways=4)
    assert made.class_ids.equal(class_ids.expand(2, 3))
    assert made.labels.sum(-1).equal(torch.ones(2, 3, dtype=torch.float64))
    assert made.weight.equal(torch.ones(2, 3, dtype=torch.float64))
    assert made.class_mask.tolist() == [[True] * 4] * 2
    assert made.origin is None


def test_examples_of_texts_have_as_many_ways_as_classes_occur():
    made = Examples.of([["a", "b"], ["c", "d"]], torch.tensor([1, 0]))
    assert made.labels.tolist() == [[[0, 1], [1, 0]]] * 2
    assert made.labels.dtype == torch.float32
