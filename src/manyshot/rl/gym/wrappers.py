"""Wrappers that augment what an agent sees in any environment of Gymnasium, with one draw an episode."""

from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from manyshot.augment.ops.op import Params
from manyshot.base import InputError
from manyshot.base import seeds as streams
from manyshot.rl.gym.spaces import Seen
from manyshot.rl.replace_rows import replace_rows
from manyshot.rl.rl_plan import RLPlan

Array = NDArray[Any]


def parse_rollout(text: str, seen: Seen) -> RLPlan:
    """Read a plan with a `rollout:` clause alone.

    Raises:
        InputError: If it has another clause or does not fit the observations.

    Example:
        >>> str(parse_rollout("rollout: noise", Seen(gymnasium.spaces.Box(-1, 1, (4,)))))
        'rollout: noise'
    """
    plan = RLPlan(text, seen.environment, seen.frames)
    if not plan.has("rollout") or plan.has("view"):
        raise InputError(f"plan: '{plan}': a wrapper changes rollouts; write 'rollout: ...' alone")
    return plan


class AugmentObservation(gymnasium.Wrapper[Array, Any, Array, Any]):
    """Augment what an agent sees while it acts, by one draw an episode (Laskin et al. 2020, RAD).

    Args:
        env: Any environment whose observations are vectors or images.
        plan: Such as "rollout: crop(0.1) hue".
        frames: Number of frames that are stacked in the channels of an image; they share a draw.
        seed: Seed of the draws, beside that of `reset`.

    Raises:
        InputError: If the observations or the plan do not fit.

    Example:
        >>> env = AugmentObservation(gymnasium.make("CartPole-v1"), "rollout: amplitude(0.2)")
        >>> env.reset(seed=0)[0].shape
        (4,)
    """

    def __init__(self, env: gymnasium.Env[Array, Any], plan: str, frames: int = 1, seed: int = 0) -> None:
        super().__init__(env)
        self._see = Seen(env.observation_space, frames)
        self.plan = parse_rollout(plan, self._see)
        self._generator = streams.generator(seed, "rollout")
        self._held: Params = {}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """Start an episode, with a new draw; a seed also determines the draws from here on."""
        if seed is not None:
            self._generator = streams.generator(seed, "rollout")
        observation, info = self.env.reset(seed=seed, options=options)
        self._held = self.plan.rollout.sample(1, self._generator)
        return self._augmented(observation), info

    def step(self, action: Any) -> tuple[Array, Any, bool, bool, dict[str, Any]]:  # noqa: ANN401 - of the space
        """One step, seen by the draw of this episode."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return self._augmented(observation), reward, terminated, truncated, info

    def _augmented(self, observation: Array) -> Array:
        changed = self.plan.look(self._see.to_tensor(observation[None]), self._held)
        seen: Array = self._see.to_array(changed)[0]
        return seen


class VectorAugmentObservation(gymnasium.vector.VectorWrapper):
    """Augment what an agent sees in a vector environment, by one draw for each episode of each row.

    Rows that start again draw again, in both modes of Gymnasium: in the step after the last one of an episode
    (`NEXT_STEP`), or in the same one (`SAME_STEP`, where `infos["final_obs"]` is still seen by the old draw).

    Args:
        env: Any vector environment whose observations are vectors or images.
        plan: As `AugmentObservation` takes it.
        frames: Number of stacked frames, likewise.
        seed: Seed of the draws of all rows, beside that of `reset`.

    Raises:
        InputError: As `AugmentObservation`.

    Example:
        >>> envs = VectorAugmentObservation(gymnasium.make_vec("CartPole-v1", num_envs=3), "rollout: noise")
        >>> envs.reset(seed=0)[0].shape
        (3, 4)
    """

    def __init__(
        self, env: gymnasium.vector.VectorEnv[Any, Any, Any], plan: str, frames: int = 1, seed: int = 0
    ) -> None:
        super().__init__(env)
        self._see = Seen(env.single_observation_space, frames)
        self.plan = parse_rollout(plan, self._see)
        self._generator = streams.generator(seed, "rollout")
        self._held: Params = {}
        self._ended = np.zeros(env.num_envs, dtype=bool)

    def reset(  # a vector of simulators takes a list of seeds as well
        self,
        *,
        seed: Any = None,  # noqa: ANN401 - Gymnasium's classes differ
        options: dict[str, Any] | None = None,
    ) -> tuple[Array, dict[str, Any]]:
        """Start an episode in each row, with new draws."""
        if isinstance(seed, int):
            self._generator = streams.generator(seed, "rollout")
        observations, infos = self.env.reset(seed=seed, options=options)
        self._held = self.plan.rollout.sample(self.num_envs, self._generator)
        self._ended = np.zeros(self.num_envs, dtype=bool)
        return self._augmented(observations), infos

    def step(self, actions: Any) -> tuple[Array, Array, Array, Array, dict[str, Any]]:  # noqa: ANN401 - of the space
        """One step of each row."""
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        ended = np.logical_or(terminated, truncated)
        same_step = self.env.metadata.get("autoreset_mode") == AutoresetMode.SAME_STEP
        if same_step and "final_obs" in infos:
            infos = infos | {"final_obs": self._final(infos["final_obs"], ended, observations)}
        again = ended if same_step else self._ended
        if again.any():
            rows = torch.from_numpy(np.flatnonzero(again))
            self._held = replace_rows(self._held, rows, self.plan.rollout.sample(len(rows), self._generator))
        self._ended = ended
        return self._augmented(observations), rewards, terminated, truncated, infos

    def _final(self, final: Array, ended: Array, like: Array) -> Array:
        """Last observations of the rows that ended, as they were seen."""
        whole = np.zeros_like(like)
        for row in np.flatnonzero(ended):
            whole[row] = final[row]
        seen = self._augmented(whole)
        changed = np.full(self.num_envs, None, dtype=object)
        for row in np.flatnonzero(ended):
            changed[row] = seen[row]
        return changed

    def _augmented(self, observations: Array) -> Array:
        return self._see.to_array(self.plan.look(self._see.to_tensor(observations), self._held))
