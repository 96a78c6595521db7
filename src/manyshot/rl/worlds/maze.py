"""Procedural floors of rooms: walls, a goal, and the way to it."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyshot.base import seeds as streams

WALLS, GOAL = 5, 6
"""Streams of the walls and of the goal."""
DENSITY = 0.3
"""Share of the cells that hold a wall."""
LEAST_OPEN = 0.4
"""Smaller parts of the floor are drawn again."""
FAR = 10_000
"""Stands for a cell from which no way leads to the goal."""


class Maze(NamedTuple):
    """A floor plan.

    Args:
        walls: `[size, size]` booleans.
        goal: Row and column of the goal.
        distance: `[size, size]` steps to the goal; `FAR` where there is no way.
    """

    walls: NDArray[np.bool_]
    goal: tuple[int, int]
    distance: NDArray[np.int64]


@lru_cache(maxsize=65_536)
def maze(level: int, size: int) -> Maze:
    """The floor plan of a level: walls at random, and a goal in a part of the floor that holds at least 40 % of it.

    Args:
        level: Its number, from which everything is drawn.
        size: Cells along a side.

    Example:
        >>> plan = maze(3, 9)
        >>> bool(plan.walls[plan.goal]), int(plan.distance[plan.goal])
        (False, 0)
    """
    cells, attempt = np.arange(size * size), 0
    while True:
        walls = (streams.uniform(WALLS, level, attempt, cells) < DENSITY).reshape(size, size)
        open_cells = np.flatnonzero(~walls)
        goal = int(open_cells[streams.integers(len(open_cells), GOAL, level, attempt)]) if len(open_cells) else 0
        place = divmod(goal, size)
        distance = distances(walls, place)
        if len(open_cells) and (distance < FAR).mean() >= LEAST_OPEN:
            return Maze(walls, place, distance)
        attempt += 1


def distances(walls: NDArray[np.bool_], goal: tuple[int, int]) -> NDArray[np.int64]:
    """Steps from each cell to the goal, by spreading from the goal.

    Example:
        >>> distances(np.array([[False, True], [False, False]]), (0, 0)).tolist()
        [[0, 10000], [1, 2]]
    """
    size = len(walls)
    distance = np.full((size + 2, size + 2), FAR, dtype=np.int64)
    inside = distance[1:-1, 1:-1]
    inside[goal] = 0
    for step in range(1, size * size):
        near = np.minimum.reduce([distance[:-2, 1:-1], distance[2:, 1:-1], distance[1:-1, :-2], distance[1:-1, 2:]])
        reached = (near == step - 1) & ~walls & (inside == FAR)
        if not reached.any():
            break
        inside[reached] = step
    return inside
