"""Advantages beside a plain loop, and rollouts step by step."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from manyshot.base import InputError
from manyshot.rl.advantages import generalized_advantages
from manyshot.rl.policy import ActorCritic
from manyshot.rl.reward_scale import RewardScale
from manyshot.rl.rl_config import RLConfig
from manyshot.rl.rl_plan import RLPlan
from manyshot.rl.rollout import Batch
from manyshot.rl.rollout_env import Games, collect_rollout, reset
from manyshot.rl.world_split import WorldSplit
from manyshot.rl.worlds.leap import Leap


def by_hand(rewards, values, following, terminated, ended, discount, trace):
    t, n = len(rewards), len(rewards[0])
    result = [[0.0] * n for _ in range(t)]
    for game in range(n):
        for start in range(t):
            total, factor = 0.0, 1.0
            for step in range(start, t):
                bootstrap = 0.0 if terminated[step][game] else discount * following[step][game]
                total += factor * (rewards[step][game] + bootstrap - values[step][game])
                if ended[step][game]:
                    break
                factor *= discount * trace
            result[start][game] = total
    return result


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.integers(1, 3), st.integers(0, 10**6), st.floats(0, 1), st.floats(0, 1))
def test_advantages_are_those_of_a_plain_loop(t, n, seed, discount, trace):
    draws = torch.Generator().manual_seed(seed)
    rewards, values, following = torch.randn(3, t, n, generator=draws, dtype=torch.float64)
    terminated = torch.rand(t, n, generator=draws) < 0.2
    ended = terminated | (torch.rand(t, n, generator=draws) < 0.2)
    found = generalized_advantages(rewards, values, following, terminated, ended, discount, trace)
    parts = (part.tolist() for part in (rewards, values, following, terminated, ended))
    assert torch.allclose(found, torch.tensor(by_hand(*parts, discount, trace), dtype=torch.float64))


def arena_of(world="leap", plan="none", resets_memory=False, **options):
    split = WorldSplit.of(RLConfig(world, worlds=4))
    return replace(split.env("training", RLPlan(plan, split.world), 0, **options), resets_memory=resets_memory)


def begun(env, policy, n=6):
    return reset(env, torch.arange(n) % 4, torch.arange(n), policy.memory, torch.Generator().manual_seed(0))


class Fixed:
    """Gives the same action always, and the step's time as its value."""

    def __init__(self, env, action):
        self.env, self.policy = (
            env,
            ActorCritic(env.world.observation, env.world.actions),
        )
        self.action = action

    def __call__(self, inputs):
        output = self.policy(inputs)
        logits = torch.full_like(output.policy.logits, -50.0)
        logits[..., self.action] = 50.0
        return output._replace(policy=replace(output.policy, logits=logits), value=torch.full_like(output.value, 7.0))


def test_a_game_whose_time_is_up_is_bootstrapped_from_its_last_observation_and_a_lost_one_is_not():
    env = arena_of("point", episodes=1)
    policy = ActorCritic(env.world.observation, env.world.actions)
    rollout, _ = collect_rollout(env, begun(env, policy), policy, 13, torch.Generator().manual_seed(0))
    up = rollout.ended & ~rollout.terminated
    assert up.any()
    assert bool((rollout.next_values[up] != 0).all())
    assert not bool((rollout.next_values[up][:, None] == rollout.values[1:, :].flatten()[None]).all())


def test_a_runner_that_never_jumps_is_out_at_the_obstacle_and_begins_anew():
    env = arena_of()
    games = begun(env, ActorCritic(env.world.observation, env.world.actions))
    rollout, after = collect_rollout(env, games, Fixed(env, 0), 40, torch.Generator().manual_seed(0))
    assert rollout.terminated.sum(0).min() >= 1
    assert not rollout.solved.any()
    assert bool((rollout.terminated == rollout.ended).all())
    assert bool((after.numbers >= 6).all())
    assert len(set(after.numbers.tolist())) == 6
    first = rollout.ended[:-1]
    assert bool((rollout.inputs.first[1:] == first).all())


def test_a_trial_of_two_episodes_keeps_memory_and_world_between_them():
    env = arena_of("point", episodes=2, feeds_back=True)
    policy = ActorCritic(env.world.observation, env.world.actions, memory=8, extras=env.extras)
    rollout, _ = collect_rollout(env, begun(env, policy), policy, 30, torch.Generator().manual_seed(0))
    between = rollout.episode_ended & ~rollout.ended
    assert between.any()
    step, game = (int(index) for index in between.nonzero()[0])
    assert rollout.levels[step, game] == rollout.levels[step + 1, game]
    assert rollout.episodes[step + 1, game] == 1
    assert not rollout.inputs.first[step + 1, game]
    assert rollout.inputs.extras[step + 1, game, -1] == 1
    assert rollout.inputs.extras[step + 1, game, -2] == rollout.rewards[step, game]
    assert bool((rollout.inputs.observations[step + 1, game] == 0).all())  # back in the middle


def test_the_policy_gives_the_same_for_a_whole_sequence_as_step_by_step():
    env = arena_of("point", episodes=2, feeds_back=True)
    policy = ActorCritic(env.world.observation, env.world.actions, memory=8, extras=env.extras)
    rollout, _ = collect_rollout(env, begun(env, policy), policy, 30, torch.Generator().manual_seed(0))
    output = policy(rollout.inputs)
    assert torch.allclose(output.value, rollout.values, atol=1e-5)
    assert torch.allclose(output.policy.log_prob(rollout.actions), rollout.log_probs, atol=1e-4)


def test_a_turned_trial_earns_what_the_same_trial_earns_in_the_turned_world():
    env = arena_of("point", "trial: turn")
    policy = ActorCritic(env.world.observation, env.world.actions)
    games = begun(env, policy)
    turned = env.plan.trial.move(games.state, games.held["trial"])
    plain = replace(env, plan=RLPlan("none", env.world))
    twin = replace(games, state=turned, contexts=turned["contexts"], held={"trial": {}, "rollout": {}})
    one, _ = collect_rollout(env, games, policy, 6, torch.Generator().manual_seed(1), greedy=True)
    other, _ = collect_rollout(plain, twin, policy, 6, torch.Generator().manual_seed(1), greedy=True)
    assert torch.allclose(one.rewards, other.rewards, atol=1e-5)


def test_a_rollout_op_is_held_for_an_episode_and_drawn_anew_for_the_next():
    env = arena_of("leap", "rollout: crop(0.25, border)")
    games = begun(env, ActorCritic(env.world.observation, env.world.actions))
    _, soon = collect_rollout(env, games, Fixed(env, 0), 3, torch.Generator().manual_seed(0))
    _, late = collect_rollout(env, games, Fixed(env, 0), 40, torch.Generator().manual_seed(0))
    shift = games.held["rollout"]["0"]["shift"]
    assert shift.equal(soon.held["rollout"]["0"]["shift"])
    assert not bool((shift == late.held["rollout"]["0"]["shift"]).all(1).any())


def test_games_survive_as_named_tensors():
    env = arena_of("point", "trial: turn(p=0.5)")
    games = begun(env, ActorCritic(env.world.observation, env.world.actions))
    names = games.tensors()
    again = games.with_tensors({name: tensor.clone() for name, tensor in names.items()})
    assert isinstance(again, Games)
    assert all(again.tensors()[name].equal(names[name]) for name in names)
    assert "held.trial.0.on" in names


def test_steps_that_do_not_count_are_left_out_of_a_batch():
    env = arena_of()
    policy = ActorCritic(env.world.observation, env.world.actions)
    rollout, _ = collect_rollout(env, begun(env, policy), policy, 4, torch.Generator().manual_seed(0))
    batch = Batch.of(rollout, torch.arange(24.0).view(4, 6))
    kept = torch.zeros(4, 6, dtype=torch.bool)
    kept[1, 2] = kept[3, 5] = True
    assert batch.counted(kept).advantages.tolist() == [[8.0, 23.0]]


class Broken(Leap):
    """A world whose reward is not a number at the second step."""

    def step(self, state, actions):
        outcome = super().step(state, actions)
        return replace(outcome, reward=torch.where(state["t"] == 1, torch.nan, outcome.reward))


def test_a_reward_that_is_no_number_is_named_by_step_and_row():
    env = arena_of()
    policy = ActorCritic(env.world.observation, env.world.actions)
    broken = replace(env, world=Broken())
    with pytest.raises(InputError, match="broken: the reward of row 0 at step 1 is not finite"):
        collect_rollout(broken, begun(env, policy), policy, 3, torch.Generator().manual_seed(0))


def test_the_scale_of_rewards_is_the_deviation_of_all_discounted_returns():
    draws = torch.Generator().manual_seed(0)
    scale, seen = RewardScale.of(3), []
    running = [0.0] * 3
    for _ in range(3):
        rewards = torch.randn(5, 3, generator=draws)
        ended = torch.rand(5, 3, generator=draws) < 0.3
        scaled, scale = scale(rewards, ended, 0.9)
        for step in range(5):
            for game in range(3):
                running[game] = 0.9 * running[game] + rewards[step, game].item()
                seen.append(running[game])
                running[game] *= not ended[step, game]
        deviation = torch.tensor(seen, dtype=torch.float64).var(correction=0).sqrt()
        assert torch.allclose(scaled, (rewards / deviation).float(), atol=1e-5)


def test_an_agent_that_forgets_plays_every_episode_of_a_trial_as_the_first_one():
    env = arena_of("point", episodes=2, feeds_back=True, resets_memory=True)
    policy = ActorCritic(env.world.observation, env.world.actions, memory=8, extras=env.extras)
    rollout, _ = collect_rollout(env, begun(env, policy), policy, 24, torch.Generator().manual_seed(0), greedy=True)
    still = rollout.episode_ended[11]  # neither episode was solved before its time was up
    assert bool((rollout.episode_ended.sum(0) == 2)[still].all())
    assert rollout.actions[:12, still].equal(rollout.actions[12:, still])
    kept, _ = collect_rollout(
        replace(env, resets_memory=False),
        begun(env, policy),
        policy,
        24,
        torch.Generator(),
        greedy=True,
    )
    assert not kept.actions[:12].equal(kept.actions[12:])
