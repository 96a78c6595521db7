"""Augmentation for agents of stable-baselines3."""

import copy

import gymnasium
import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.env_checker import check_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.utils import set_random_seed
from stable_baselines3.common.vec_env import DummyVecEnv
from torch.distributions import kl_divergence

from manyshot.rl.sb3 import AugmentedPPO, AugmentedVecEnv, SmallCNN, WorldVecEnv
from manyshot.rl.worlds.leap import Leap
from one_line_error import one_line_error

SGD = {"optimizer_class": torch.optim.SGD, "optimizer_kwargs": {}, "net_arch": [8]}
ONE_STEP = {
    "n_steps": 32,
    "batch_size": 32,
    "n_epochs": 1,
    "learning_rate": 1.0,
    "max_grad_norm": 1e9,
    "normalize_advantage": False,
    "policy_kwargs": SGD,
    "seed": 0,
    "device": "cpu",
}


def weights(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.policy.parameters()])


@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1"])
@pytest.mark.parametrize("view_value", [True, False])
def test_one_update_is_that_of_ppo_plus_the_gradient_of_the_term(env, view_value):
    plain = PPO("MlpPolicy", env, **ONE_STEP)
    ours = AugmentedPPO("MlpPolicy", env, "view: amplitude(0.4)", 3.0, view_value, **ONE_STEP)
    for model in (plain, ours):  # a policy that is not flat
        set_random_seed(1)
        for parameter in model.policy.parameters():
            parameter.data += 0.3 * torch.randn(parameter.shape)
    before = weights(plain)
    assert weights(ours).equal(before)
    for model in (plain, ours):
        model._setup_learn(32)
        set_random_seed(2)
        model.collect_rollouts(model.env, model._init_callback(None), model.rollout_buffer, 32)
    policy = copy.deepcopy(ours.policy)
    generator = torch.Generator()
    generator.set_state(ours._view_generator.get_state())
    set_random_seed(3)
    batch = next(ours.rollout_buffer.get(32))
    for model in (plain, ours):
        set_random_seed(3)
        model.train()

    seen = batch.observations
    params = ours._plan.view_op.sample(32, generator)
    changed = seen * params["0"]["factor"][:, None]
    p = policy.get_distribution(seen).distribution
    detached = type(p)(logits=p.logits.detach()) if env == "CartPole-v1" else type(p)(p.loc.detach(), p.scale.detach())
    q = policy.get_distribution(changed).distribution
    divergence = kl_divergence(detached, q).reshape(32, -1).sum(1).mean()
    difference = 0.5 * (policy.predict_values(seen).detach() - policy.predict_values(changed)).square().mean()
    term = 3.0 * (divergence + (difference if view_value else 0.0))
    gradients = torch.autograd.grad(term, list(policy.parameters()), allow_unused=True)
    extra = torch.cat(
        [
            torch.zeros(parameter.numel()) if gradient is None else gradient.flatten()
            for parameter, gradient in zip(policy.parameters(), gradients, strict=True)
        ]
    )
    assert float(extra.norm()) > 0.01
    assert torch.allclose(weights(ours) - before, weights(plain) - before - extra, atol=1e-5, rtol=1e-3)
    assert ours.logger.name_to_value["train/view_kl"] == pytest.approx(float(divergence.detach()), rel=1e-3)


def test_without_a_plan_it_is_ppo():
    options = {"n_steps": 32, "batch_size": 16, "n_epochs": 2, "seed": 3, "device": "cpu"}
    plain = PPO("MlpPolicy", "CartPole-v1", **options).learn(64)
    ours = AugmentedPPO("MlpPolicy", "CartPole-v1", **options).learn(64)
    assert weights(plain).equal(weights(ours))


def test_after_an_update_the_policy_is_an_ordinary_one_and_can_be_saved_and_go_on(tmp_path):
    model = AugmentedPPO("MlpPolicy", "CartPole-v1", "rollout: noise; view: amplitude", 0.2, n_steps=32, batch_size=32)
    model.learn(32)
    assert "evaluate_actions" not in vars(model.policy)
    assert "zero_grad" not in vars(model.policy.optimizer)
    model.save(tmp_path / "model")
    loaded = AugmentedPPO.load(tmp_path / "model", env=gymnasium.make("CartPole-v1"))
    assert (loaded.plan_text, loaded.view_weight) == (model.plan_text, 0.2)
    assert weights(loaded).equal(weights(model))
    loaded.learn(32, reset_num_timesteps=False)
    assert not weights(loaded).equal(weights(model))
    assert np.isfinite(evaluate_policy(loaded, gymnasium.make("CartPole-v1"), 1, warn=False)[0])


def test_rollouts_are_augmented_in_training_alone_and_in_a_changed_environment_too():
    model = AugmentedPPO("MlpPolicy", "CartPole-v1", "rollout: amplitude(0.5)", n_steps=32, batch_size=32, seed=1)
    assert isinstance(model.env, AugmentedVecEnv)
    model.set_env(gymnasium.make("CartPole-v1"))
    assert isinstance(model.env, AugmentedVecEnv)
    assert not isinstance(model.env.venv, AugmentedVecEnv)
    model.set_env(model.get_env())
    assert not isinstance(model.env.venv, AugmentedVecEnv)


def test_last_observations_are_seen_by_the_old_draw_and_first_ones_by_a_new_one():
    def make():
        return DummyVecEnv([lambda: gymnasium.make("CartPole-v1")] * 2)

    ours, plain = AugmentedVecEnv(make(), "rollout: amplitude(0.5)", seed=1), make()
    for envs in (ours, plain):
        envs.seed(0)
    held = np.median(ours.reset() / plain.reset(), 1)
    ends = 0
    for _ in range(40):
        actions = np.array([0, 1])
        (changed, _, done, infos), (original, _, _, told) = ours.step(actions), plain.step(actions)
        now = np.median(changed / original, 1)
        assert np.array_equal(np.abs(now / held - 1) > 1e-3, done)
        for row in np.flatnonzero(done):
            last = told[row]["terminal_observation"]
            assert np.allclose(infos[row]["terminal_observation"], held[row] * last, rtol=1e-4)
            ends += 1
        held = now
    assert ends > 4


def test_worlds_are_vector_environments_that_learn_from_pictures():
    envs = WorldVecEnv("leap", 8, plan="world: jitter(0.1)")
    model = AugmentedPPO(
        "CnnPolicy",
        envs,
        "view: crop(0.25, border)",
        n_steps=16,
        batch_size=64,
        n_epochs=1,
        seed=0,
        policy_kwargs={"features_extractor_class": SmallCNN, "normalize_images": True},
    )
    before = weights(model)
    model.learn(256)
    assert not weights(model).equal(before)
    assert float(model.logger.name_to_value["train/view_kl"]) >= 0
    assert 0 < model.ep_info_buffer[0]["l"] <= 32
    assert envs.get_images()[0].shape == (256, 256, 3)


def test_a_vector_of_worlds_tells_ends_as_stable_baselines_wants_them():
    envs = WorldVecEnv("leap", 3, contexts=[[4.0, 12.0]])
    first = envs.reset()
    observations = first
    for step in range(30):
        observations, _, done, infos = envs.step(np.array([step == 6, step == 0, False]).astype(np.int64))
        if step == 10:
            assert done.tolist() == [False, True, True]
            assert not infos[2]["is_success"]
            assert infos[2]["episode"]["l"] == 11
            assert not infos[2]["TimeLimit.truncated"]
            assert np.array_equal(observations[2], first[2])
    assert infos[0]["is_success"]
    assert infos[0]["terminal_observation"].shape == (1, 32, 32)
    assert infos[0]["episode"]["r"] == pytest.approx(1 + 30 / 32)


def test_views_see_bytes_as_pictures():
    model = AugmentedPPO(
        "CnnPolicy",
        WorldVecEnv(Leap(), 2),
        "view: flip(1)",
        n_steps=8,
        batch_size=16,
        policy_kwargs={"features_extractor_class": SmallCNN},
    )
    seen = torch.randint(256, (4, 1, 32, 32)).float()
    assert model._viewed(seen).equal(seen.flip(3))


def test_our_environments_pass_the_check_of_stable_baselines():
    import manyshot.rl.gym

    assert manyshot.rl.gym
    check_env(gymnasium.make("manyshot/Point-v0").unwrapped)


@pytest.mark.parametrize(
    ("plan", "parts"),
    [
        ("view: crop", ["observations of environment are vectors"]),
        ("trial: turn", ["environment has no symmetries"]),
        ("views: noise", ["unknown placement 'views'", "did you mean 'view'"]),
    ],
)
def test_a_plan_that_does_not_fit_is_one_line(plan, parts):
    with one_line_error("plan", *parts):
        AugmentedPPO("MlpPolicy", "CartPole-v1", plan)
    with one_line_error("view_weight=-1"):
        AugmentedPPO("MlpPolicy", "CartPole-v1", view_weight=-1)
