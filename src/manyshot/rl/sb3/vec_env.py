"""Vector environments of stable-baselines3: our worlds as one, and any one with augmented observations."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper

from manyshot.augment.ops.op import Params
from manyshot.base import InputError
from manyshot.base import seeds as streams
from manyshot.rl.gym.envs import WorldVectorEnv
from manyshot.rl.gym.spaces import Seen
from manyshot.rl.gym.wrappers import parse_rollout
from manyshot.rl.replace_rows import replace_rows
from manyshot.rl.rl_plan import RLPlan
from manyshot.rl.worlds.world import World

Array = NDArray[Any]


class WorldVecEnv(VecEnv):
    """A world as a vector environment of stable-baselines3, all rows in one batch.

    Args:
        world: A world, or its text.
        num_envs: Number of rows.
        contexts: `[w, k]` contexts of the environments; those of the standard family if None.
        plan: What changes worlds, trials and rollouts.
        seed: Seed of everything that is drawn.

    Raises:
        InputError: If the world, a context or the plan is wrong.

    Example:
        >>> envs = WorldVecEnv("point(sees_goal=yes)", 16, plan="trial: turn")
        >>> envs.reset().shape
        (16, 4)
    """

    def __init__(
        self,
        world: World | str,
        num_envs: int,
        contexts: Any | None = None,  # noqa: ANN401 - an array
        plan: str | RLPlan = "none",
        seed: int = 0,
    ) -> None:
        self.envs = WorldVectorEnv(world, num_envs, contexts, plan)
        self.render_mode = None
        super().__init__(num_envs, self.envs.single_observation_space, self.envs.single_action_space)
        self.next_seed: int | None = seed
        self.actions: Array = np.zeros(0)
        self.lengths, self.returns = np.zeros(num_envs, dtype=np.int64), np.zeros(num_envs)

    def reset(self) -> Array:
        """Start an episode in each row; the first time by the seed, then as the stream goes on."""
        observations, _ = self.envs.reset(seed=self.next_seed)
        self.next_seed = None
        self.lengths[:], self.returns[:] = 0, 0
        return observations

    def step_async(self, actions: Array) -> None:
        """Remember the actions."""
        self.actions = actions

    def step_wait(self) -> tuple[Array, Array, Array, list[dict[str, Any]]]:
        """One step of each row."""
        observations, rewards, terminated, truncated, infos = self.envs.step(self.actions)
        self.lengths += 1
        self.returns += rewards
        told: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        done: Array = np.logical_or(terminated, truncated)
        for row in np.flatnonzero(done):
            told[row] = {
                "terminal_observation": infos["final_obs"][row],
                "TimeLimit.truncated": bool(truncated[row]),
                "is_success": bool(infos["is_success"][row]),
                "world": int(infos["final_info"]["world"][row]),
                "episode": {"r": float(self.returns[row]), "l": int(self.lengths[row]), "t": 0.0},
            }
        self.lengths[done], self.returns[done] = 0, 0
        return observations, rewards.astype(np.float32), done, told

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Set the seed of the next reset; rows draw from one stream."""
        self.next_seed = seed
        return [seed] * self.num_envs

    def close(self) -> None:
        """Nothing to close."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:  # noqa: ANN401 - of SB3
        """An attribute, the same for each row."""
        return [getattr(self.envs, attr_name)] * len(self._rows(indices))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:  # noqa: ANN401 - of SB3
        """Refused: worlds are values.

        Raises:
            InputError: Always.
        """
        raise InputError(f"{attr_name}: the rows of a world have no attributes of their own; make another WorldVecEnv")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:  # noqa: ANN401
        """Refused, as `set_attr`.

        Raises:
            InputError: Always.
        """
        raise InputError(f"{method_name}: the rows of a world have no methods of their own")

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:  # noqa: ANN401 - of SB3
        """No row is wrapped by itself."""
        return [False] * len(self._rows(indices))

    def get_images(self) -> Sequence[Array | None]:
        """A picture of each row for people."""
        live = self.envs.live
        return [np.asarray(live.world.draw(live.state, row).numpy()) for row in range(self.num_envs)]

    def _rows(self, indices: int | Iterable[int] | None) -> list[int]:
        return list(self._get_indices(indices))


class AugmentedVecEnv(VecEnvWrapper):
    """Augment what an agent sees while it acts in any vector environment, by one draw an episode of each row.

    Args:
        venv: The environment.
        plan: A plan with a `rollout:` clause.
        frames: Number of frames that are stacked in the channels of an image; they share a draw.
        seed: Seed of the draws.

    Raises:
        InputError: If the observations or the plan do not fit.
    """

    def __init__(self, venv: VecEnv, plan: str, frames: int = 1, seed: int = 0) -> None:
        super().__init__(venv)
        self.see = Seen(venv.observation_space, frames)
        self.plan = parse_rollout(plan, self.see)
        self.generator = streams.generator(seed, "rollout")
        self.held: Params = {}

    def reset(self) -> Array:
        """Start an episode in each row, with new draws."""
        observations = self.venv.reset()
        assert isinstance(observations, np.ndarray)
        self.held = self.plan.rollout.sample(self.num_envs, self.generator)
        return self._augmented(observations, self.held)

    def step_wait(self) -> tuple[Array, Array, Array, list[dict[str, Any]]]:
        """One step of each row; last observations of episodes are still seen by the old draws."""
        observations, rewards, done, infos = self.venv.step_wait()
        assert isinstance(observations, np.ndarray)
        ended = np.flatnonzero(done)
        if len(ended):
            last = observations.copy()
            for row in ended:
                last[row] = infos[row]["terminal_observation"]
            last = self._augmented(last, self.held)
            infos = list(infos)
            for row in ended:
                infos[row] = infos[row] | {"terminal_observation": last[row]}
            rows = torch.from_numpy(ended)
            self.held = replace_rows(self.held, rows, self.plan.rollout.sample(len(rows), self.generator))
        return self._augmented(observations, self.held), rewards, done, infos

    def _augmented(self, observations: Array, params: Params) -> Array:
        return self.see.to_array(self.plan.look(self.see.to_tensor(observations), params))
