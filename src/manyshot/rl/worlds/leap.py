"""Leap: run to the right and jump over one obstacle in time, from pixels."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from manyshot.augment.ops.op import check_number
from manyshot.base import seeds as streams
from manyshot.rl.symmetries import Symmetry
from manyshot.rl.worlds.world import Box, Discrete, Outcome, State, check_actions, check_contexts

HEIGHT, WIDTH = 4, 3
"""Size of the obstacle in pixels."""
AGENT_HEIGHT, AGENT_WIDTH = 5, 2
SHADES = (0.0, 0.4, 0.7, 1.0)
"""Gray of the sky, the ground, the obstacle and the agent."""
SCHEMES = 1000
CONTRAST = 0.3
"""Least difference of a color from the sky's, in every channel."""
PEOPLE_SEE = 8
"""Pixels of a drawn picture for each of the world."""


@dataclass(frozen=True)
class Leap:
    """A runner that must jump over an obstacle in time, seen from the side.

    A context says where floor and obstacle are. The runner moves one pixel a step. Action 1 starts a jump, if it stands
    on the floor: it rises one pixel a step for `rise` steps and falls as long, and nothing that it does in the air
    matters. Whoever touches the obstacle is out. Only the distance to the obstacle counts, neither its position nor the
    height of the floor, but an agent that saw a few pictures need not find that out. Our own version of the jumping
    task (Tachet des Combes, Bachman and van Seijen 2018), at 32 x 32 pixels instead of 60 x 60.

    The reward is 1/size for each step to the right, and 1 at the right border.

    Args:
        rise: Height of a jump in pixels; 6 leaves two positions from which a jump clears the obstacle, and each further
            pixel two more.
        colors: Whether a context also holds a color scheme, 0 to 999, which draws the colors of sky, ground, obstacle
            and runner, lighter or darker than the sky; otherwise pictures are gray.

    Raises:
        InputError: If rise is out of range.

    Example:
        >>> world = Leap()
        >>> state = world.start(torch.tensor([[4.0, 12.0]]), torch.tensor([0]))
        >>> for step in range(30):
        ...     outcome = world.step(state, torch.tensor([int(step == 6)]))
        ...     state = outcome.state
        >>> outcome.solved.tolist()
        [True]
    """

    rise: int = 6
    colors: bool = False

    size: ClassVar[int] = 32
    actions: ClassVar[Discrete | Box] = Discrete(2)
    limits: ClassVar[tuple[float, float]] = (0.0, 1.0)
    horizon: ClassVar[int] = 32

    def __post_init__(self) -> None:
        check_number(self, "rise", low=6, high=8, whole=True)

    @property
    def names(self) -> tuple[str, ...]:
        """Height of the floor and left border of the obstacle, in pixels, and the color scheme if there are colors."""
        return ("floor", "obstacle", "scheme") if self.colors else ("floor", "obstacle")

    @property
    def bounds(self) -> tuple[tuple[float, float], ...]:
        """Floors leave room for the jump; obstacles for a jump before and after."""
        return ((2.0, 18.0), (8.0, 22.0), (0.0, SCHEMES - 1.0))[: len(self.names)]

    @property
    def observation(self) -> tuple[int, ...]:
        """A square picture."""
        return (3 if self.colors else 1, self.size, self.size)

    @property
    def symmetries(self) -> Mapping[str, Symmetry]:
        """None that holds everywhere: a shifted picture lacks a strip of the world."""
        return {}

    def standard(self) -> Float[Tensor, "w k"]:
        """9 floors x 13 obstacles; or, with colors, 3 obstacles x 40 color schemes."""
        if self.colors:
            return torch.cartesian_prod(torch.tensor([10.0]), torch.arange(10.0, 21.0, 5.0), torch.arange(40.0))
        return torch.cartesian_prod(torch.arange(2.0, 19.0, 2.0), torch.arange(9.0, 22.0))

    def start(self, contexts: Float[Tensor, "n k"], seeds: Int[Tensor, "n"]) -> State:
        """The runner stands at the left border; contexts between pixels are rounded, and seeds change nothing."""
        check_contexts(self, contexts)
        still = torch.zeros(len(contexts), dtype=torch.int64)
        return {"contexts": contexts, "x": still, "air": still, "t": still}

    def observe(self, state: State) -> Float[Tensor, "n c h w"]:
        """The picture: ground, obstacle and runner."""
        return (
            self._colors(state["contexts"])
            .to(state["contexts"])[torch.arange(len(state["t"]))[:, None, None], self._parts(state)]
            .permute(0, 3, 1, 2)
        )

    def step(self, state: State, actions: Int[Tensor, "n"]) -> Outcome:
        """One pixel to the right, and up or down in a jump."""
        check_actions(self, actions)
        air = torch.where(state["air"] > 0, (state["air"] + 1) % (2 * self.rise), (actions == 1).long())
        after = state | {"x": state["x"] + 1, "air": air, "t": state["t"] + 1}
        obstacle = state["contexts"][:, 1].round().long()
        above = (after["x"] + AGENT_WIDTH > obstacle) & (after["x"] < obstacle + WIDTH)
        crashed = above & (self._height(after) < HEIGHT)
        solved = ~crashed & (after["x"] + AGENT_WIDTH >= self.size)
        reward = (~crashed).to(state["contexts"]) / self.size + solved.to(state["contexts"])
        ended = crashed | solved
        return Outcome(after, reward, ended, ~ended & (after["t"] >= self.horizon), solved)

    def right(self, state: State) -> Bool[Tensor, "n 2"]:
        """The actions after which a right jump, or none, still leads to the right border."""
        ahead = (state["contexts"][:, 1].round().long() - state["x"]).clamp(min=-WIDTH)
        return _solvable(self.rise)[ahead + WIDTH, state["air"]]

    def draw(self, state: State, row: int) -> UInt8[Tensor, "h w 3"]:
        """What the agent sees, larger."""
        image = self.observe({name: value[row : row + 1] for name, value in state.items()})[0]
        large = image.repeat_interleave(PEOPLE_SEE, 1).repeat_interleave(PEOPLE_SEE, 2)
        return large.expand(3, -1, -1).permute(1, 2, 0).mul(255).round().to(torch.uint8)

    def _height(self, state: State) -> Int[Tensor, "n"]:
        """Height of the runner above the floor."""
        return torch.minimum(state["air"], (2 * self.rise - state["air"]) % (2 * self.rise))

    def _parts(self, state: State) -> Int[Tensor, "n h w"]:
        """What each pixel shows: 0 sky, 1 ground, 2 obstacle, 3 runner."""
        floor, obstacle = state["contexts"][:, :2].round().long()[..., None, None].unbind(1)
        up = torch.arange(self.size - 1, -1, -1)[:, None] - floor  # pixels above the floor
        right = torch.arange(self.size)[None, :]
        x, height = state["x"][:, None, None], self._height(state)[:, None, None]
        parts = (up < 0).long().expand(-1, -1, self.size)
        on_obstacle = (up >= 0) & (up < HEIGHT) & (right >= obstacle) & (right < obstacle + WIDTH)
        on_agent = (up >= height) & (up < height + AGENT_HEIGHT) & (right >= x) & (right < x + AGENT_WIDTH)
        return parts.masked_fill(on_obstacle, 2).masked_fill(on_agent, 3)

    def _colors(self, contexts: Float[Tensor, "n k"]) -> Float[Tensor, "n 4 c"]:
        """The color of each part; those of a scheme are any, but apart from that of its sky."""
        if not self.colors:
            return torch.tensor(SHADES).reshape(1, 4, 1).expand(len(contexts), 4, 1)
        scheme = contexts[:, 2].round().long().numpy()
        drawn = streams.uniform(0, SCHEMES, scheme[:, None, None], np.arange(4)[:, None], np.arange(3))
        sky, others = drawn[:, :1], drawn[:, 1:]
        around = (sky + CONTRAST + (1 - 2 * CONTRAST) * others) % 1
        return torch.from_numpy(np.concatenate((sky, around), 1))


@lru_cache
def _solvable(rise: int) -> Bool[Tensor, "ahead air 2"]:
    """Whether an action leaves a way, by the obstacle's distance ahead (plus its width) and the steps of the jump."""
    farthest, longest = Leap.size, 2 * rise
    # From the obstacle's far side backwards: beyond it everything is solved.
    alive = np.ones((farthest + WIDTH + 1, longest), dtype=bool)
    leads = np.ones((farthest + WIDTH + 1, longest, 2), dtype=bool)
    for index in range(1, farthest + WIDTH + 1):
        ahead = index - WIDTH - 1  # after the step
        for air in range(longest):
            for action in range(2):
                after = (air + 1) % longest if air else action
                touches = -WIDTH < ahead < AGENT_WIDTH and min(after, longest - after if after else 0) < HEIGHT
                leads[index, air, action] = not touches and alive[index - 1, after]
        alive[index] = leads[index].any(1)
    return torch.from_numpy(leads)
