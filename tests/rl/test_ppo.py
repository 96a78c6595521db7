"""PPO's loss, distributions and DrAC beside float64 oracles."""

import math

import pytest
import torch
from torch import nn

from manyshot.base import InputError, TrainingDiverged
from manyshot.learners.functional import call_with
from manyshot.rl.distributions import Categorical, Gaussian
from manyshot.rl.drac import DrAC
from manyshot.rl.policy import ActorCritic
from manyshot.rl.ppo import PPO, step
from manyshot.rl.rollout import Batch
from manyshot.rl.worlds.world import Box, Discrete

DRAWS = torch.Generator().manual_seed(0)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Categorical, lambda x, y: torch.distributions.Categorical(logits=x)),
        (Gaussian, lambda x, y: torch.distributions.Independent(torch.distributions.Normal(x, y.exp()), 1)),
    ],
)
def test_distributions_agree_with_those_of_torch(ours, theirs):
    x, y, u, v = torch.randn(4, 5, 3, generator=DRAWS, dtype=torch.float64)
    one, other = (ours(a) if ours is Categorical else ours(a, b) for a, b in ((x, y), (u, v)))
    peer, peer_other = theirs(x, y), theirs(u, v)
    actions = one.sample(DRAWS)
    assert torch.allclose(one.log_prob(actions), peer.log_prob(actions))
    assert torch.allclose(one.entropy(), peer.entropy())
    assert torch.allclose(one.kl(other), torch.distributions.kl_divergence(peer, peer_other))


def test_draws_have_the_probabilities_of_the_distribution():
    probabilities = torch.tensor([0.2, 0.5, 0.3])
    drawn = Categorical(probabilities.log().expand(20_000, 3)).sample(torch.Generator().manual_seed(0))
    assert torch.allclose(drawn.bincount() / 20_000, probabilities, atol=0.015)


def batch_of(policy, n=12, t=1, seed=0):
    draws = torch.Generator().manual_seed(seed)
    observations = torch.rand(t * n, 3, generator=draws).to(next(policy.parameters()))
    inputs = policy.inputs(observations)
    with torch.no_grad():
        output = policy(inputs)
        actions = output.policy.sample(draws)
        log_probs = output.policy.log_prob(actions)
    spread = 0.3 * torch.randn(t, n, generator=draws).to(log_probs)
    advantages, targets = torch.randn(2, 1, n, generator=draws).to(log_probs)
    return Batch(inputs, actions, log_probs + spread, advantages, targets)


@torch.no_grad()
@pytest.mark.parametrize("actions", [Discrete(3), Box(-1, 1, (2,))])
def test_the_loss_is_that_of_a_plain_loop(actions):
    policy = ActorCritic((3,), actions, width=8).double()
    batch, ppo = batch_of(policy), PPO(clip=0.15, value_weight=0.7, entropy_weight=0.03)
    output = policy(batch.inputs)
    log_probs, entropy = output.policy.log_prob(batch.actions)[0], output.policy.entropy()[0]
    gaps = batch.advantages[0]
    mean, deviation = gaps.mean(), gaps.std()
    total = 0.0
    for index in range(12):
        gain = (gaps[index] - mean) / (deviation + 1e-8)
        ratio = math.exp(log_probs[index] - batch.log_probs[0, index])
        total -= min(ratio * gain, min(max(ratio, 0.85), 1.15) * gain)
        total += 0.7 * (output.value[0, index] - batch.targets[0, index]) ** 2 - 0.03 * entropy[index]
    assert torch.allclose(ppo.loss(output, batch).total, total / 12)


def test_the_loss_is_a_pure_function_of_the_weights():
    policy = ActorCritic((3,), Discrete(3), width=8).double()
    batch = batch_of(policy)
    weights = {name: weight + 0.1 for name, weight in policy.named_parameters()}
    loss = PPO().loss(call_with(policy, weights, (batch.inputs,)), batch).total
    with torch.no_grad():
        for weight in policy.parameters():
            weight += 0.1
    assert torch.allclose(loss, PPO().loss(policy(batch.inputs), batch).total)


def test_updates_make_good_actions_likelier():
    torch.manual_seed(0)
    policy = ActorCritic((3,), Discrete(2), width=16)
    batch = batch_of(policy, n=64)
    good = batch.actions == 1
    batch = Batch(batch.inputs, batch.actions, batch.log_probs, good.float(), batch.targets)
    before = policy(batch.inputs).policy.log_probs()[..., 1].mean()
    optimizer = torch.optim.Adam(policy.parameters(), lr=1e-2)
    PPO(epochs=4, minibatches=2).update(policy, optimizer, batch, torch.Generator().manual_seed(0))
    assert policy(batch.inputs).policy.log_probs()[..., 1].mean() > before + 0.1


def test_a_loss_that_is_no_number_stops_the_training():
    layer = nn.Linear(1, 1)
    with pytest.raises(TrainingDiverged, match="lower --learning-rate"):
        step(layer, torch.optim.Adam(layer.parameters()), layer(torch.tensor([torch.nan])).sum(), 1.0)


def test_views_are_compared_with_the_policy_as_it_is_which_gets_no_gradient():
    policy = ActorCritic((3,), Discrete(3), width=8).double()
    batch = batch_of(policy)
    plain = policy(batch.inputs)
    changed = policy(batch.inputs.map(lambda items: items.flip(1)))
    loss, parts = DrAC(weight=0.5)(policy, batch.inputs, plain, lambda items: items.flip(1))
    p, q = (one.policy.logits.detach().softmax(-1)[0] for one in (plain, changed))
    kl = sum(float(p[i, k] * (p[i, k] / q[i, k]).log()) for i in range(12) for k in range(3)) / 12
    gap = (plain.value - changed.value).square().mean().item() / 2
    assert loss.item() == pytest.approx(0.5 * (kl + gap))
    assert parts["view_kl"].item() == pytest.approx(kl)
    (gradient,) = torch.autograd.grad(loss, plain.value, allow_unused=True)
    assert gradient is None


def test_values_are_left_alone_where_only_the_policy_is_regularized():
    policy = ActorCritic((3,), Discrete(3), width=8)
    batch = batch_of(policy)
    loss, parts = DrAC(value=False)(policy, batch.inputs, policy(batch.inputs), lambda items: items.flip(1))
    assert parts["view_value"] == 0
    assert loss > 0


@pytest.mark.parametrize("wrong", [{"clip": -0.1}, {"epochs": 0}, {"minibatches": 0}, {"value_weight": -1}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        PPO(**wrong)
