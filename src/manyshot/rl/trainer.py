"""One training of an agent, rollout by rollout: all that a checkpoint keeps, and what an update does."""

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from manyshot.base import InputError
from manyshot.base.seeds import generator
from manyshot.rl.adapt.registry import RL_LEARNERS
from manyshot.rl.adapt.rl_learner import RLLearner
from manyshot.rl.choose_view import make_views
from manyshot.rl.level_replay import LEVELS
from manyshot.rl.policy import ActorCritic
from manyshot.rl.reward_scale import RewardScale
from manyshot.rl.rl_config import RLConfig
from manyshot.rl.rl_plan import RLPlan
from manyshot.rl.rollout import Rollout
from manyshot.rl.rollout_env import Games, RolloutEnv, reset
from manyshot.rl.tensor_buffers import TensorBuffers
from manyshot.rl.world_split import WorldSplit

EPSILON = 1e-5
"""Of Adam; PPO is usually trained with a larger one than its default."""


class Trainer(nn.Module):
    """An agent that learns by PPO on the training worlds, with a plan that acts at its four places.

    `state_dict` is complete: with it, and the number of the next rollout, a training goes on bit for bit.

    Args:
        config: Settings of the run.
        split: Its worlds.

    Raises:
        InputError: If settings do not fit each other or the world.
    """

    def __init__(self, config: RLConfig, split: WorldSplit) -> None:
        super().__init__()
        self.config, self.split, fit = config, split, config.fit
        self.plan = RLPlan(config.plan, split.world)
        self.learner = RL_LEARNERS.parse(config.learner).build()
        _check_together(config, self.learner, self.plan)
        self.env = split.env("training", self.plan, fit.seed, self.learner.episodes, self.learner.feeds_back)
        self.policy = make_policy(config, split)
        self.optimizer: Optimizer = Adam(self.policy.parameters(), lr=fit.learning_rate, eps=EPSILON)
        self.views = make_views(config.choose, self.plan, split.world)
        self.levels = LEVELS.parse(config.levels).build(levels=len(self.env.contexts))
        first = generator(fit.seed, "games")
        levels, counted = self.levels.choose(fit.games, first)
        numbers = torch.arange(fit.games)
        self._like = reset(self.env, levels, numbers, self.policy.memory, first, counted)
        self.kept_games = TensorBuffers(self._like.tensors())
        self.kept_scale = TensorBuffers(vars(RewardScale.of(fit.games)))

    def plain_arena(self, part: str) -> RolloutEnv:
        """A part of the worlds to judge on, without augmentation; its seed is the same for every training."""
        plan = RLPlan("none", self.split.world)
        return self.split.env(part, plan, 0, self.learner.episodes, self.learner.feeds_back)

    @property
    def games(self) -> Games:
        """Where the games stand."""
        return self._like.with_tensors(self.kept_games.tensors())

    def update(self, number: int) -> dict[str, float]:
        """Play, update the policy, and let the choices of views and levels learn from it.

        Args:
            number: Number of the update, from 0, which determines all draws.

        Returns:
            What is logged.

        Raises:
            TrainingDiverged: If the loss or its gradient is not finite.
            InputError: If a reward or an observation is not finite.
        """
        return self.learner.update(self, number)

    def deviation(self) -> float:
        """What rewards are divided by."""
        return RewardScale(**self.kept_scale.tensors()).deviation

    def estimate_advantages(self, rollout: Rollout) -> Tensor:
        """The advantages of a rollout, of rewards scaled by the running deviation of returns."""
        fit = self.config.fit
        scale = RewardScale(**self.kept_scale.tensors())
        rewards, scale = scale(rollout.rewards, rollout.ended, fit.discount)
        self.kept_scale.put(vars(scale))
        return rollout.advantages(rewards, fit.discount, fit.trace)


def _check_together(config: RLConfig, learner: RLLearner, plan: RLPlan) -> None:
    """Refuse settings that a learner would ignore."""
    if learner.by_task and (config.levels != "uniform" or config.choose != "none" or plan.has("view")):
        raise InputError(
            f"learner='{config.learner}' takes each world apart: leave out levels, choose and 'view:', or give "
            "learner=ppo or rl2"
        )
    if learner.memory and config.levels.startswith("robust"):
        raise InputError(f"levels='{config.levels}' leaves out steps that learner='{config.learner}' needs; give plr")
    fit = config.fit
    most, items = (fit.games, "games") if learner.memory else (fit.games * fit.rollout, "steps")
    if fit.minibatches > most:
        raise InputError(f"minibatches={fit.minibatches}: a rollout has {most:,} {items}; give at most {most}")


def steps_per_update(config: RLConfig) -> int:
    """Number of steps in the world between two logged rows.

    Example:
        >>> steps_per_update(RLConfig("leap"))
        2048
    """
    return config.fit.games * config.fit.rollout * RL_LEARNERS.parse(config.learner).build().phases


def updates(config: RLConfig) -> int:
    """Number of updates of a training: the last one may go beyond its `steps`.

    Example:
        >>> updates(RLConfig("leap"))
        196
    """
    return -(-config.fit.steps // steps_per_update(config))


def make_policy(config: RLConfig, split: WorldSplit) -> ActorCritic:
    """The network of a run, with its first weights.

    Raises:
        InputError: If the learner is unknown.
    """
    learner, world, fit = RL_LEARNERS.parse(config.learner).build(), split.world, config.fit
    extras = split.env("training", RLPlan("none", world), 0, feeds_back=learner.feeds_back).extras
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(generator(fit.seed, "weights").initial_seed())
        policy = ActorCritic(world.observation, world.actions, fit.width, learner.memory, extras)
    return policy.to(fit.device)
