"""Worlds as environments of Gymnasium, environments of Gymnasium as worlds, and wrappers that augment."""

import warnings

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

from manyshot.augment.ops.op import take
from manyshot.report.rl_pictures import episodes_section
from manyshot.rl.gym import AugmentObservation, GymWorld, VectorAugmentObservation, WorldVectorEnv
from manyshot.rl.rl_config import RLConfig, RLSettings
from manyshot.rl.rl_plan import RLPlan
from manyshot.rl.rl_train import train_agent
from manyshot.rl.stateful_worlds import StatefulWorlds
from manyshot.rl.worlds import WORLDS, Box, Discrete, World
from manyshot.rl.worlds.leap import Leap
from manyshot.rl.worlds.point_world import Point
from one_line_error import one_line_error

OURS = ["manyshot/Leap-v0", "manyshot/Point-v0", "manyshot/Rooms-v0"]


class Colors(gymnasium.Env):
    """A picture `[h, w, 3]` that shows the time and the level; its episodes end when the action is 1."""

    observation_space = gymnasium.spaces.Box(0, 255, (12, 10, 3), np.uint8)
    action_space = gymnasium.spaces.Discrete(2, start=5)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t, self.level = 0, int(self.np_random.integers(100))
        return self.picture(), {}

    def step(self, action):
        self.t += 1
        ended = action == 6
        return self.picture(), 1.0, ended, False, {"is_success": ended}

    def picture(self):
        image = np.zeros((12, 10, 3), np.uint8)
        image[:6, :, 0], image[:, 4:, 1] = 30 * (self.t + 1), self.level
        return image


gymnasium.register("test/Colors-v0", Colors, max_episode_steps=6)


class TestOurWorlds:
    @pytest.mark.parametrize("name", OURS)
    def test_they_pass_the_check_of_gymnasium_without_a_warning(self, name):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            check_env(gymnasium.make(name).unwrapped)

    def test_an_episode_is_that_of_the_world(self):
        env = gymnasium.make("manyshot/Leap-v0", contexts=[[4.0, 12.0]])
        seen, info = env.reset(seed=3)
        assert info["world"] == 0
        assert info["context"].tolist() == [4.0, 12.0]
        world = Leap()
        state = world.start(torch.tensor([[4.0, 12.0]]), torch.tensor([0]))
        for step in range(30):
            assert np.array_equal(seen, (world.observe(state)[0] * 255).round().numpy())
            outcome = world.step(state, torch.tensor([int(step == 6)]))
            seen, reward, terminated, truncated, info = env.step(int(step == 6))
            state = outcome.state
            assert reward == pytest.approx(float(outcome.reward))
            assert (terminated, truncated) == (bool(outcome.terminated), bool(outcome.truncated))
        assert info["is_success"]

    def test_a_plan_changes_worlds_trials_and_rollouts(self):
        env = gymnasium.make("manyshot/Point-v0", contexts=[[0.8, 0.0, 0.0]], plan="world: wide(of=controls)")
        contexts = [env.reset(seed=seed)[1]["context"] for seed in range(5)]
        assert len({round(float(context[2]), 3) for context in contexts}) == 5
        assert {tuple(context[:2].round(3)) for context in contexts} == {(np.float32(0.8), np.float32(0.0))}
        turned = gymnasium.make("manyshot/Point-v0", contexts=[[0.8, 0.0, 0.0]], plan="trial: turn")
        turned.reset(seed=0)
        east = turned.step(np.array([1.0, 0.0], np.float32))
        assert east[0] == pytest.approx([0.2 / 1.5, 0.0], abs=1e-6)  # it goes where the agent means
        turned.reset(seed=1)
        assert turned.step(np.array([1.0, 0.0], np.float32))[1] != pytest.approx(east[1])  # but the goal is elsewhere
        shifted = gymnasium.make("manyshot/Leap-v0", contexts=[[4.0, 12.0]], plan="rollout: crop(0.25)")
        assert not np.array_equal(shifted.reset(seed=0)[0], shifted.reset(seed=1)[0])

    def test_a_batch_restarts_in_the_same_step_and_tells_the_last_observation(self):
        envs = gymnasium.make_vec("manyshot/Leap-v0", num_envs=5, vectorization_mode="vector_entry_point")
        assert isinstance(envs.unwrapped, WorldVectorEnv)
        envs.reset(seed=0)
        world, ended = Leap(), np.zeros(5, dtype=bool)
        for step in range(60):
            live = envs.unwrapped.live
            actions = np.array([step % 3 == row % 3 for row in range(5)]).astype(np.int64)
            expected = world.step(live.state, torch.from_numpy(actions))
            seen, reward, terminated, truncated, infos = envs.step(actions)
            done = terminated | truncated
            assert np.array_equal(done, expected.done.numpy())
            assert reward == pytest.approx(expected.reward.numpy())
            last = (world.observe(expected.state) * 255).round().numpy()
            for row in range(5):
                if done[row]:
                    assert np.array_equal(infos["final_obs"][row], last[row])
                    assert infos["final_info"]["is_success"][row] == bool(expected.solved[row])
                    assert int(live.state["t"][row]) == 0
                else:
                    assert np.array_equal(seen[row], last[row])
            ended |= done
        assert ended.all()

    def test_the_same_seed_plays_the_same_episodes(self):
        def play():
            envs = WorldVectorEnv("leap", num_envs=8, plan="world: jitter(0.2); rollout: crop(0.1)")
            first = envs.reset(seed=11)[0]
            return [first, *(envs.step(np.ones(8, np.int64))[0] for _ in range(40))]

        assert all(np.array_equal(one, other) for one, other in zip(play(), play(), strict=True))

    def test_rows_that_share_a_world_play_different_episodes_of_it(self):
        world = Point()
        live = StatefulWorlds(world, world.standard()[:2], 50, RLPlan("none", world), seed=0)
        assert live.episodes.tolist() == live.which.bincount().tolist()
        live.restart(torch.tensor([3, 4, 5]))
        assert int(live.episodes.sum()) == 53

    def test_an_environment_that_cannot_be_drawn_leaves_a_page_without_an_animation(self, monkeypatch):
        def fails(self):
            raise gymnasium.error.DependencyNotInstalled("pygame is not installed")

        monkeypatch.setattr("gymnasium.envs.classic_control.cartpole.CartPoleEnv.render", fails)
        fit = RLSettings(steps=16, games=2, rollout=8, width=8, minibatches=1, epochs=1)
        config = RLConfig("gym(CartPole-v1, steps=10)", worlds=2, validation=1, values="level=0..4", fit=fit)
        section = episodes_section({"agent": train_agent(config)})
        assert "pygame is not installed" in str(section)

    def test_pictures_are_bytes(self):
        env = gymnasium.make("manyshot/Leap-v0", render_mode="rgb_array")
        env.reset(seed=0)
        assert env.render().shape == (256, 256, 3)
        assert env.render().dtype == np.uint8

    @pytest.mark.parametrize(
        ("arguments", "parts"),
        [
            ({"plan": "view: crop"}, ["acts in the loss", "AugmentedPPO"]),
            ({"contexts": [[4.0]]}, ["contexts of shape [1, 1]"]),
            ({"contexts": [[4.0, 99.0]]}, ["obstacle=99"]),
        ],
    )
    def test_what_does_not_fit_is_one_line(self, arguments, parts):
        with one_line_error(*parts):
            WorldVectorEnv("leap", **arguments)


class TestTheirsAsWorlds:
    def test_a_batch_agrees_with_gymnasium_row_by_row(self):
        world = GymWorld("CartPole-v1", vary="length 0.25..1, gravity 5..15")
        contexts = torch.tensor([[0.3, 6.0], [0.9, 14.0], [0.3, 6.0]])
        seeds = torch.tensor([5, 6, 7])
        actions = torch.randint(2, (60, 3), generator=torch.Generator().manual_seed(0))
        state, told = world.start(contexts, seeds), []
        for step in range(60):
            outcome = world.step(state, actions[step])
            told.append((world.observe(state), outcome))
            state = outcome.state
        for row in range(3):
            env = gymnasium.make("CartPole-v1").unwrapped
            env.length, env.gravity = float(contexts[row, 0]), float(contexts[row, 1])
            env.polemass_length = env.masspole * env.length
            seen, _ = env.reset(seed=int(seeds[row]))
            for step in range(60):
                assert np.allclose(told[step][0][row], seen)
                seen, reward, terminated, _, _ = env.step(int(actions[step, row]))
                assert float(told[step][1].reward[row]) == reward
                assert bool(told[step][1].terminated[row]) == terminated
                if terminated:
                    break
            assert terminated

    def test_a_state_can_be_stepped_again_and_from_a_checkpoint(self):
        world = GymWorld("Pendulum-v1")
        generator = torch.Generator().manual_seed(0)
        state = world.start(torch.tensor([[3.0], [8.0]]), torch.tensor([0, 0]))
        actions = 2 * torch.rand(6, 2, 1, generator=generator) - 1
        for step in range(5):
            state = world.step(state, actions[step]).state
        stored = {name: value.clone() for name, value in state.items()}
        first, again = (world.step(state, actions[5]) for _ in range(2))
        elsewhere = GymWorld("Pendulum-v1").step(stored, actions[5])
        other = world.step(state, -actions[5])
        for outcome in (again, elsewhere):
            assert outcome.reward.equal(first.reward)
            assert all(outcome.state[name].equal(value) for name, value in first.state.items())
        assert not other.state["observation"].equal(first.state["observation"])
        part = world.step(take(stored, torch.tensor([1])), actions[5, 1:])
        assert part.state["observation"].equal(first.state["observation"][1:])

    def test_levels_choose_the_start_and_bounds_stretch_the_actions(self):
        world = GymWorld("Pendulum-v1")
        assert world.names == ("level",)
        assert world.horizon == 200
        assert world.actions == Box(-1.0, 1.0, (1,))
        same = world.start(torch.tensor([[4.0], [4.0], [5.0]]), torch.tensor([1, 2, 3]))["observation"]
        assert same[0].equal(same[1])
        assert not same[0].equal(same[2])
        env = gymnasium.make("Pendulum-v1")
        env.reset(seed=4)
        seen = env.step(np.array([1.0], np.float32))[0]
        state = world.start(torch.tensor([[4.0]]), torch.tensor([0]))
        assert np.allclose(world.observe(world.step(state, torch.tensor([[0.5]])).state)[0], seen)

    def test_pictures_come_first_channel_first_and_actions_start_at_zero_and_success_is_told(self):
        world = GymWorld("test/Colors-v0")
        assert world.observation == (3, 12, 10)
        assert world.actions == Discrete(2)
        state = world.start(torch.tensor([[0.0], [1.0]]), torch.tensor([0, 0]))
        assert float(world.observe(state)[0, 0, 0, 0]) == pytest.approx(30 / 255)
        outcome = world.step(state, torch.tensor([0, 1]))
        assert outcome.terminated.tolist() == outcome.solved.tolist() == [False, True]
        after = world.step(outcome.state, torch.tensor([0, 0]))
        assert after.reward.tolist() == [1.0, 0.0]  # a row that has ended stays as it is
        assert after.state["t"].tolist() == [2, 1]
        for _ in range(4):
            after = world.step(after.state, torch.tensor([0, 0]))
        assert after.truncated.tolist() == [True, False]

    def test_whole_numbers_become_vectors_with_a_single_one(self):
        world = GymWorld("FrozenLake-v1")
        state = world.start(torch.tensor([[0.0]]), torch.tensor([0]))
        assert world.observe(state).tolist() == [[1.0] + [0.0] * 15]

    def test_it_has_a_text_and_is_a_world(self):
        world = WORLDS.build('gym(CartPole-v1, vary="length 0.25..1")')
        assert isinstance(world, World)
        assert world == GymWorld("CartPole-v1", vary="length 0.25..1")
        assert len(world.standard()) == 200
        assert 0.25 <= float(world.standard().min()) < 0.3

    @pytest.mark.parametrize(
        ("arguments", "parts"),
        [
            (("CartPol-v1",), ["Gymnasium makes no 'CartPol-v1'"]),
            (("CartPole-v1", "lenght 0.25..1"), ["CartPoleEnv has no number 'lenght'", "length"]),
            (("CartPole-v1", "length 1..0.25"), ["smaller before a larger"]),
            (("CartPole-v1", "length=1"), ["'length 0.25..1'"]),
            (("Blackjack-v1",), ["FlattenObservation"]),
        ],
    )
    def test_what_does_not_fit_is_one_line(self, arguments, parts):
        with one_line_error(*parts):
            GymWorld(*arguments)

    def test_an_environment_without_a_limit_needs_one(self):
        gymnasium.register("test/Endless-v0", Colors)
        with one_line_error("test/Endless-v0", "no limit", "steps=1000"):
            GymWorld("test/Endless-v0")
        assert GymWorld("test/Endless-v0", steps=7).horizon == 7


class TestWrappers:
    def test_the_draw_is_held_for_an_episode_and_drawn_anew_for_the_next(self):
        env = AugmentObservation(gymnasium.make("CartPole-v1"), "rollout: amplitude(0.5)")
        plain = gymnasium.make("CartPole-v1")
        factors = []
        for seed in (None, None, None):
            env.reset(seed=5 if not factors else seed)
            plain.reset(seed=5 if not factors else seed)
            ratios = []
            for _ in range(4):
                changed, original = (one.step(1)[0] for one in (env, plain))
                ratios.append(float(np.median(changed / original)))
                assert np.allclose(changed, ratios[0] * original, rtol=1e-4)
            factors.append(ratios[0])
        assert len({round(factor, 4) for factor in factors}) == 3

    def test_pictures_keep_their_layout_and_type(self):
        env = AugmentObservation(gymnasium.make("test/Colors-v0"), "rollout: flip(1)")
        seen, _ = env.reset(seed=0)
        original, _ = gymnasium.make("test/Colors-v0").reset(seed=0)
        assert seen.dtype == np.uint8
        assert np.array_equal(seen, original[:, ::-1])

    @pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
    def test_rows_of_a_vector_draw_anew_exactly_when_they_start_again(self, mode):
        def make():
            return gymnasium.make_vec(
                "CartPole-v1", num_envs=3, vectorization_mode="sync", vector_kwargs={"autoreset_mode": mode}
            )

        envs, plain = VectorAugmentObservation(make(), "rollout: amplitude(0.5)"), make()
        changed, original = envs.reset(seed=0)[0], plain.reset(seed=0)[0]
        held = np.median(changed / original, 1)
        starts = np.zeros(3, dtype=bool)
        seen_starts = 0
        for _ in range(40):
            actions = np.array([0, 1, 1])
            changed, _, terminated, truncated, infos = envs.step(actions)
            original, _, _, _, told = plain.step(actions)
            done = terminated | truncated
            if mode == AutoresetMode.SAME_STEP:
                starts = done
                for row in np.flatnonzero(done):
                    assert np.allclose(infos["final_obs"][row], held[row] * told["final_obs"][row], rtol=1e-4)
            now = np.median(changed / original, 1)
            assert np.array_equal(np.abs(now / held - 1) > 1e-3, starts)
            seen_starts += int(starts.sum())
            held = np.where(starts, now, held)
            if mode == AutoresetMode.NEXT_STEP:
                starts = done
        assert seen_starts > 3

    @pytest.mark.parametrize(
        ("env", "plan", "parts"),
        [
            ("CartPole-v1", "rollout: crop", ["observations of environment are vectors", "amplitude or noise"]),
            ("CartPole-v1", "view: noise", ["write 'rollout: ...' alone"]),
            ("CartPole-v1", "rollout: noise; trial: turn", ["environment has no symmetries"]),
            ("CartPole-v1", "rollout: noise; world: wide", ["environment has no contexts that are known"]),
            ("Blackjack-v1", "rollout: noise", ["FlattenObservation"]),
        ],
    )
    def test_what_does_not_fit_is_one_line(self, env, plan, parts):
        with one_line_error(*parts):
            AugmentObservation(gymnasium.make(env), plan)
