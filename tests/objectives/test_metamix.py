import pytest
import torch
from torch.func import functional_call
from torch.nn import functional as F

from manyshot.learners import Prototypes
from manyshot.objectives import MetaMix
from manyshot.objectives.metamix import mixed_labels


def params_of(make, episode, layer, seed=0):
    return MetaMix().sample(episode, 2, make.draws(seed)) | {"layer": layer}


class Fixed(MetaMix):
    """MetaMix with given draws."""

    def sample(self, episode, layers, generator):
        return self.drawn


def with_draws(params, **options):
    objective = Fixed(**options)
    object.__setattr__(objective, "drawn", params)
    return objective


def test_lambda_is_one_draw_a_task_and_partners_are_real_support_items(make):
    episode = make.episode_of(tasks=20, padded=True)
    params = MetaMix().sample(episode, 4, make.draws())
    assert params["lam"].shape == (20,)
    assert len(params["lam"].unique()) == 20
    weight = episode.support.weight.gather(1, params["partner"])
    assert (weight > 0).all()
    assert len(params["partner"][0].unique()) > 1


def test_every_layer_is_drawn(make):
    episode = make.episode_of()
    assert {MetaMix().sample(episode, 3, make.draws(seed))["layer"] for seed in range(30)} == {0, 1, 2}


def test_labels_are_mixed_by_lambda(make):
    episode = make.episode_of()
    params = params_of(make, episode, 0)
    mixed = mixed_labels(episode, params).query.labels
    for t in range(len(episode)):
        for i in range(mixed.shape[1]):
            share = params["lam"][t].double()
            expected = share * episode.query.labels[t, i]
            expected = expected + (1 - share) * episode.support.labels[t, params["partner"][t, i]]
            assert torch.allclose(mixed[t, i], expected)
    assert (mixed.amax(-1) < 0.999).any()


@pytest.mark.parametrize("layer", [0, 1])
def test_prototypes_are_evaluated_on_hidden_layers_mixed_by_hand(make, layer):
    learner, episode = make.prototypes(), make.episode_of()
    params, encoder = params_of(make, episode, layer), learner.encoder
    losses = []
    for t in range(len(episode)):
        share = params["lam"][t].double()
        support, query = episode.support.items[t], episode.query.items[t]
        features = encoder(support)
        centers = torch.stack([features[episode.support.class_ids[t] == k].mean(0) for k in range(3)])
        hidden = (
            share * encoder.run(query, 0, layer) + (1 - share) * encoder.run(support, 0, layer)[params["partner"][t]]
        )
        logits = -torch.cdist(encoder.run(hidden, layer, 2), centers).square()
        losses.append(F.cross_entropy(logits, mixed_labels(episode, params).query.labels[t]))
    result = with_draws(params).loss(learner, make.tasks_of(episode), make.draws())
    assert torch.allclose(result, torch.stack(losses).mean(), atol=1e-10)


@pytest.mark.parametrize("layer", [0, 1])
def test_maml_is_evaluated_in_the_adapted_network(make, layer):
    """By a plain loop: adapt all layers to the support as it is, then mix in the adapted network."""
    learner, episode = make.maml(steps=2), make.episode_of()
    params = params_of(make, episode, layer)
    labels = mixed_labels(episode, params).query.labels
    model, losses = learner.model, []
    for t in range(len(episode)):
        weights = dict(model.named_parameters())
        for _ in range(2):
            loss = F.cross_entropy(
                functional_call(model, weights, (episode.support.items[t],)), episode.support.labels[t]
            )
            steps = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
            weights = {n: w - 0.4 * g for (n, w), g in zip(weights.items(), steps, strict=True)}
        body = {n.removeprefix("0."): w for n, w in weights.items() if n.startswith("0.")}

        def part(x, first, last, body=body):
            route = model[0].with_forward(lambda whole, items: whole.run(items, first, last))
            return functional_call(route, body, (x,))

        share = params["lam"][t].double()
        own, other = (part(side.items[t], 0, layer) for side in (episode.query, episode.support))
        features = part(share * own + (1 - share) * other[params["partner"][t]], layer, 2)
        logits = F.linear(features, weights["1.weight"], weights["1.bias"])
        losses.append(F.cross_entropy(logits, labels[t]))
    expected = torch.stack(losses).mean()
    result = with_draws(params).loss(learner, make.tasks_of(episode), make.draws())
    assert torch.allclose(result, expected, atol=1e-10)
    gradients = [torch.autograd.grad(loss, list(model.parameters())) for loss in (result, expected)]
    assert all(torch.allclose(a, b, atol=1e-9) for a, b in zip(*gradients, strict=True))


def test_without_hidden_layers_the_items_are_mixed_for_any_encoder(make):
    learner, episode = Prototypes(torch.nn.Flatten()), make.episode_of()
    params = params_of(make, episode, 0)
    result = with_draws(params, hidden=False).loss(learner, make.tasks_of(episode), make.draws())
    staged = make.prototypes()
    by_layer = [
        with_draws(params, hidden=h).loss(staged, make.tasks_of(episode), make.draws()).detach() for h in (False, True)
    ]
    assert torch.isfinite(result)
    assert torch.allclose(*by_layer, atol=1e-12)
