from dataclasses import replace

import pytest
import torch
from torch.func import functional_call
from torch.nn import functional as F

from manyshot.base import InputError
from manyshot.objectives import MLTI
from manyshot.tasks import Episode


def params_of(make, episode, layer=0, seed=0, **options):
    return MLTI(**options).sample(episode, 2, make.draws(seed)) | {"layer": layer}


def test_both_sides_of_a_pair_of_tasks_are_mixed_with_the_same_lambda_and_the_same_classes(make):
    episode = make.episode_of(tasks=5)
    params = params_of(make, episode)
    between = MLTI().interpolated(episode, params)
    for side, mixed in ((episode.support, between.support), (episode.query, between.query)):
        for t in range(5):
            j, share = int(params["partner"][t]), params["lam"][t].double()
            for i, way in enumerate(side.class_ids[t].tolist()):
                number = int((side.class_ids[t][:i] == way).sum())
                other = (side.class_ids[j] == params["classes"][t, way]).nonzero()[number, 0]
                expected = share * side.items[t, i] + (1 - share) * side.items[j, other]
                assert torch.allclose(mixed.items[t, i], expected)
        assert torch.equal(mixed.labels, side.labels)


def test_each_class_of_a_task_is_paired_with_another_class(make):
    params = params_of(make, make.episode_of(tasks=30))
    assert all(sorted(row) == [0, 1, 2] for row in params["classes"].tolist())
    assert len({tuple(row) for row in params["classes"].tolist()}) == 6
    assert len(params["partner"].unique()) > 10
    assert len(params["lam"].unique()) == 30


def test_a_class_is_never_paired_with_one_that_the_partner_lacks(make):
    episode = make.episode_of(tasks=6, padded=True)
    for seed in range(10):
        params = params_of(make, episode, seed=seed)
        there = episode.support.class_mask[params["partner"]].gather(1, params["classes"])
        assert there.all()
        between = MLTI().interpolated(episode, params)
        real = between.support.items[between.support.weight > 0]
        assert real.max() <= 1  # padding holds 1000


def test_classes_between_classes_have_no_number(make):
    episode = make.episode_of(tasks=8)
    params = params_of(make, episode)
    own = params["partner"] == torch.arange(8)
    between = MLTI().interpolated(episode, params)
    assert (between.classes[~own] == -1).all()
    assert torch.equal(between.classes[own], episode.classes[own])


def test_shared_labels_are_mixed_with_the_lambda_of_the_items(make):
    episode = make.episode_of(tasks=5)
    params = params_of(make, episode, labels="shared")
    between = MLTI(labels="shared").interpolated(episode, params)
    for side, mixed in ((episode.support, between.support), (episode.query, between.query)):
        share, j = params["lam"].double()[:, None, None], params["partner"]
        assert torch.allclose(mixed.labels, share * side.labels + (1 - share) * side.labels[j])
        wide = share[..., None, None]
        assert torch.allclose(mixed.items, wide * side.items + (1 - wide) * side.items[j])


def test_cutmix_shows_the_partner_in_one_rectangle_for_both_sides(make):
    episode = make.episode_of(tasks=6)
    params = params_of(make, episode, mix="cutmix")
    objective = MLTI(mix="cutmix")
    mask = ~objective._outside(episode.support.items, params)
    assert mask.any()
    assert not mask.all()
    between = objective.interpolated(episode, params)
    for side, mixed in ((episode.support, between.support), (episode.query, between.query)):
        kept = objective._outside(side.items, params).expand_as(side.items)
        assert torch.equal(mixed.items[kept], side.items[kept])
        changed = (mixed.items != side.items).any(1)[:, 0]
        inside = ~kept[:, 0, 0]
        moved = params["partner"] != torch.arange(6)
        assert torch.equal(changed[moved], inside[moved])


def test_cutmix_mixes_shared_labels_by_area(make):
    episode = make.episode_of(tasks=6)
    params = params_of(make, episode, mix="cutmix", labels="shared")
    objective = MLTI(mix="cutmix", labels="shared")
    area = objective._outside(episode.support.items, params).double().mean((1, 2, 3, 4))[:, None, None]
    mixed = objective.interpolated(episode, params).support.labels
    labels = episode.support.labels
    assert torch.allclose(mixed, area * labels + (1 - area) * labels[params["partner"]])


def test_feature_vectors_have_nothing_to_cut(make):
    episode = make.episode_of()
    flat = replace(
        episode,
        support=replace(episode.support, items=episode.support.items.flatten(2)),
        query=replace(episode.query, items=episode.query.items.flatten(2)),
    )
    with pytest.raises(InputError, match="mix=mixup"):
        MLTI(mix="cutmix").interpolated(flat, params_of(make, flat))


@pytest.mark.parametrize("numbers", [1, 3])
def test_tasks_without_classes_need_shared_labels(make, numbers):
    episode = make.episode_of(ways=3)
    targets = replace(
        episode,
        support=replace(
            episode.support, labels=torch.rand(3, 6, numbers).double(), class_mask=torch.ones(3, numbers) > 0
        ),
        query=replace(episode.query, labels=torch.rand(3, 6, numbers).double(), class_mask=torch.ones(3, numbers) > 0),
    )
    with pytest.raises(InputError, match=r"labels=shared"):
        make.loss_of(MLTI(), make.prototypes(), targets, plan="none")


@pytest.mark.parametrize("layer", [0, 1])
def test_prototypes_of_hidden_layers_mixed_by_hand(make, layer):
    learner, episode = make.prototypes(), make.episode_of()
    encoder, draws = learner.encoder, make.draws(9)
    params = MLTI().sample(episode, 2, draws)
    if params["layer"] != layer:  # another seed draws the other layer
        seed = next(s for s in range(50) if MLTI().sample(episode, 2, make.draws(s))["layer"] == layer)
    else:
        seed = 9
    params = MLTI().sample(episode, 2, make.draws(seed))
    hidden = [[encoder.run(side.items[t], 0, layer) for t in range(3)] for side in (episode.support, episode.query)]
    losses = []
    for t in range(3):
        j, share = int(params["partner"][t]), params["lam"][t].double()
        mixed = []
        for side, rows in zip((episode.support, episode.query), hidden, strict=True):
            places = [
                int(
                    (side.class_ids[j] == params["classes"][t, way]).nonzero()[
                        int((side.class_ids[t][:i] == way).sum()), 0
                    ]
                )
                for i, way in enumerate(side.class_ids[t].tolist())
            ]
            mixed.append(encoder.run(share * rows[t] + (1 - share) * rows[j][places], layer, 2))
        centers = torch.stack([mixed[0][episode.support.class_ids[t] == k].mean(0) for k in range(3)])
        losses.append(F.cross_entropy(-torch.cdist(mixed[1], centers).square(), episode.query.labels[t]))
    result = MLTI().loss(learner, make.tasks_of(episode), make.draws(seed))
    assert torch.allclose(result, torch.stack(losses).mean(), atol=1e-10)


def test_maml_adapts_the_layers_above_alone(make):
    """By a plain loop over tasks: the hidden layer is that of the weights before adaptation."""
    learner, episode = make.maml(), make.episode_of()
    seed = next(s for s in range(50) if MLTI().sample(episode, 2, make.draws(s))["layer"] == 1)
    params = MLTI().sample(episode, 2, make.draws(seed))
    body, losses = learner.model[0], []
    sides = []
    for side in (episode.support, episode.query):
        hidden = torch.stack([body.run(side.items[t], 0, 1) for t in range(3)])
        sides.append(replace(side, items=hidden))
    between = MLTI().interpolated(Episode(*sides, episode.classes), params)
    upper = torch.nn.Sequential(body.with_forward(lambda whole, x: whole.run(x, 1, 2)), learner.model[1])
    for t in range(3):
        weights = dict(upper.named_parameters())
        above = {n: w for n, w in weights.items() if not n.endswith("convolutions.0.weight") and "norms.0" not in n}
        loss = F.cross_entropy(functional_call(upper, weights, (between.support.items[t],)), episode.support.labels[t])
        steps = torch.autograd.grad(loss, list(above.values()), create_graph=True)
        adapted = weights | {n: w - 0.4 * g for (n, w), g in zip(above.items(), steps, strict=True)}
        logits = functional_call(upper, adapted, (between.query.items[t],))
        losses.append(F.cross_entropy(logits, episode.query.labels[t]))
    expected = torch.stack(losses).mean()
    result = MLTI().loss(learner, make.tasks_of(episode), make.draws(seed))
    assert torch.allclose(result, expected, atol=1e-10)
    # The layers below learn too, by way of the hidden layer.
    grads = [torch.autograd.grad(loss, list(learner.model.parameters())) for loss in (result, expected)]
    assert grads[0][0].abs().max() > 0
    assert all(torch.allclose(a, b, atol=1e-9) for a, b in zip(*grads, strict=True))
