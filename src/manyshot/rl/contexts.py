"""Families of worlds as sources, their splits, and the seeds of episodes."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from manyshot.base import InputError, did_you_mean
from manyshot.base import seeds as streams
from manyshot.base.check_numbers import check_range
from manyshot.rl.worlds.world import World, check_contexts
from manyshot.tasks import Source

EPISODES = 1
"""Stream of the seeds of episodes."""
DRAWN = 2
"""Stream of contexts drawn at random."""


def family(
    world: World,
    values: Mapping[str, Sequence[float]] | None = None,
    count: int | None = None,
    seed: int = 0,
    band: str | None = None,
    bands: int = 4,
) -> Source:
    """The environments of a world as a source: a class each, with its context as the only example.

    Args:
        world: The world.
        values: The values of each number of a context, all of whose combinations are taken.
        count: Number of contexts to draw uniformly within the bounds instead. Without `values` and `count`, the family
            is the standard one of the world.
        seed: Seed of that draw; row i is the same for every count.
        band: Number of the context by which the environments are put into groups of neighbors, for splits that leave
            whole groups out; the first one that varies if None.
        bands: Number of such groups, with equally many environments as far as equal values allow.

    Raises:
        InputError: If a name is unknown or missing, a value is out of bounds, or two environments are the same.

    Example:
        >>> from manyshot.rl.worlds.leap import Leap
        >>> source = family(Leap(), {"floor": range(2, 19, 2), "obstacle": range(9, 22)})
        >>> source
        Source('leap', classes=117, examples=117, items=[2] float32)
        >>> source.class_names[20], source.groups[20]
        ('leap 020', 'floor 2 to 6')
        >>> source.gather([20]).tolist()
        [[4.0, 16.0]]
    """
    if values is not None and count is not None:
        raise InputError("both values and count are given; give one of them")
    contexts = world.standard()
    if values is not None:
        unknown = [name for name in values if name not in world.names]
        missing = [name for name in world.names if name not in values]
        if unknown:
            raise InputError(f"unknown context '{unknown[0]}'; {did_you_mean(unknown[0], world.names)}")
        if missing or not all(len(given) for given in values.values()):
            raise InputError(f"no values of '{(missing or list(values))[0]}'; give those of {', '.join(world.names)}")
        contexts = torch.tensor([*product(*(values[name] for name in world.names))], dtype=torch.float32)
    if count is not None:
        check_range(low=1, whole=True, count=count)
        low, high = np.array(world.bounds).T
        drawn = streams.uniform(seed, DRAWN, np.arange(count)[:, None], np.arange(len(low)))
        contexts = torch.from_numpy(low + drawn * (high - low)).float()
    check_contexts(world, contexts)
    if len(np.unique(contexts.numpy(), axis=0)) < len(contexts):
        raise InputError("two environments have the same context; give each value once")
    kind = type(world).__name__.lower()
    digits = len(str(len(contexts) - 1))
    names = [f"{kind} {index:0{digits}d}" for index in range(len(contexts))]
    groups = dict(zip(names, _bands(world, contexts, band, bands), strict=True))
    return Source.of(contexts, names, groups=groups, name=kind)


def contexts_of(source: Source) -> Float[Tensor, "w k"]:
    """The contexts of a family or of a part of it, in the order of its classes.

    Example:
        >>> from manyshot.rl.worlds.point_world import Point
        >>> contexts_of(family(Point())).shape
        torch.Size([36, 3])
    """
    contexts: Tensor = source.gather(np.arange(len(source)))
    return contexts


def ids_of(source: Source) -> Int[Tensor, "w"]:
    """The number of each environment in its family, which subsets and splits keep."""
    return torch.from_numpy(source.rows)


def episode_seeds(seed: int, worlds: Int[Tensor, "n"], episodes: Int[Tensor, "n"]) -> Int[Tensor, "n"]:
    """The seed of episode g of world w, a function of (seed, w, g) alone: every arm meets the same starts.

    Args:
        seed: Seed of the run.
        worlds: Number of each row's environment in its family (`ids_of`).
        episodes: How many episodes of that environment came before.

    Example:
        >>> first = episode_seeds(0, torch.tensor([3, 5]), torch.tensor([0, 7]))
        >>> first[1:].equal(episode_seeds(0, torch.tensor([5]), torch.tensor([7])))
        True
    """
    drawn = streams.bits(seed, EPISODES, worlds.numpy(), episodes.numpy())
    return torch.from_numpy((drawn >> np.uint64(1)).astype(np.int64))


class Splits(NamedTuple):
    """Parts of a family that share no environment."""

    training: Source
    validation: Source
    held_out: Source


def split_worlds(
    source: Source,
    training: int,
    validation: int,
    seed: int,
    kind: Literal["random", "spread", "extrapolation"] = "random",
    first: int = 0,
) -> Splits:
    """Split a family into environments to train with, to choose settings with, and to judge with.

    Args:
        source: A family.
        training: Number of environments to train with.
        validation: Number to choose settings with; the rest is held out.
        seed: Seed of random splits.
        kind: "random" draws all parts at random: the held-out worlds are interpolation as well as chance allows.
            "spread" spreads the training worlds over the family as evenly as possible, each next one farthest from
            those before, so that held-out worlds lie between them. "extrapolation" trains with the environments whose
            numbers are smallest, judges with the last ones, and validates with those between.
        first: Which number of a context counts most in the order of an extrapolation; the others break ties, from
            left to right.

    Raises:
        InputError: If a part would be empty, or there is no such number.

    Example:
        >>> from manyshot.rl.worlds.leap import Leap
        >>> parts = split_worlds(family(Leap()), training=12, validation=20, seed=0)
        >>> [len(part) for part in parts]
        [12, 20, 85]
    """
    total = len(source)
    if min(training, validation) < 1 or training + validation >= total:
        raise InputError(
            f"{source.name}: {training} training and {validation} validation worlds of {total}; give at least 1 of "
            "each, and leave at least 1 to judge with"
        )
    contexts = contexts_of(source).double()
    order = np.argsort(streams.uniform(seed, DRAWN, total, np.arange(total)), kind="stable")
    if kind == "spread":
        chosen = _farthest(contexts, training, int(order[0]))
        order = np.concatenate([chosen, order[~np.isin(order, chosen)]])
    elif kind == "extrapolation":
        check_range(0, contexts.shape[1] - 1, whole=True, first=first)
        order = _in_order(contexts, first)
    ends = (0, training, training + validation, total)
    names = ("training", "validation", "held out")
    parts = []
    for start, end, name in zip(ends, ends[1:], names, strict=False):
        mask = np.zeros(total, dtype=bool)
        mask[order[start:end]] = True
        parts.append(source.subset(items=mask, name=f"{source.name}/{name}"))
    return Splits(*parts)


def _scaled(contexts: Tensor) -> Tensor:
    """Contexts with every number that varies scaled to 0 to 1."""
    low, high = contexts.amin(0), contexts.amax(0)
    return (contexts - low) / torch.where(high > low, high - low, 1.0)


def _farthest(contexts: Tensor, count: int, first: int) -> np.ndarray:
    """Greedy farthest-point order (Gonzalez 1985)."""
    scaled = _scaled(contexts)
    chosen = [first]
    distance = (scaled - scaled[first]).norm(dim=1)
    while len(chosen) < count:
        chosen.append(int(distance.argmax()))
        distance = torch.minimum(distance, (scaled - scaled[chosen[-1]]).norm(dim=1))
    return np.array(chosen)


def _in_order(contexts: Tensor, first: int) -> np.ndarray:
    """Environments in the order of their numbers, those of a column counting most."""
    columns = [first, *(column for column in range(contexts.shape[1]) if column != first)]
    return np.lexsort(contexts[:, columns].T.flip(0).numpy())


def _bands(world: World, contexts: Tensor, band: str | None, bands: int) -> list[str]:
    """The name of each environment's band."""
    check_range(low=1, whole=True, bands=bands)
    columns = contexts.double().numpy().T
    varies = [name for name, column in zip(world.names, columns, strict=True) if len(np.unique(column)) > 1]
    name = band or (varies or list(world.names))[0]
    if name not in world.names:
        raise InputError(f"unknown context '{name}'; {did_you_mean(name, world.names)}")
    different, of_row = np.unique(columns[world.names.index(name)], return_inverse=True)
    part = np.arange(len(different)) * min(bands, len(different)) // len(different)
    names = []
    for index in range(int(part[-1]) + 1):
        inside = different[part == index]
        names.append(f"{name} {inside[0]:g}" + (f" to {inside[-1]:g}" if len(inside) > 1 else ""))
    return [names[index] for index in part[of_row]]
