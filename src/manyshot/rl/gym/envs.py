"""Our worlds as environments of Gymnasium, one at a time or as a batch."""

from typing import Any, Literal

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray
from torch import Tensor

from manyshot.base import InputError
from manyshot.rl.gym.spaces import action_space, observation_space, to_space
from manyshot.rl.rl_plan import RLPlan
from manyshot.rl.stateful_worlds import StatefulWorlds
from manyshot.rl.worlds.registry import WORLDS
from manyshot.rl.worlds.world import World, check_contexts

Array = NDArray[Any]
RenderMode = Literal["rgb_array"] | None


def opened(
    world: World | str,
    contexts: Any,  # noqa: ANN401 - an array
    plan: str | RLPlan,
    render_mode: RenderMode,
) -> tuple[World, Tensor, RLPlan]:
    """Check what an environment is made of.

    Raises:
        InputError: If the world or plan does not parse, a context is wrong, or the plan acts in the loss alone.
    """
    world = WORLDS.build(world) if isinstance(world, str) else world
    chosen = world.standard() if contexts is None else torch.as_tensor(np.asarray(contexts), dtype=torch.float32)
    check_contexts(world, chosen)
    plan = RLPlan(plan, world) if isinstance(plan, str) else plan
    if plan.has("view"):
        raise InputError(f"plan: '{plan}': 'view:' acts in the loss, not in the environment; give it to AugmentedPPO")
    if render_mode not in (None, "rgb_array"):
        raise InputError(f"render_mode={render_mode!r}; give 'rgb_array' or None")
    return world, chosen, plan


class WorldEnv(gymnasium.Env[Array, Any]):
    """One environment of a world at a time; each episode draws one of the given contexts.

    Args:
        world: A world, or its text such as "point(sees_goal=yes)".
        contexts: `[w, k]` contexts of the environments; those of the standard family if None.
        plan: What changes worlds, trials and rollouts; a `view:` clause belongs into the loss.
        render_mode: "rgb_array" for pictures, or None.

    Raises:
        InputError: If the world, a context or the plan is wrong.

    Example:
        >>> import gymnasium, manyshot.rl.gym
        >>> env = gymnasium.make("manyshot/Leap-v0", plan="world: jitter(0.1)")
        >>> observation, info = env.reset(seed=0)
        >>> observation.shape, observation.dtype, sorted(info)
        ((1, 32, 32), dtype('uint8'), ['context', 'world'])
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012 - as Gymnasium declares it

    def __init__(
        self,
        world: World | str,
        contexts: Any | None = None,  # noqa: ANN401 - an array
        plan: str | RLPlan = "none",
        render_mode: RenderMode = None,
    ) -> None:
        self.world, self.contexts, self.plan = opened(world, contexts, plan, render_mode)
        self.render_mode = render_mode
        self.observation_space = observation_space(self.world)
        self.action_space = action_space(self.world)
        self._live: StatefulWorlds | None = None

    @property
    def live(self) -> StatefulWorlds:
        """The episode that is being played.

        Raises:
            InputError: If there is none yet.
        """
        if self._live is None:
            raise InputError("no episode has begun; call reset() first")
        return self._live

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """Start an episode in a world drawn at random."""
        super().reset(seed=seed)
        if seed is not None or self._live is None:
            drawn = int(self.np_random.integers(2**62))
            self._live = StatefulWorlds(self.world, self.contexts, 1, self.plan, drawn)
        else:
            self.live.restart(torch.tensor([0]))
        return self._seen(), self._info()

    def step(self, action: Any) -> tuple[Array, float, bool, bool, dict[str, Any]]:  # noqa: ANN401 - of the space
        """One step."""
        outcome = self.live.act(torch.as_tensor(np.asarray(action)[None]))
        info = self._info() | {"is_success": bool(outcome.solved[0])}
        ended, cut = bool(outcome.terminated[0]), bool(outcome.truncated[0])
        return self._seen(), float(outcome.reward[0]), ended, cut, info

    def render(self) -> Array | None:
        """A picture for people, `[h, w, 3]` of uint8."""
        return None if self.render_mode is None else np.asarray(self.world.draw(self.live.state, 0).numpy())

    def _seen(self) -> Array:
        seen: Array = to_space(self.world, self.live.observe())[0]
        return seen

    def _info(self) -> dict[str, Any]:
        """Which world this is: its row among the contexts, and its context, which the plan may have changed."""
        context = np.array(self.live.state["contexts"][0].numpy())  # a copy, for users who keep it
        return {"world": int(self.live.which[0]), "context": context}


class WorldVectorEnv(gymnasium.vector.VectorEnv[Array, Any, Array]):
    """Many environments of a world as one batch, which is far faster than one by one.

    A row whose episode ends starts the next one in the same step; `infos["final_obs"]` and `infos["final_info"]` hold
    the last observation of the episode that ended, and its world, context and success.

    Args:
        world: A world, or its text.
        num_envs: Number of rows.
        contexts: `[w, k]` contexts of the environments; those of the standard family if None.
        plan: What changes worlds, trials and rollouts.
        render_mode: "rgb_array" for pictures, or None.

    Raises:
        InputError: If the world, a context or the plan is wrong.

    Example:
        >>> import gymnasium, manyshot.rl.gym
        >>> envs = gymnasium.make_vec("manyshot/Point-v0", num_envs=256, vectorization_mode="vector_entry_point")
        >>> envs.reset(seed=0)[0].shape
        (256, 2)
    """

    metadata = {  # noqa: RUF012 - as Gymnasium declares it
        "render_modes": ["rgb_array"],
        "render_fps": 10,
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    def __init__(
        self,
        world: World | str,
        num_envs: int = 1,
        contexts: Any | None = None,  # noqa: ANN401 - an array
        plan: str | RLPlan = "none",
        render_mode: RenderMode = None,
    ) -> None:
        self.world, self.contexts, self.plan = opened(world, contexts, plan, render_mode)
        self.num_envs, self.render_mode = num_envs, render_mode
        self.single_observation_space = observation_space(self.world)
        self.single_action_space = action_space(self.world)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._live: StatefulWorlds | None = None

    @property
    def live(self) -> StatefulWorlds:
        """The episodes that are being played.

        Raises:
            InputError: If there are none yet.
        """
        if self._live is None:
            raise InputError("no episode has begun; call reset() first")
        return self._live

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Start an episode in each row. A list of seeds counts as one seed: rows draw from one stream."""
        super().reset(seed=seed if isinstance(seed, int) or seed is None else hash_of(seed))
        drawn = int(self.np_random.integers(2**62))
        self._live = StatefulWorlds(self.world, self.contexts, self.num_envs, self.plan, drawn)
        return to_space(self.world, self.live.observe()), self._infos()

    def step(self, actions: Any) -> tuple[Array, Array, Array, Array, dict[str, Any]]:  # noqa: ANN401 - of the space
        """One step of each row."""
        outcome = self.live.act(torch.as_tensor(np.asarray(actions)))
        infos: dict[str, Any] = {"is_success": np.asarray(outcome.solved.numpy()), "_is_success": self._all}
        ended = outcome.done
        if bool(ended.any()):
            last = to_space(self.world, self.live.observe())
            final = np.full(self.num_envs, None, dtype=object)
            for row in ended.nonzero().flatten().tolist():
                final[row] = last[row]
            mask = np.asarray(ended.numpy())
            told = {**self._infos(), "is_success": infos["is_success"], "_is_success": self._all}
            infos |= {"final_obs": final, "_final_obs": mask, "final_info": told, "_final_info": mask}
            self.live.restart(ended.nonzero().flatten())
        seen = to_space(self.world, self.live.observe())
        reward = np.asarray(outcome.reward.double().numpy())
        terminated, truncated = (np.asarray(flags.numpy()) for flags in (outcome.terminated, outcome.truncated))
        return seen, reward, terminated, truncated, infos | self._infos()

    def render(self) -> tuple[Array, ...] | None:
        """A picture of each row for people."""
        if self.render_mode is None:
            return None
        return tuple(np.asarray(self.world.draw(self.live.state, row).numpy()) for row in range(self.num_envs))

    @property
    def _all(self) -> Array:
        return np.ones(self.num_envs, dtype=bool)

    def _infos(self) -> dict[str, Any]:
        which, contexts = (np.array(part.numpy()) for part in (self.live.which, self.live.state["contexts"]))
        return {"world": which, "_world": self._all, "context": contexts, "_context": self._all}


def hash_of(seeds: list[int | None]) -> int:
    """One seed out of several.

    Example:
        >>> hash_of([1, 2]) == hash_of([1, 2]), hash_of([1, 2]) == hash_of([2, 1])
        (True, False)
    """
    from manyshot.base.seeds import bits

    return int(bits(*(-1 if seed is None else seed for seed in seeds))) >> 33
