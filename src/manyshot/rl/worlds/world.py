"""Worlds: batches of environments as pure functions of their state, each row with a context of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from jaxtyping import Bool, Float, Int, Shaped, UInt8
from torch import Tensor

from manyshot.base import InputError
from manyshot.rl.symmetries import Symmetry

State = dict[str, Tensor]
"""All that determines how n environments go on, a row for each: `contexts [n, k]`, the steps taken `t [n]`, ..."""


@dataclass(frozen=True)
class Discrete:
    """Actions 0 to n - 1, as integers `[rows]`.

    Args:
        n: Number of actions.
    """

    n: int


@dataclass(frozen=True)
class Box:
    """Actions of real numbers from low to high, as floats `[rows, *shape]`.

    Args:
        low: Smallest value of every number.
        high: Largest value of every number.
        shape: Axes of the action of one row.
    """

    low: float
    high: float
    shape: tuple[int, ...]


Actions = Discrete | Box


@runtime_checkable
class Augmentable(Protocol):
    """What a plan has to know of an environment: its contexts, what an agent sees, and its symmetries."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the k numbers of a context."""
        ...

    @property
    def bounds(self) -> tuple[tuple[float, float], ...]:
        """Smallest and largest value of each number of a context."""
        ...

    @property
    def observation(self) -> tuple[int, ...]:
        """Axes of the observation of one row: `(c, h, w)` for images from 0 to 1, `(d,)` for vectors."""
        ...

    @property
    def symmetries(self) -> Mapping[str, Symmetry]:
        """The changes of observation and action under which the family stays what it is, exactly."""
        ...


@dataclass(frozen=True)
class Environment:
    """An environment of which only its observations are known, such as any one of Gymnasium's.

    Args:
        observation: Axes of the observation.
    """

    observation: tuple[int, ...]

    names: ClassVar[tuple[str, ...]] = ()
    bounds: ClassVar[tuple[tuple[float, float], ...]] = ()
    symmetries: ClassVar[Mapping[str, Symmetry]] = {}


@dataclass(frozen=True)
class Outcome:
    """What one step of n environments led to.

    Args:
        state: The new state, also of rows that ended; nothing is reset.
        reward: Reward of the step.
        terminated: Whether the episode ended by the rules of the world: nothing is to be earned from here on.
        truncated: Whether it was cut at the horizon, so that what would have been earned is to be estimated.
        solved: Whether the step reached the goal of the world.
    """

    state: State
    reward: Float[Tensor, "n"]
    terminated: Bool[Tensor, "n"]
    truncated: Bool[Tensor, "n"]
    solved: Bool[Tensor, "n"]

    @property
    def done(self) -> Bool[Tensor, "n"]:
        """Whether the episode ended, in either way."""
        return self.terminated | self.truncated


@runtime_checkable
class World(Augmentable, Protocol):
    """A family of environments that differ in a context, such as where the obstacle stands.

    A world is a frozen dataclass of plain numbers; all that changes is in the state. So a checkpoint is the state and
    the generators, the trainer decides which environment a row becomes when its episode ends, and an update can be
    replayed or differentiated.
    """

    @property
    def actions(self) -> Actions:
        """What an agent can do."""
        ...

    @property
    def limits(self) -> tuple[float, float]:
        """Smallest and largest number in an observation; infinite if there are no limits."""
        ...

    @property
    def horizon(self) -> int:
        """Number of steps after which an episode is truncated."""
        ...

    def standard(self) -> Float[Tensor, "w k"]:
        """The contexts of the w environments of the standard family, in a fixed order."""
        ...

    def start(self, contexts: Float[Tensor, "n k"], seeds: Int[Tensor, "n"]) -> State:
        """The first state of an episode in each row, a function of the row's context and seed alone."""
        ...

    def observe(self, state: State) -> Float[Tensor, "n ..."]:
        """What an agent sees."""
        ...

    def step(self, state: State, actions: Shaped[Tensor, "n ..."]) -> Outcome:
        """One step of each row. The given state is not changed; rows that end are not reset."""
        ...

    def draw(self, state: State, row: int) -> UInt8[Tensor, "h w 3"]:
        """A picture of one row for people, who may see more than the agent."""
        ...


@runtime_checkable
class Guided(World, Protocol):
    """A world with discrete actions that knows which of them are right."""

    def right(self, state: State) -> Bool[Tensor, "n a"]:
        """The actions after which the world can still be solved as soon as it could before."""
        ...


def check_contexts(world: World, contexts: Float[Tensor, "n k"]) -> None:
    """Check that contexts are those of a world.

    Raises:
        InputError: If they have another number of values, or one is not a number or out of bounds.

    Example:
        >>> import torch
        >>> from manyshot.rl.worlds.leap import Leap
        >>> check_contexts(Leap(), torch.tensor([[4.0, 90.0]]))
        Traceback (most recent call last):
        manyshot.base.errors.InputError: leap: obstacle=90 in row 0; give a number from 8 to 22
    """
    kind = type(world).__name__.lower()
    if contexts.ndim != 2 or contexts.shape[1] != len(world.names):
        raise InputError(
            f"{kind}: contexts of shape {list(contexts.shape)}; give [n, {len(world.names)}]: {world.names}"
        )
    low, high = contexts.new_tensor(world.bounds).reshape(-1, 2).T
    wrong = ~((contexts >= low) & (contexts <= high))
    if bool(wrong.any()):
        row, column = (int(index) for index in wrong.nonzero()[0])
        least, most = world.bounds[column]
        raise InputError(
            f"{kind}: {world.names[column]}={float(contexts[row, column]):g} in row {row}; "
            f"give a number from {least:g} to {most:g}"
        )


def check_actions(world: World, actions: Shaped[Tensor, "n ..."]) -> None:
    """Check that actions are of a world's kind.

    Raises:
        InputError: If the shape or type does not fit, an index is out of range, or a number is not finite.
    """
    kind, space = type(world).__name__.lower(), world.actions
    if isinstance(space, Discrete):
        if actions.ndim != 1 or actions.is_floating_point():
            raise InputError(f"{kind}: actions {list(actions.shape)} of {actions.dtype}; give integers [n]")
        if actions.numel() and not (int(actions.min()) >= 0 and int(actions.max()) < space.n):
            raise InputError(
                f"{kind}: actions from {int(actions.min())} to {int(actions.max())}; give 0 to {space.n - 1}"
            )
    elif actions.shape[1:] != space.shape or not actions.is_floating_point():
        raise InputError(f"{kind}: actions {list(actions.shape)} of {actions.dtype}; give floats {['n', *space.shape]}")
    elif not bool(actions.isfinite().all()):
        row = int((~actions.isfinite().flatten(1).all(1)).nonzero()[0, 0])
        raise InputError(f"{kind}: the action of row {row} is not finite; the policy has diverged")
