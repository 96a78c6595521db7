"""Gradients through one update, beside finite differences in float64."""

import torch
from torch import nn

from manyshot.learners.functional import call_with
from manyshot.rl.adapt.inner_step import inner_step, step_surrogate, trajectory_surrogate
from manyshot.rl.adapt.maml_rl import MAML, Task
from manyshot.rl.distributions import Categorical
from manyshot.rl.drac import DrAC
from manyshot.rl.learned_drac import LEAST, LearnedViews, held_out_loss, held_step, weighted_drac
from manyshot.rl.policy import ActorCritic, Inputs, Output
from manyshot.rl.ppo import PPO
from manyshot.rl.rl_plan import RLPlan
from manyshot.rl.rollout import Batch
from manyshot.rl.worlds.leap import Leap
from manyshot.rl.worlds.world import Discrete

REWARD = torch.tensor([[0.3, -0.5], [1.0, 0.2]], dtype=torch.float64)
"""Of state and action; action a leads to state a, and games of two steps begin in state 0."""
RATE = 0.7


class Table(nn.Module):
    """A policy of two states: the logits are the weights."""

    def __init__(self):
        super().__init__()
        logits = torch.tensor([[0.2, -0.4], [0.5, 0.1]], dtype=torch.float64)
        self.logits = nn.Parameter(logits)

    def forward(self, inputs):
        states = inputs.observations[..., 0].long()
        return Output(Categorical(self.logits[states]), torch.zeros_like(inputs.observations[..., 0]), inputs.memory)


def expected_return(logits):
    p = logits.softmax(-1)
    later = (p * REWARD).sum(-1)
    return (p[0] * (REWARD[0] + later)).sum()


def enumerated(logits):
    """All four trajectories of a policy, each as often as likely: exact advantages, weighted by probability."""
    p = logits.detach().softmax(-1)
    value = [(p[0] * (REWARD[0] + (p * REWARD).sum(-1))).sum(), *(p * REWARD).sum(-1)]
    games = [(a, b) for a in (0, 1) for b in (0, 1)]
    states = torch.tensor([[0, 0, 0, 0], [a for a, _ in games]])
    actions = torch.tensor([[a for a, _ in games], [b for _, b in games]])
    gain = [[REWARD[0, a] + value[1 + a] - value[0] for a, _ in games], [REWARD[a, b] - value[1 + a] for a, b in games]]
    chance = torch.stack([p[0, a] * p[a, b] for a, b in games])
    first = torch.tensor([[True] * 4, [False] * 4])
    log_probs = p[states].log().gather(-1, actions[..., None])[..., 0]
    inputs = Inputs(states[..., None].double(), torch.zeros(2, 4, 0), first, torch.zeros(4, 0))
    # Means over games and steps become expectations of sums over a trajectory.
    advantages = torch.tensor(gain, dtype=torch.float64) * chance * 4 * 2
    return Batch(inputs, actions, log_probs, advantages, torch.zeros(2, 4, dtype=torch.float64))


def adapted_return(logits, surrogate=trajectory_surrogate):
    policy = Table()
    own = {"logits": logits}
    return expected_return(inner_step(policy, own, enumerated(logits), RATE, surrogate)["logits"])


def differences(function, at, width=1e-6):
    gradient = torch.zeros_like(at)
    for index in range(at.numel()):
        ends = []
        for sign in (1, -1):
            moved = at.detach().clone()
            moved.view(-1)[index] += sign * width
            ends.append(function(moved.requires_grad_()).item())
        gradient.view(-1)[index] = (ends[0] - ends[1]) / (2 * width)
    return gradient


def test_the_surrogate_is_the_policy_gradient_of_the_chain():
    logits = Table().logits
    (ours,) = torch.autograd.grad(_surrogate(logits, trajectory_surrogate), [logits])
    (exact,) = torch.autograd.grad(expected_return(logits), [logits])
    assert torch.allclose(ours, exact)


def _surrogate(logits, surrogate):
    batch = enumerated(logits)
    return surrogate(call_with(Table(), {"logits": logits}, (batch.inputs,)), batch)


def test_the_gradient_through_one_step_is_exact_on_an_enumerated_chain():
    logits = Table().logits.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(adapted_return(logits), [logits])
    assert torch.allclose(gradient, differences(adapted_return, logits), atol=1e-8)


def test_the_surrogate_by_step_leaves_terms_between_steps_out():
    logits = Table().logits.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(adapted_return(logits, step_surrogate), [logits])
    exact = differences(adapted_return, logits)
    assert not torch.allclose(gradient, exact, atol=1e-3)
    assert torch.nn.functional.cosine_similarity(gradient.flatten(), exact.flatten(), 0) > 0.8


def test_without_an_exact_step_the_result_is_a_constant():
    logits = Table().logits.detach().requires_grad_()
    moved = inner_step(Table(), {"logits": logits}, enumerated(logits), RATE, trajectory_surrogate, exact=False)
    first = torch.autograd.grad(moved["logits"].sum(), [logits])[0]
    assert torch.allclose(first, torch.ones_like(first))


def batch_of(policy, seed, n=10):
    draws = torch.Generator().manual_seed(seed)
    inputs = policy.inputs(torch.rand(n, 3, generator=draws, dtype=torch.float64))
    with torch.no_grad():
        output = policy(inputs)
        actions = output.policy.sample(draws)
        log_probs = output.policy.log_prob(actions)
    advantages, targets = torch.randn(2, 1, n, generator=draws, dtype=torch.float64)
    return Batch(inputs, actions, log_probs, advantages, targets)


def test_mamls_outer_gradient_is_that_of_finite_differences():
    torch.manual_seed(0)
    policy = ActorCritic((3,), Discrete(2), width=4).double()
    learner, ppo = MAML(rate=0.5), PPO(clip=1.0)
    tasks = [Task(batch_of(policy, 2 * index), batch_of(policy, 2 * index + 1)) for index in range(2)]
    weights = {name: weight.detach().clone().requires_grad_() for name, weight in policy.named_parameters()}
    loss = learner.outer_loss(policy, weights, tasks, ppo)
    (gradient,) = torch.autograd.grad(loss, [weights["act.weight"]])

    def at(moved):
        return learner.outer_loss(policy, {**weights, "act.weight": moved}, tasks, ppo)

    assert torch.allclose(gradient, differences(at, weights["act.weight"]), atol=1e-6)


def learned_setting(weight=0.5):
    torch.manual_seed(0)
    policy = ActorCritic((3,), Discrete(3), width=4).double()
    optimizer = torch.optim.Adam(policy.parameters(), lr=0.05)
    part, judged = batch_of(policy, 0, 12), batch_of(policy, 1, 12)
    PPO().loss(policy(part.inputs), part).total.backward()
    optimizer.step()
    which = torch.arange(12) % 2
    seen = part.inputs.observations
    bent = torch.where((which == 0)[None, :, None], seen.flip(2), 3 * seen**2)
    changed = Batch(
        Inputs(bent, part.inputs.extras, part.inputs.first, part.inputs.memory),
        part.actions, part.log_probs, part.advantages, part.targets,
    )  # fmt: skip
    step = held_step(optimizer, dict(policy.named_parameters()))

    def loss(shares):
        return held_out_loss(policy, shares, part, changed, which, judged, PPO(clip=1.0), DrAC(weight), step)

    return loss


def test_the_gradient_of_learned_views_is_that_of_finite_differences():
    loss = learned_setting()
    shares = torch.tensor([0.7, 0.3], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(loss(shares), [shares])
    assert gradient.abs().max() > 1e-5
    assert torch.allclose(gradient, differences(loss, shares), rtol=1e-4, atol=1e-9)


def test_learned_views_get_no_gradient_where_the_regularization_has_no_weight():
    shares = torch.full((2,), 0.5, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(learned_setting(weight=0.0)(shares), [shares])
    assert bool((gradient == 0).all())


def test_equal_shares_weigh_every_view_alike_and_a_share_of_one_is_that_view_alone():
    policy = ActorCritic((3,), Discrete(3), width=4).double()
    batch = batch_of(policy, 0)
    plain, changed = policy(batch.inputs), policy(batch.inputs.map(lambda items: items.flip(1)))
    which = torch.arange(10) % 2
    whole = sum(part.mean() for part in DrAC(1.0).terms(plain, changed))
    assert torch.allclose(weighted_drac(DrAC(1.0), torch.full((2,), 0.5).double(), which, plain, changed), whole)
    first = torch.tensor([1.0, 0.0], dtype=torch.float64)
    rows = which == 0
    own = sum(part[:, rows].mean() for part in DrAC(1.0).terms(plain, changed))
    assert torch.allclose(weighted_drac(DrAC(1.0), first, which, plain, changed), own)


def judged(gradients, plans=3):
    views = LearnedViews([RLPlan("none", Leap())] * plans)
    for gradient in gradients:
        views.judge(gradient)
    return views.kept.tolist()


def test_views_that_do_worse_in_every_judgment_are_dropped_when_there_are_enough_of_them():
    draws = torch.Generator().manual_seed(0)
    gradients = torch.tensor([0.5, -0.5, 0.6]) + 0.3 * torch.randn(LEAST, 3, generator=draws)
    assert judged(gradients[:-1]) == [True, True, True]
    assert judged(gradients) == [False, True, False]


def test_views_that_do_not_differ_are_kept():
    draws = torch.Generator().manual_seed(1)
    assert judged(torch.randn(40, 3, generator=draws)) == [True, True, True]


def test_a_view_that_was_dropped_counts_no_more():
    gradients = torch.tensor([[1.0, -0.5, -0.5]] * LEAST + [[-9.0, 0.5, -0.5]] * LEAST)
    assert judged(gradients) == [False, False, True]
