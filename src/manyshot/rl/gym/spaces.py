"""Spaces of Gymnasium and tensors: which observations and actions there are, and how they are converted."""

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from jaxtyping import Float, Shaped
from numpy.typing import NDArray
from torch import Tensor

from manyshot.base import InputError
from manyshot.rl.worlds.world import Actions, Box, Discrete, Environment, World

Array = NDArray[Any]


def observation_space(world: World) -> spaces.Box:
    """The space of what an agent sees in a world: uint8 for images, as others expect them, and float32 for vectors.

    Example:
        >>> from manyshot.rl.worlds.leap import Leap
        >>> observation_space(Leap())
        Box(0, 255, (1, 32, 32), uint8)
    """
    if len(world.observation) == 3:
        return spaces.Box(0, 255, world.observation, np.uint8)
    low, high = world.limits
    return spaces.Box(low, high, world.observation, np.float32)


def action_space(world: World) -> spaces.Discrete | spaces.Box:
    """The space of what an agent can do in a world.

    Example:
        >>> from manyshot.rl.worlds.point_world import Point
        >>> action_space(Point())
        Box(-1.0, 1.0, (2,), float32)
    """
    if isinstance(world.actions, Discrete):
        return spaces.Discrete(world.actions.n)
    return spaces.Box(world.actions.low, world.actions.high, world.actions.shape, np.float32)


def to_space(world: World, observations: Float[Tensor, "n ..."]) -> Array:
    """A world's observations as its space has them."""
    if len(world.observation) == 3:
        observations = observations.clamp(0, 1).mul(255).round().to(torch.uint8)
    else:
        observations = observations.float().clamp(*world.limits)
    return np.asarray(observations.numpy())


def actions_of(space: spaces.Space[Any]) -> Actions:
    """The actions of an environment: whole numbers from 0, or numbers from -1 to 1 that are stretched to its bounds.

    Raises:
        InputError: If the space is neither discrete nor a bounded box.

    Example:
        >>> actions_of(spaces.Box(-2.0, 2.0, (1,)))
        Box(low=-1.0, high=1.0, shape=(1,))
    """
    if isinstance(space, spaces.Discrete):
        return Discrete(int(space.n))
    if isinstance(space, spaces.Box) and np.isfinite(space.low).all() and np.isfinite(space.high).all():
        return Box(-1.0, 1.0, tuple(space.shape))
    raise InputError(f"actions {space}: give an environment with a discrete space or a bounded box")


def to_action(space: spaces.Space[Any], action: Shaped[Tensor, "..."]) -> Any:  # noqa: ANN401 - of the space
    """One action of `actions_of` as the environment's space has it.

    Example:
        >>> to_action(spaces.Box(-2.0, 4.0, (1,)), torch.tensor([0.5]))
        array([2.5], dtype=float32)
    """
    if isinstance(space, spaces.Discrete):
        return int(space.start) + int(action)
    assert isinstance(space, spaces.Box)
    share = (np.clip(action.numpy(), -1, 1) + 1) / 2
    return (space.low + share * (space.high - space.low)).astype(space.dtype)


class Seen:
    """How observations of an environment become tensors that ops take, and back.

    Args:
        space: A box of vectors, or of images `[h, w, c]` or `[c, h, w]`, uint8 or floats from 0 to 1; or whole numbers,
            which become vectors with a single 1.
        frames: Number of frames that are stacked in the channels.

    Raises:
        InputError: If the space is another one.

    Example:
        >>> Seen(spaces.Box(0, 255, (84, 84, 4), np.uint8), frames=4).shape
        (4, 84, 84)
    """

    def __init__(self, space: spaces.Space[Any], frames: int = 1) -> None:
        self.space, self.frames = space, frames
        self.last = False
        if isinstance(space, spaces.Discrete):
            self.shape: tuple[int, ...] = (int(space.n),)
            return
        if not isinstance(space, spaces.Box) or len(space.shape) not in (1, 3):
            raise InputError(
                f"observations {space}: give vectors or images; gymnasium.wrappers.FlattenObservation makes vectors"
            )
        images, shape = len(space.shape) == 3, tuple(int(side) for side in space.shape)
        scaled = space.dtype == np.uint8 or bool(np.all(space.low >= 0) and np.all(space.high <= 1))
        if images and not scaled:
            raise InputError(f"observations {space}: give images of uint8, or floats from 0 to 1")
        # Images have few channels: three axes of which the last is the shortest are [h, w, c].
        self.last = images and shape[2] < min(shape[:2])
        self.shape = (shape[2], *shape[:2]) if self.last else shape
        if images and self.shape[0] % frames:
            raise InputError(f"frames={frames}: {self.shape[0]} channels are no multiple of it")

    @property
    def environment(self) -> Environment:
        """What a plan has to know of it."""
        return Environment(self.shape)

    def to_tensor(self, observations: Array) -> Tensor:
        """Observations `[n, ...]` of the space, as ops take them: uint8 stays, everything else becomes float."""
        if isinstance(self.space, spaces.Discrete):
            numbers = torch.from_numpy(np.asarray(observations, np.int64)) - int(self.space.start)
            return torch.nn.functional.one_hot(numbers, self.shape[0]).float()
        moved = torch.from_numpy(np.array(np.moveaxis(observations, -1, 1) if self.last else observations))
        return moved if moved.is_floating_point() or (moved.ndim == 4) else moved.float()

    def to_floats(self, observations: Array) -> Float[Tensor, "n ..."]:
        """The same in float32, images from 0 to 1."""
        seen = self.to_tensor(observations)
        return seen.float() / 255 if seen.dtype == torch.uint8 else seen.float()

    def to_array(self, observations: Tensor) -> Array:
        """Tensors `[n, ...]` as the space has them; values outside are brought to its border.

        Raises:
            InputError: If the space is one of whole numbers, of which there are no changed ones.
        """
        if not isinstance(self.space, spaces.Box):
            raise InputError(f"observations {self.space}: whole numbers cannot be augmented")
        array = np.asarray(observations.numpy())
        array = np.moveaxis(array, 1, -1) if self.last else array
        if self.space.dtype.kind in "iu":
            array = array.round()
        inside: Array = np.clip(array, self.space.low, self.space.high).astype(self.space.dtype)
        return inside
