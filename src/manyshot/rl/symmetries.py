"""Symmetries: changes of observation and action under which a family of worlds stays what it is."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float, Shaped
from torch import Generator, Tensor

from manyshot.augment.ops.op import Params, check_number
from manyshot.rl.replace_rows import where_rows


class Symmetry(ABC):
    """A group of changes g of a world: the agent sees g o instead of o, and the world hears g^-1 a instead of a.

    Acting *through* g is like living in another world of the family, with the state g s:

        step(g s, a) = g step(s, g^-1 a)

    So the data stay on-policy and exact. Turning stored transitions instead would need the probability of the turned
    action, which is right for off-policy learners only.

    One draw belongs to a whole trial. Every symmetry is a frozen dataclass of plain numbers.
    """

    @abstractmethod
    def sample(self, n: int, generator: Generator) -> Params:
        """Draw a change g for each of n rows."""

    @abstractmethod
    def observe(self, observations: Float[Tensor, "n ..."], params: Params) -> Float[Tensor, "n ..."]:
        """What the agent sees, g o."""

    @abstractmethod
    def act(self, actions: Shaped[Tensor, "n ..."], params: Params) -> Shaped[Tensor, "n ..."]:
        """What the world hears of what the agent says, g^-1 a."""

    @abstractmethod
    def move(self, state: dict[str, Tensor], params: Params) -> dict[str, Tensor]:
        """The state g s of the world in which the agent seems to live."""


@dataclass(frozen=True)
class InTurn(Symmetry):
    """Several symmetries, the first one nearest to the world; none leaves everything as it is.

    Args:
        parts: The symmetries in order.

    Example:
        >>> nothing = InTurn(())
        >>> nothing.act(torch.tensor([1, 0]), nothing.sample(2, torch.Generator()))
        tensor([1, 0])
    """

    parts: tuple[Symmetry, ...]

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw the params of each part, under its index."""
        return {str(index): part.sample(n, generator) for index, part in enumerate(self.parts)}

    def observe(self, observations: Float[Tensor, "n ..."], params: Params) -> Float[Tensor, "n ..."]:
        """Change the observations by each part, in order."""
        for index, part in enumerate(self.parts):
            observations = part.observe(observations, params[str(index)])
        return observations

    def act(self, actions: Shaped[Tensor, "n ..."], params: Params) -> Shaped[Tensor, "n ..."]:
        """Change the actions back by each part, the last one first."""
        for index, part in reversed(list(enumerate(self.parts))):
            actions = part.act(actions, params[str(index)])
        return actions

    def move(self, state: dict[str, Tensor], params: Params) -> dict[str, Tensor]:
        """Change the state by each part, in order."""
        for index, part in enumerate(self.parts):
            state = part.move(state, params[str(index)])
        return state


@dataclass(frozen=True)
class Perhaps(Symmetry):
    """A symmetry that acts in a row with probability p.

    Args:
        of: The symmetry.
        p: Probability.

    Raises:
        InputError: If p is outside 0 to 1.
    """

    of: Symmetry
    p: float

    def __post_init__(self) -> None:
        check_number(self, "p", high=1)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `on [n]`, booleans, and the params of the symmetry under `inner`."""
        return {"on": torch.rand(n, generator=generator) < self.p, "inner": self.of.sample(n, generator)}

    def observe(self, observations: Float[Tensor, "n ..."], params: Params) -> Float[Tensor, "n ..."]:
        """Change the observations of the chosen rows."""
        return where_rows(params["on"], self.of.observe(observations, params["inner"]), observations)

    def act(self, actions: Shaped[Tensor, "n ..."], params: Params) -> Shaped[Tensor, "n ..."]:
        """Change the actions of the chosen rows back."""
        return where_rows(params["on"], self.of.act(actions, params["inner"]), actions)

    def move(self, state: dict[str, Tensor], params: Params) -> dict[str, Tensor]:
        """Change the state of the chosen rows."""
        moved = self.of.move(state, params["inner"])
        return {name: where_rows(params["on"], moved[name], state[name]) for name in state}
