import pytest
import torch
from torch.nn import functional as F

from manyshot.objectives import ChannelShuffle, MetaMix
from manyshot.objectives.channel_shuffle import borrowed
from manyshot.objectives.metamix import mixed_labels


def test_support_and_query_borrow_the_same_channels_from_the_same_class(make):
    episode = make.episode_of(tasks=4)
    params = ChannelShuffle().sample(episode, 1, 6, make.draws())
    for side in (episode.support, episode.query):
        items, shares = borrowed(side, params)
        for t in range(4):
            for i, way in enumerate(side.class_ids[t].tolist()):
                assert torch.equal(shares[t, i, 0] > 0, params["kept"][t, way])
                assert torch.equal(shares[t, i].sum(0), torch.ones(6, dtype=torch.float64))
                assert torch.equal(items[t, i, :1], side.items[t, i])
                of_other = side.items[t][side.class_ids[t] == params["other"][t, way]]
                assert any(torch.equal(items[t, i, 1:], other) for other in of_other)


def test_every_class_borrows_from_another_and_lends_to_one(make):
    params = ChannelShuffle().sample(make.episode_of(tasks=30, padded=True), 1, 6, make.draws())
    for t, other in enumerate(params["other"].tolist()):
        assert sorted(other) == [0, 1, 2]
        there = 2 if t == 1 else 3
        assert all(other[k] != k for k in range(there))
        assert all(other[k] == k for k in range(there, 3))
    assert len({tuple(row) for row in params["other"].tolist()}) > 2


def test_classes_keep_different_channels(make):
    kept = ChannelShuffle().sample(make.episode_of(tasks=8), 1, 32, make.draws())["kept"]
    assert len({tuple(row) for row in kept.flatten(0, 1).tolist()}) == 24
    assert 0.2 < kept.double().mean() < 0.8


@pytest.mark.parametrize("mix", [False, True])
def test_equals_hidden_layers_put_together_by_hand(make, mix):
    learner, episode = make.prototypes(), make.episode_of()
    encoder, objective = learner.encoder, ChannelShuffle(mix=mix)
    draws = make.draws(3)
    assert int(torch.randint(1, encoder.depth, (), generator=draws)) == 1
    params = objective.sample(episode, 1, encoder.widths[1], draws)
    blend = MetaMix().sample(episode, 1, draws) if mix else None
    labels = mixed_labels(episode, blend).query.labels if blend else episode.query.labels

    def changed(side, t):
        hidden, rows = encoder.run(side.items[t], 0, 1), []
        for i, way in enumerate(side.class_ids[t].tolist()):
            number = int((side.class_ids[t][:i] == way).sum())
            other = (side.class_ids[t] == params["other"][t, way]).nonzero()[number, 0]
            kept = params["kept"][t, way][:, None, None]
            rows.append(torch.where(kept, hidden[i], hidden[other]))
        return torch.stack(rows)

    losses = []
    for t in range(len(episode)):
        support, query = changed(episode.support, t), changed(episode.query, t)
        features = encoder.run(support, 1, 2)
        centers = torch.stack([features[episode.support.class_ids[t] == k].mean(0) for k in range(3)])
        if blend:
            share = blend["lam"][t].double()
            query = share * query + (1 - share) * support[blend["partner"][t]]
        losses.append(F.cross_entropy(-torch.cdist(encoder.run(query, 1, 2), centers).square(), labels[t]))
    result = objective.loss(learner, make.tasks_of(episode), make.draws(3))
    assert torch.allclose(result, torch.stack(losses).mean(), atol=1e-10)


def test_maml_adapts_to_the_new_classes_in_all_its_layers(make):
    """Its first layer moves too, which it could not if the hidden layers were mixed before adaptation."""
    learner, episode = make.maml(), make.episode_of()
    first = learner.model[0].convolutions[0].weight
    loss = ChannelShuffle(mix=False).loss(learner, make.tasks_of(episode), make.draws())
    frozen = make.maml(step_size=1e-12)
    still = ChannelShuffle(mix=False).loss(frozen, make.tasks_of(episode), make.draws())
    assert not torch.allclose(loss, still, atol=1e-6)
    assert torch.autograd.grad(loss, first)[0].abs().max() > 0
