"""What a learner of reinforcement learning does: learn from rollouts, and adapt to a world."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import torch

from manyshot.base import InputError
from manyshot.rl.adapt.adaptation_games import Adapt, evaluate_adapted
from manyshot.rl.policy import ActorCritic
from manyshot.rl.rl_evaluate import WorldResults, evaluate_worlds
from manyshot.rl.rollout_env import RolloutEnv

if TYPE_CHECKING:
    from manyshot.rl.trainer import Trainer


class RLLearner(ABC):
    """Base class of learners, which are frozen dataclasses of plain numbers."""

    episodes: int = 1
    """Number of episodes of a trial."""
    memory: int = 0
    """Size of the policy's memory."""
    feeds_back: ClassVar[bool] = False
    """Whether the agent is told its last action, its last reward and where an episode begins."""
    by_task: ClassVar[bool] = False
    """Whether an update takes each world apart, which leaves views and the choice of worlds as they are."""

    @property
    def phases(self) -> int:
        """Number of rollouts of an update."""
        return 1

    @abstractmethod
    def update(self, trainer: "Trainer", number: int) -> dict[str, float]:
        """Play, and update the policy; returns what is logged.

        Args:
            trainer: The training.
            number: Number of the update, from 0, which determines all draws.
        """

    def evaluate(
        self,
        env: RolloutEnv,
        policy: ActorCritic,
        trials: int = 1,
        greedy: bool = True,
        device: torch.device | str = "cpu",
        resets_memory: bool = False,
    ) -> WorldResults:
        """Judge a policy in every world of an env, which it adapts to where the learner does.

        Args:
            env: What is played; its plan is usually "none".
            policy: The agent, which is not changed.
            trials: Number of trials in each world.
            greedy: Take the likeliest action; a drawn one if False.
            device: Device of the policy.
            resets_memory: Clear the agent's memory before every episode of a trial.

        Raises:
            InputError: If there is no memory to clear.
        """
        if resets_memory and not self.memory:
            raise InputError("there is no memory to clear: the agent has none; judge one of --learner rl2")
        as_it_is = evaluate_worlds(env, policy, policy.memory, trials, greedy, device, resets_memory)
        adapt = self.adapter(env, policy, device)
        return as_it_is if adapt is None else as_it_is.beside(evaluate_adapted(env, adapt, trials, greedy, device))

    def adapter(self, env: RolloutEnv, policy: ActorCritic, device: torch.device | str) -> Adapt | None:
        """What adapts the policy's weights to a world, which `evaluate` judges as a second episode; None for nothing.

        Args:
            env: What is played.
            policy: The agent, which is not changed.
            device: Device of the policy.
        """
        return None
