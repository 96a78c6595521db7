"""The contract of worlds, and one file for each world."""

from manyshot.rl.worlds.registry import WORLDS
from manyshot.rl.worlds.world import Actions, Box, Discrete, Outcome, State, World

__all__ = ["WORLDS", "Actions", "Box", "Discrete", "Outcome", "State", "World"]
