"""Cart: balance a pole on a cart whose physics differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Generator, Tensor

from manyshot.augment.ops.op import Params
from manyshot.base import seeds as streams
from manyshot.rl.replace_rows import where_rows
from manyshot.rl.symmetries import Symmetry
from manyshot.rl.worlds.world import Box, Discrete, Outcome, State, check_actions, check_contexts

START = 3
"""Stream of the first states."""
CART, POLE, SECONDS = 1.0, 0.1, 0.02
"""Masses of cart and pole, and the length of a step."""
TRACK, TILT = 2.4, np.deg2rad(12.0)
"""How far the cart may roll, and the pole may lean, either way."""
SPREAD = 0.05
"""Largest number of a first state, either way."""


@dataclass(frozen=True)
class Cart:
    """A cart that must keep its pole upright by pushes to the left or right.

    The physics are those of Gymnasium's CartPole-v1 (Barto, Sutton and Anderson 1983), with gravity, half the length of
    the pole, and the force of a push in the context. The reward is 1 a step, and an episode is solved if it lasts for
    500 steps. Physics hardly change which push is right: an agent that was trained in one of these worlds balances in
    nearly all, so they serve tests and comparisons of speed, not claims about augmentation.

    Example:
        >>> world = Cart()
        >>> state = world.start(torch.tensor([[9.8, 0.5, 10.0]]), torch.tensor([0]))
        >>> world.step(state, torch.tensor([1])).reward.tolist()
        [1.0]
    """

    names: ClassVar[tuple[str, ...]] = ("gravity", "length", "force")
    bounds: ClassVar[tuple[tuple[float, float], ...]] = ((5.0, 20.0), (0.25, 1.5), (4.0, 20.0))
    actions: ClassVar[Discrete | Box] = Discrete(2)
    observation: ClassVar[tuple[int, ...]] = (4,)
    limits: ClassVar[tuple[float, float]] = (-np.inf, np.inf)
    horizon: ClassVar[int] = 500

    @property
    def symmetries(self) -> Mapping[str, Symmetry]:
        """Left and right can be exchanged."""
        return {"mirror": Mirror()}

    def standard(self) -> Float[Tensor, "w k"]:
        """The physics of CartPole-v1, and 4 x 4 x 4 others."""
        ranges = (torch.linspace(low, high, 4) for low, high in self.bounds)
        return torch.cat([torch.tensor([[9.8, 0.5, 10.0]]), torch.cartesian_prod(*ranges)])

    def start(self, contexts: Float[Tensor, "n k"], seeds: Int[Tensor, "n"]) -> State:
        """Position, speed, angle and its speed, each up to 0.05 either way."""
        check_contexts(self, contexts)
        drawn = streams.uniform(START, seeds.numpy()[:, None], np.arange(4))
        return {
            "contexts": contexts,
            "body": torch.from_numpy(SPREAD * (2 * drawn - 1)).to(contexts),
            "t": torch.zeros(len(contexts), dtype=torch.int64),
        }

    def observe(self, state: State) -> Float[Tensor, "n 4"]:
        """Position, speed, angle (radians) and its speed."""
        return state["body"]

    def step(self, state: State, actions: Int[Tensor, "n"]) -> Outcome:
        """Push, and let 0.02 seconds pass (Euler's method)."""
        check_actions(self, actions)
        gravity, length, force = state["contexts"].unbind(1)
        x, speed, angle, turn = state["body"].unbind(1)
        push = force * (2 * actions - 1)
        mass, cos, sin = CART + POLE, angle.cos(), angle.sin()
        free = (push + POLE * length * turn**2 * sin) / mass
        turning = (gravity * sin - cos * free) / (length * (4 / 3 - POLE * cos**2 / mass))
        rolling = free - POLE * length * turning * cos / mass
        rates = torch.stack((speed, rolling, turn, turning), 1)
        state = state | {"body": state["body"] + SECONDS * rates, "t": state["t"] + 1}
        fallen = (state["body"][:, 0].abs() > TRACK) | (state["body"][:, 2].abs() > TILT)
        over = ~fallen & (state["t"] >= self.horizon)
        return Outcome(state, torch.ones_like(x), fallen, over, over)

    def draw(self, state: State, row: int) -> UInt8[Tensor, "h w 3"]:
        """Track, cart and pole."""
        x, _, angle, _ = state["body"][row].tolist()
        length = 60 * float(state["contexts"][row, 1])
        down, right = torch.meshgrid(torch.arange(128), torch.arange(256), indexing="ij")
        image = torch.full((128, 256, 3), 255, dtype=torch.uint8)
        left = 128 + x / TRACK * 108
        image[(down - 110).abs() < 1] = torch.tensor([180, 180, 180], dtype=torch.uint8)
        image[((down - 104).abs() <= 5) & ((right - left).abs() <= 14)] = torch.tensor([40, 40, 40], dtype=torch.uint8)
        along = (right - left) * np.sin(angle) - (down - 99) * np.cos(angle)
        across = (right - left) * np.cos(angle) + (down - 99) * np.sin(angle)
        on_pole = (across.abs() < 2) & (along >= 0) & (along <= length)
        image[on_pole] = torch.tensor([200, 120, 60], dtype=torch.uint8)
        return image


@dataclass(frozen=True)
class Mirror(Symmetry):
    """Exchange left and right, in half of the trials."""

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `on [n]`, booleans."""
        return {"on": torch.rand(n, generator=generator) < 0.5}

    def observe(self, observations: Float[Tensor, "n 4"], params: Params) -> Float[Tensor, "n 4"]:
        """All four numbers change their sign."""
        return where_rows(params["on"], -observations, observations)

    def act(self, actions: Int[Tensor, "n"], params: Params) -> Int[Tensor, "n"]:
        """The other push."""
        return torch.where(params["on"], 1 - actions, actions)

    def move(self, state: State, params: Params) -> State:
        """The mirrored cart."""
        return state | {"body": self.observe(state["body"], params)}
