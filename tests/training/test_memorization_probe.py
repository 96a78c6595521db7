from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from manyshot.base import InputError
from manyshot.learners import Learner, Prototypes
from manyshot.tasks import Episode, EpisodeSampler, Examples, Sinusoids, Source
from manyshot.training.memorization_probe import probe, shuffled_support


def sampler(ways=(3, 5), shots=(1, 3), queries: int = 4) -> EpisodeSampler:
    pixels = torch.Generator().manual_seed(0)
    base = torch.rand(8, 1, 6, 6, generator=pixels).repeat_interleave(12, 0)
    items = (220 * base + 30 * torch.rand(96, 1, 6, 6, generator=pixels)).to(torch.uint8)
    return EpisodeSampler(Source.of(items, [f"{i // 12}" for i in range(96)]), ways, shots, queries)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_labels_are_dealt_out_anew_among_the_real_items_of_each_task():
    episode = sampler().batch(0, 20)
    shuffled = shuffled_support(episode, generator())
    moved = 0
    for t in range(20):
        there = episode.support.weight[t] > 0
        before, after = episode.support.labels[t][there], shuffled.support.labels[t][there]
        assert sorted(before.argmax(-1).tolist()) == sorted(after.argmax(-1).tolist())
        assert (shuffled.support.labels[t][~there] == 0).all()
        moved += int((before != after).any())
    assert moved > 15
    assert torch.equal(shuffled.query.labels, episode.query.labels)
    assert torch.equal(shuffled.support.items, episode.support.items)


def test_targets_are_dealt_out_among_all_tasks():
    episode = Sinusoids(shots=5, tasks=4, disjoint=True).batch(0, 4)
    before, after = episode.support.labels, shuffled_support(episode, generator()).support.labels
    assert torch.equal(before.flatten().sort()[0], after.flatten().sort()[0])
    own = [set(before[t].flatten().tolist()) for t in range(4)]
    strangers = sum(value not in own[t] for t in range(4) for value in after[t].flatten().tolist())
    assert strangers > 8


def test_every_deal_is_as_likely():
    episode = sampler(ways=3, shots=1).batch(0, 900)
    rows = shuffled_support(episode, generator()).support.class_ids.tolist()
    counts = np.unique(np.array(rows), axis=0, return_counts=True)[1]
    assert len(counts) == 6
    assert counts.min() > 100


def test_a_learner_that_uses_its_support_falls_to_chance_when_it_is_shuffled():
    result = probe(Prototypes(nn.Flatten()), sampler(ways=4, shots=1).batches(200))
    assert result.measure == "accuracy"
    assert result.true.mean() > 0.95
    assert 0.18 < result.shuffled.mean() < 0.32
    assert result.interval[0] < result.gap < result.interval[1]
    assert result.as_dict()["gap"] == pytest.approx(result.true.mean() - result.shuffled.mean())


class ByHeart(Learner):
    """Predictions from the item alone, whatever the support says."""

    def adapt(self, support: Examples):
        def classify(queries, weight=None):
            return queries.flatten(2)[..., : support.labels.shape[-1]]

        return classify

    def query_losses(self, episode):
        return (episode.query.items[..., 0] - episode.query.labels[..., 0]).square()


def test_a_learner_that_does_without_its_support_has_no_gap():
    result = probe(ByHeart(), sampler(ways=4, shots=1).batches(30))
    assert np.array_equal(result.true, result.shuffled)
    assert result.gap == 0


def test_targets_are_evaluated_by_squared_error():
    result = probe(ByHeart(), Sinusoids().batches(10))
    assert result.measure == "squared error"
    assert result.gap == 0
    episode = Sinusoids().batch(0, 10)
    by_hand = (episode.query.items - episode.query.labels).square().mean((1, 2))
    assert np.allclose(result.true, by_hand)


def test_targets_of_two_numbers_are_no_classes():
    episode = Sinusoids().batch(0, 10)
    support, query = (
        replace(side, labels=torch.cat([side.labels, side.items], -1), class_mask=side.class_mask.expand(-1, 2))
        for side in (episode.support, episode.query)
    )
    result = probe(ByHeart(), [Episode(support, query, episode.classes.expand(-1, 2))])
    assert result.measure == "squared error"
    assert np.array_equal(result.true, probe(ByHeart(), [episode]).true)


def test_the_same_seed_shuffles_alike():
    learner = Prototypes(nn.Flatten())
    one, again, other = (probe(learner, sampler().batches(30), seed).shuffled for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_no_tasks_are_reported():
    with pytest.raises(InputError, match="at least 1"):
        probe(ByHeart(), [])
