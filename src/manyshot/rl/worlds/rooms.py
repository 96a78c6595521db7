"""Rooms: find the goal in a procedural floor plan, from a view of what is near."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Generator, Tensor
from torch.nn import functional as F

from manyshot.augment.ops.op import Params
from manyshot.base import seeds as streams
from manyshot.rl.replace_rows import where_rows
from manyshot.rl.symmetries import Symmetry
from manyshot.rl.worlds.maze import FAR, maze
from manyshot.rl.worlds.world import Box, Discrete, Outcome, State, check_actions, check_contexts

START = 4
"""Stream of the first cells."""
NEAREST = 3
"""An episode begins at least this many steps from the goal, if there is such a cell."""
MOVES = ((0, 1), (-1, 0), (0, -1), (1, 0))
"""Rows down and columns right of the four actions: right, up, left, down."""
SIZE, VIEW = 9, 7
STEP_COST = 0.01
LEVELS = 2**24 - 1
"""Largest number of a level: float32 holds all whole numbers up to it."""
PEOPLE_SEE = 24
"""Pixels along a cell of a drawn picture."""


@dataclass(frozen=True)
class Rooms:
    """A walker in a room of 9 x 9 cells with random walls, who sees the 7 x 7 cells around it.

    A context is a level, a whole number from which walls and goal are drawn; so there are as many worlds as one likes,
    and a new one must be understood from its picture. Actions 0 to 3 go right, up, left and down; walls hold. The
    channels of the picture are walls, goal and free floor, the walker is in the middle, and a goal out of view is shown
    at the border nearest to it. The reward is 1 at the goal, less 0.01 a step.

    Example:
        >>> world = Rooms()
        >>> state = world.start(torch.tensor([[0.0], [1.0]]), torch.tensor([0, 0]))
        >>> world.observe(state).shape, world.right(state).any(1).tolist()
        (torch.Size([2, 3, 7, 7]), [True, True])
    """

    names: ClassVar[tuple[str, ...]] = ("level",)
    bounds: ClassVar[tuple[tuple[float, float], ...]] = ((0.0, float(LEVELS)),)
    actions: ClassVar[Discrete | Box] = Discrete(4)
    observation: ClassVar[tuple[int, ...]] = (3, VIEW, VIEW)
    limits: ClassVar[tuple[float, float]] = (0.0, 1.0)
    horizon: ClassVar[int] = 40

    @property
    def symmetries(self) -> Mapping[str, Symmetry]:
        """Quarter turns and the mirror, of picture and steps together."""
        return {"turn": Turn(), "mirror": Mirror()}

    def standard(self) -> Float[Tensor, "w k"]:
        """Levels 0 to 699: 200 to train with and 500 to judge with."""
        return torch.arange(700, dtype=torch.float32)[:, None]

    def start(self, contexts: Float[Tensor, "n k"], seeds: Int[Tensor, "n"]) -> State:
        """The walker stands on a random cell of its part of the floor, some steps away from the goal."""
        check_contexts(self, contexts)
        plans = [maze(int(level), SIZE) for level in contexts[:, 0].round().tolist()]
        distance = np.stack([plan.distance for plan in plans]).reshape(len(plans), -1)
        free = (distance < FAR) & (
            distance >= np.minimum(NEAREST, np.where(distance < FAR, distance, 0).max(1))[:, None]
        )
        drawn = streams.integers(free.sum(1), START, seeds.numpy())
        cell = (free.cumsum(1) > drawn[:, None]).argmax(1)
        return {
            "contexts": contexts,
            "walls": torch.from_numpy(np.stack([plan.walls for plan in plans])),
            "distance": torch.from_numpy(distance.reshape(-1, SIZE, SIZE)),
            "goal": torch.tensor([plan.goal for plan in plans]),
            "place": torch.from_numpy(np.stack((cell // SIZE, cell % SIZE), 1)),
            "t": torch.zeros(len(plans), dtype=torch.int64),
        }

    def observe(self, state: State) -> Float[Tensor, "n 3 7 7"]:
        """Walls, goal and free floor around the walker; beyond the room are walls."""
        reach = VIEW // 2
        rows = torch.arange(len(state["t"]))
        walls = F.pad(state["walls"].to(state["contexts"]), (reach,) * 4, value=1.0)
        near = torch.arange(VIEW)
        down, right = ((state["place"][:, axis, None] + near) for axis in (0, 1))
        around = walls[rows[:, None, None], down[:, :, None], right[:, None, :]]
        goal = torch.zeros_like(around)
        at = (state["goal"] - state["place"]).clamp(-reach, reach) + reach
        goal[rows, at[:, 0], at[:, 1]] = 1.0
        return torch.stack((around, goal, 1 - around), 1)

    def step(self, state: State, actions: Int[Tensor, "n"]) -> Outcome:
        """One cell on, unless a wall is there."""
        check_actions(self, actions)
        place = state["place"] + torch.tensor(MOVES)[actions]
        stays = _blocked(state["walls"], place)
        state = state | {"place": torch.where(stays[:, None], state["place"], place), "t": state["t"] + 1}
        solved = (state["place"] == state["goal"]).all(1)
        reward = solved.to(state["contexts"]) - STEP_COST
        return Outcome(state, reward, solved, ~solved & (state["t"] >= self.horizon), solved)

    def right(self, state: State) -> Bool[Tensor, "n 4"]:
        """The actions that lead nearer to the goal."""
        rows = torch.arange(len(state["t"]))
        around = F.pad(state["distance"], (1, 1, 1, 1), value=FAR)
        here = state["place"] + 1
        now = around[rows, here[:, 0], here[:, 1]]
        return torch.stack([around[rows, here[:, 0] + down, here[:, 1] + right] < now for down, right in MOVES], 1)

    def draw(self, state: State, row: int) -> UInt8[Tensor, "h w 3"]:
        """The whole floor: walls gray, the goal green, the walker red, what it sees in a lighter shade."""
        size = SIZE * PEOPLE_SEE
        down, right = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
        cell = torch.stack((down, right), -1) // PEOPLE_SEE
        inside = torch.stack((down, right), -1) % PEOPLE_SEE - (PEOPLE_SEE - 1) / 2
        seen = ((cell - state["place"][row]).abs() <= VIEW // 2).all(-1)
        image = torch.where(seen[..., None], 255, 225).expand(-1, -1, 3).to(torch.uint8).clone()
        walls = state["walls"][row][cell[..., 0], cell[..., 1]]
        image[walls & seen] = torch.tensor([110, 110, 120], dtype=torch.uint8)
        image[walls & ~seen] = torch.tensor([160, 160, 170], dtype=torch.uint8)
        image[(cell == state["goal"][row]).all(-1)] = torch.tensor([80, 180, 100], dtype=torch.uint8)
        walker = (cell == state["place"][row]).all(-1) & (inside.norm(dim=-1) < PEOPLE_SEE * 0.38)
        image[walker] = torch.tensor([210, 60, 50], dtype=torch.uint8)
        return image


def _blocked(walls: Bool[Tensor, "n h w"], place: Int[Tensor, "n 2"]) -> Bool[Tensor, "n"]:
    """Whether a cell is a wall or beyond the room."""
    outside = ((place < 0) | (place >= SIZE)).any(1)
    inside = place.clamp(0, SIZE - 1)
    return outside | walls[torch.arange(len(place)), inside[:, 0], inside[:, 1]]


GRIDS = ("walls", "distance")
PLACES = ("place", "goal")


@dataclass(frozen=True)
class Turn(Symmetry):
    """Turn picture and steps by a random number of quarters, counterclockwise."""

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `quarters [n]`, 0 to 3."""
        return {"quarters": torch.randint(4, (n,), generator=generator)}

    def observe(self, observations: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Turn the pictures."""
        return _turned(observations, params["quarters"])

    def act(self, actions: Int[Tensor, "n"], params: Params) -> Int[Tensor, "n"]:
        """Turn the steps back."""
        quarters: Tensor = params["quarters"]
        return (actions - quarters) % 4

    def move(self, state: State, params: Params) -> State:
        """Turn the floor plan, and what stands on it."""
        quarters = params["quarters"]
        grids = {name: _turned(state[name], quarters) for name in GRIDS}
        moved = dict(state)
        for quarter in range(1, 4):
            for name in PLACES:
                down, right = moved[name].unbind(1)
                turned = torch.stack((SIZE - 1 - right, down), 1)
                moved[name] = where_rows(quarters >= quarter, turned, moved[name])
        return moved | grids


@dataclass(frozen=True)
class Mirror(Symmetry):
    """Exchange left and right, in half of the trials."""

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `on [n]`, booleans."""
        return {"on": torch.rand(n, generator=generator) < 0.5}

    def observe(self, observations: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Mirror the pictures."""
        return where_rows(params["on"], observations.flip(-1), observations)

    def act(self, actions: Int[Tensor, "n"], params: Params) -> Int[Tensor, "n"]:
        """Exchange right (0) and left (2)."""
        mirrored = torch.tensor([2, 1, 0, 3])[actions]
        return torch.where(params["on"], mirrored, actions)

    def move(self, state: State, params: Params) -> State:
        """Mirror the floor plan, and what stands on it."""
        grids = {name: where_rows(params["on"], state[name].flip(-1), state[name]) for name in GRIDS}
        places = {}
        for name in PLACES:
            down, right = state[name].unbind(1)
            places[name] = where_rows(params["on"], torch.stack((down, SIZE - 1 - right), 1), state[name])
        return state | grids | places


def _turned(grids: Tensor, quarters: Int[Tensor, "n"]) -> Tensor:
    """Turn the last two axes, row by row."""
    turned = grids
    for quarter in range(1, 4):
        turned = where_rows(quarters == quarter, grids.rot90(quarter, (-2, -1)), turned)
    return turned
