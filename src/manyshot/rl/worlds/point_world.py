"""Point: find a goal in the plane, which may be hidden, with controls that may be turned."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float, Int, UInt8
from torch import Generator, Tensor

from manyshot.augment.ops.op import Params
from manyshot.rl.symmetries import Symmetry
from manyshot.rl.worlds.world import Box, Discrete, Outcome, State, check_actions, check_contexts

REACH = 1.5
"""Radius of the disc that the point cannot leave."""
STEP = 0.2
"""Longest way in one step."""
NEAR = 0.2
"""Distance at which the goal is reached."""
RADIUS, DEGREES = 0.8, 10
"""The goals of the standard family stand on a circle."""
PEOPLE_SEE = 160
"""Pixels along a side of a drawn picture."""


@dataclass(frozen=True)
class Point:
    """A point that moves in the plane to a goal, which may be hidden.

    A context says where the goal is, and how the controls are turned. The action, shortened to length 1 if it is
    longer, is turned by the controls' angle and moves the point by up to 0.2. The episode ends at a distance of 0.2
    from the goal, with a reward of 1. If neither goal nor controls are seen, an agent can only find them out by trying,
    and an agent with memory can use them in the next episode.

    Args:
        reward: "dense" adds by how much the point came nearer in the step, "sparse" adds nothing.
        sees_goal: Whether the observation holds the goal.
        sees_controls: Whether it holds cosine and sine of the controls' angle.

    Example:
        >>> world = Point(sees_goal=True)
        >>> state = world.start(torch.tensor([[0.8, 0.0, 90.0]]), torch.tensor([0]))
        >>> outcome = world.step(state, torch.tensor([[1.0, 0.0]]))
        >>> bool(torch.allclose(outcome.state["position"], torch.tensor([[0.0, 0.2]]), atol=1e-6))
        True
    """

    reward: Literal["dense", "sparse"] = "dense"
    sees_goal: bool = False
    sees_controls: bool = False

    names: ClassVar[tuple[str, ...]] = ("goal_x", "goal_y", "controls")
    bounds: ClassVar[tuple[tuple[float, float], ...]] = ((-1.0, 1.0), (-1.0, 1.0), (-180.0, 180.0))
    actions: ClassVar[Discrete | Box] = Box(-1.0, 1.0, (2,))
    limits: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    horizon: ClassVar[int] = 12

    @property
    def observation(self) -> tuple[int, ...]:
        """Position, as a fraction of the disc's radius; goal and controls likewise where they are seen."""
        return (2 + 2 * self.sees_goal + 2 * self.sees_controls,)

    @property
    def symmetries(self) -> Mapping[str, Symmetry]:
        """Turns and mirrors of the plane, and turns of the controls alone."""
        pairs = (0, 2) if self.sees_goal else (0,)
        seen = self.observation[0] - 2 if self.sees_controls else None
        return {"turn": Turn(pairs, seen), "mirror": Mirror(pairs, seen), "controls": Controls(seen)}

    def standard(self) -> Float[Tensor, "w k"]:
        """36 goals all around at a distance of 0.8, with straight controls."""
        angle = torch.arange(0, 360, DEGREES, dtype=torch.float64).deg2rad()
        goals = RADIUS * torch.stack((angle.cos(), angle.sin(), torch.zeros_like(angle)), 1)
        return goals.float()

    def start(self, contexts: Float[Tensor, "n k"], seeds: Int[Tensor, "n"]) -> State:
        """The point stands in the middle; seeds change nothing."""
        check_contexts(self, contexts)
        return {
            "contexts": contexts,
            "position": torch.zeros_like(contexts[:, :2]),
            "t": torch.zeros(len(contexts), dtype=torch.int64),
        }

    def observe(self, state: State) -> Float[Tensor, "n d"]:
        """Position, and what else is seen."""
        parts = [state["position"] / REACH]
        if self.sees_goal:
            parts.append(state["contexts"][:, :2] / REACH)
        if self.sees_controls:
            angle = state["contexts"][:, 2].deg2rad()
            parts += [angle.cos()[:, None], angle.sin()[:, None]]
        return torch.cat(parts, 1)

    def step(self, state: State, actions: Float[Tensor, "n 2"]) -> Outcome:
        """Move; differentiable in the actions where the point does not arrive."""
        check_actions(self, actions)
        goal, angle = state["contexts"][:, :2], state["contexts"][:, 2].deg2rad()
        way = STEP * actions / actions.norm(dim=1, keepdim=True).clamp(min=1)
        position = state["position"] + (_matrix(angle) @ way[..., None])[..., 0]
        position = position / (position.norm(dim=1, keepdim=True) / REACH).clamp(min=1)
        before, after = ((goal - at).norm(dim=1) for at in (state["position"], position))
        solved = after <= NEAR
        reward = solved.to(position) + (before - after if self.reward == "dense" else 0.0)
        state = state | {"position": position, "t": state["t"] + 1}
        return Outcome(state, reward, solved, ~solved & (state["t"] >= self.horizon), solved)

    def draw(self, state: State, row: int) -> UInt8[Tensor, "h w 3"]:
        """The disc, the goal as a green circle and the point in black."""
        line = torch.linspace(-REACH, REACH, PEOPLE_SEE)
        x, y = line[None, :], -line[:, None]
        image = torch.full((PEOPLE_SEE, PEOPLE_SEE, 3), 255, dtype=torch.uint8)
        goal, position = state["contexts"][row, :2].tolist(), state["position"][row].tolist()
        image[x**2 + y**2 > REACH**2] = torch.tensor([224, 224, 224], dtype=torch.uint8)
        for (right, up), radius, color in ((goal, NEAR, (80, 180, 100)), (position, NEAR / 3, (30, 30, 30))):
            image[(x - right) ** 2 + (y - up) ** 2 <= radius**2] = torch.tensor(color, dtype=torch.uint8)
        return image


def _matrix(angle: Float[Tensor, "n"]) -> Float[Tensor, "n 2 2"]:
    """Rotations by angles in radians."""
    cos, sin = angle.cos(), angle.sin()
    return torch.stack((torch.stack((cos, -sin), -1), torch.stack((sin, cos), -1)), -2)


def _map_pairs(values: Tensor, pairs: tuple[int, ...], matrix: Float[Tensor, "n 2 2"]) -> Tensor:
    """Map pairs of neighboring columns by a matrix a row."""
    columns = list(values.unbind(1))
    for first in pairs:
        columns[first], columns[first + 1] = (matrix.to(values) @ values[:, first : first + 2, None])[..., 0].unbind(1)
    return torch.stack(columns, 1)


@dataclass(frozen=True)
class Turn(Symmetry):
    """Turn the plane by a uniform angle: position, goal and action.

    Args:
        pairs: First columns of the points in the observation.
        controls: First column of the controls' angle in the observation; None if it is not seen.
    """

    pairs: tuple[int, ...]
    controls: int | None

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `map [n, 2, 2]`, rotations."""
        return {"map": _matrix(2 * torch.pi * torch.rand(n, generator=generator, dtype=torch.float64))}

    def observe(self, observations: Float[Tensor, "n d"], params: Params) -> Float[Tensor, "n d"]:
        """Map the points; where the plane is mirrored, the controls turn the other way."""
        mapped = _map_pairs(observations, self.pairs, params["map"])
        if self.controls is None:
            return mapped
        keep = torch.ones_like(mapped)
        keep[:, self.controls + 1] = torch.det(params["map"]).sign().to(mapped)
        return mapped * keep

    def act(self, actions: Float[Tensor, "n 2"], params: Params) -> Float[Tensor, "n 2"]:
        """Map the action back."""
        return _map_pairs(actions, (0,), params["map"].mT)

    def move(self, state: State, params: Params) -> State:
        """Map position and goal; where the plane is mirrored, the controls turn the other way."""
        contexts = _map_pairs(state["contexts"], (0,), params["map"])
        angle = contexts[:, 2:] * torch.det(params["map"]).sign().to(contexts)[:, None]
        position = _map_pairs(state["position"], (0,), params["map"])
        return state | {"position": position, "contexts": torch.cat((contexts[:, :2], angle), 1)}


@dataclass(frozen=True)
class Mirror(Turn):
    """Mirror the plane left to right with probability one half."""

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `map [n, 2, 2]`, the identity or the reflection."""
        sign = 1.0 - 2 * (torch.rand(n, generator=generator) < 0.5).double()
        return {"map": torch.diag_embed(torch.stack((sign, torch.ones_like(sign)), 1))}


@dataclass(frozen=True)
class Controls(Symmetry):
    """Turn the action alone by a uniform angle, which makes a world with other controls.

    Args:
        seen: First column of the controls' angle in the observation; None if it is not seen.
    """

    seen: int | None

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `degrees [n]`."""
        return {"degrees": 360 * torch.rand(n, generator=generator, dtype=torch.float64) - 180}

    def observe(self, observations: Float[Tensor, "n d"], params: Params) -> Float[Tensor, "n d"]:
        """Turn the angle of the controls, where it is seen."""
        if self.seen is None:
            return observations
        return _map_pairs(observations, (self.seen,), _matrix(params["degrees"].deg2rad()))

    def act(self, actions: Float[Tensor, "n 2"], params: Params) -> Float[Tensor, "n 2"]:
        """Turn the action."""
        return _map_pairs(actions, (0,), _matrix(params["degrees"].deg2rad()))

    def move(self, state: State, params: Params) -> State:
        """Turn the controls."""
        angle = state["contexts"][:, 2] + params["degrees"].to(state["contexts"])
        angle = (angle + 180) % 360 - 180
        return state | {"contexts": torch.cat((state["contexts"][:, :2], angle[:, None]), 1)}
