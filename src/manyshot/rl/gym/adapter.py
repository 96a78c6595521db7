"""Any environment of Gymnasium as a world: pure in what it returns, though a simulator goes along behind it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from jaxtyping import Float, Int, Shaped, UInt8
from torch import Tensor

from manyshot.base import InputError
from manyshot.base import seeds as streams
from manyshot.rl.gym.attributes import parse_ranges, set_attributes
from manyshot.rl.gym.simulators import Simulators
from manyshot.rl.gym.spaces import Seen, actions_of, to_action
from manyshot.rl.symmetries import Symmetry
from manyshot.rl.worlds.world import Actions, Box, Outcome, State, check_actions, check_contexts

LEVELS = 2**24 - 1
"""Largest number of a level: float32 holds all whole numbers up to it."""
STANDARD = 200
"""Number of environments of the standard family."""
TRACE = 11
"""Begins the addresses of traces."""


@dataclass(frozen=True)
class GymWorld:
    """An environment of Gymnasium as a world whose contexts are attributes of the simulator, or levels.

    A state holds the seed and all actions of its episode. As long as states are stepped in order, a simulator goes
    along with each row; any other state, such as one from a checkpoint, is reached by replaying its actions. So a step
    is a function of state and action for every environment that `reset(seed=...)` makes deterministic.

    An episode counts as solved if the environment says so in `info["is_success"]`. Rows that have ended stay as they
    are, without reward.

    Args:
        env: Name of a registered environment, such as CartPole-v1.
        vary: Attributes that make up the context, with their bounds: "length 0.25..1, gravity 5..15". Without any, a
            context is a level, a whole number that seeds `reset`, as for procedural environments.
        steps: Number of steps after which an episode is truncated; the environment's own limit if 0.

    Raises:
        InputError: If there is no such environment or attribute, its observations or actions are of another kind than
            vectors, images, whole numbers and boxes, or its episodes have no limit.

    Example:
        >>> world = GymWorld("CartPole-v1", vary="length 0.25..1")
        >>> state = world.start(torch.tensor([[0.5], [1.0]]), torch.tensor([1, 1]))
        >>> outcome = world.step(state, torch.tensor([0, 1]))
        >>> world.observe(outcome.state).shape, outcome.reward.tolist()
        (torch.Size([2, 4]), [1.0, 1.0])
    """

    env: str
    vary: str = ""
    steps: int = 0

    symmetries: ClassVar[Mapping[str, Symmetry]] = {}
    _simulators: Simulators = field(init=False, compare=False, repr=False)
    _pictured: Simulators = field(init=False, compare=False, repr=False)
    _see: Seen = field(init=False, compare=False, repr=False)
    _action_space: spaces.Space[Any] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        simulator = self._make()
        set_attributes(simulator.unwrapped, {name: low for name, (low, _) in self._ranges.items()})
        made = {
            "_simulators": Simulators(self._make),
            "_pictured": Simulators(lambda: self._make("rgb_array")),
            "_see": Seen(simulator.observation_space),
            "_action_space": simulator.action_space,
        }
        for name, value in made.items():
            object.__setattr__(self, name, value)
        self._simulators.free(simulator)
        _ = self.horizon, self.actions  # so that an environment that cannot serve is refused here

    def _make(self, render_mode: str | None = None) -> Any:  # noqa: ANN401 - an environment
        try:
            # The limit is ours: max_episode_steps=-1 leaves out Gymnasium's.
            mode = {} if render_mode is None else {"render_mode": render_mode}
            return gymnasium.make(self.env, max_episode_steps=-1, disable_env_checker=True, **mode)
        except gymnasium.error.Error as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"Gymnasium makes no '{self.env}': {reason}") from None

    @cached_property
    def _ranges(self) -> dict[str, tuple[float, float]]:
        return parse_ranges(self.vary)

    @property
    def names(self) -> tuple[str, ...]:
        """The attributes, or the level."""
        return tuple(self._ranges) or ("level",)

    @property
    def bounds(self) -> tuple[tuple[float, float], ...]:
        """Their ranges."""
        return tuple(self._ranges.values()) or ((0.0, float(LEVELS)),)

    @cached_property
    def horizon(self) -> int:
        """Number of steps after which an episode is truncated."""
        limit = self.steps or gymnasium.spec(self.env).max_episode_steps
        if not limit or limit < 0:
            raise InputError(f"{self.env}: its episodes have no limit; give steps=1000, or another number of steps")
        return int(limit)

    @property
    def actions(self) -> Actions:
        """Whole numbers from 0, or numbers from -1 to 1 that are stretched to the bounds of the environment."""
        return actions_of(self._action_space)

    @property
    def observation(self) -> tuple[int, ...]:
        """Images become `(c, h, w)` from 0 to 1."""
        return self._see.shape

    @property
    def limits(self) -> tuple[float, float]:
        """0 to 1 for images; none for vectors."""
        return (0.0, 1.0) if len(self.observation) == 3 else (-np.inf, np.inf)

    def standard(self) -> Float[Tensor, "w k"]:
        """200 contexts drawn within the bounds, or levels 0 to 199."""
        if not self._ranges:
            return torch.arange(STANDARD, dtype=torch.float32)[:, None]
        low, high = np.array(self.bounds).T
        drawn = streams.uniform(TRACE, np.arange(STANDARD)[:, None], np.arange(len(low)))
        return torch.from_numpy(low + drawn * (high - low)).float()

    def start(self, contexts: Float[Tensor, "n k"], seeds: Int[Tensor, "n"]) -> State:
        """Reset a simulator for each row."""
        check_contexts(self, contexts)
        n, shape = len(contexts), self.actions.shape if isinstance(self.actions, Box) else ()
        if not self._ranges:
            seeds = contexts[:, 0].round().long()
        words = contexts.double().numpy().view(np.int64)
        trace = streams.bits(TRACE, seeds.numpy())
        for word in words.T:
            trace = streams.bits(TRACE, trace, word)
        history = torch.zeros((n, self.horizon, *shape), dtype=torch.float32 if shape else torch.int64)
        state: State = {
            "contexts": contexts,
            "t": torch.zeros(n, dtype=torch.int64),
            "seed": seeds,
            "history": history,
            "trace": torch.from_numpy(trace.view(np.int64).copy()),
            "before": torch.zeros(n, dtype=torch.int64),
            "over": torch.zeros(n, dtype=torch.bool),
        }
        seen = []
        for row in range(n):
            simulator, observation = self._replay(self._simulators, state, row)
            self._simulators.keep(int(state["trace"][row]), simulator)
            seen.append(observation)
        return state | {"observation": self._see.to_floats(np.stack(seen))}

    def observe(self, state: State) -> Float[Tensor, "n ..."]:
        """What the environment returned."""
        return state["observation"]

    def step(self, state: State, actions: Shaped[Tensor, "n ..."]) -> Outcome:
        """One step of each row that has not ended."""
        check_actions(self, actions)
        n, going = len(state["t"]), ~state["over"]
        t = state["t"] + going
        after = state | {"t": t, "before": state["trace"], "trace": self._traced(state, actions, going)}
        after["history"] = state["history"].clone()
        rows = going.nonzero().flatten()
        after["history"][rows, state["t"][rows]] = actions[rows].to(after["history"].dtype)
        seen, reward = state["observation"].clone(), torch.zeros(n)
        terminated, truncated, solved = state["over"].clone(), torch.zeros(n, dtype=torch.bool), torch.zeros(n) > 0
        for row in rows.tolist():
            simulator = self._simulators.find(int(state["trace"][row]))
            if simulator is None:
                simulator, _ = self._replay(self._simulators, state, row)
            action = to_action(self._action_space, actions[row])
            observation, gain, terminated[row], truncated[row], info = simulator.step(action)
            seen[row] = self._see.to_floats(np.asarray(observation)[None])[0]
            reward[row], solved[row] = float(gain), bool(info.get("is_success", False))
            if terminated[row] or truncated[row] or int(t[row]) >= self.horizon:
                self._simulators.free(simulator)
            else:
                self._simulators.keep(int(after["trace"][row]), simulator)
        truncated |= going & (t >= self.horizon) & ~terminated
        after |= {"observation": seen, "over": terminated | truncated}
        return Outcome(after, reward, terminated, truncated, solved)

    def draw(self, state: State, row: int) -> UInt8[Tensor, "h w 3"]:
        """The picture that the environment renders.

        Raises:
            InputError: If it renders none.
        """
        trace, before = int(state["trace"][row]), int(state["before"][row])
        simulator = self._pictured.find(trace)
        if simulator is None and int(state["t"][row]):
            simulator = self._pictured.find(before)
            if simulator is not None:
                simulator.step(to_action(self._action_space, state["history"][row, int(state["t"][row]) - 1]))
        if simulator is None:
            simulator, _ = self._replay(self._pictured, state, row)
        try:
            picture = simulator.render()
        except gymnasium.error.Error as error:  # such as a package that only pictures need
            raise InputError(f"{self.env} renders no pictures: {error}") from None
        self._pictured.keep(trace, simulator)
        if not isinstance(picture, np.ndarray):
            raise InputError(f"{self.env} renders no pictures")
        return torch.from_numpy(np.array(picture[..., :3], np.uint8))

    def _replay(self, simulators: Simulators, state: State, row: int) -> tuple[Any, Any]:
        """A simulator in the state of a row, and its last observation."""
        values = dict(zip(self._ranges, state["contexts"][row].tolist(), strict=False))
        said = state["history"][row, : int(state["t"][row])]
        # Gymnasium's own generator takes seeds of 32 bits at most for some environments.
        seed = int(state["seed"][row]) & 0x7FFFFFFF
        actions = [to_action(self._action_space, action) for action in said]
        return simulators.play(seed, lambda simulator: set_attributes(simulator.unwrapped, values), actions)

    def _traced(self, state: State, actions: Tensor, going: Tensor) -> Tensor:
        """The traces after a step; those of rows that had ended stay."""
        words = actions.to(state["history"].dtype).reshape(len(actions), -1).double().numpy().view(np.int64)
        trace = state["trace"].numpy()
        for word in words.T:
            trace = streams.bits(TRACE, trace, word).view(np.int64)
        return torch.where(going, torch.from_numpy(np.array(trace)), state["trace"])
