"""The worlds of a run: training, validation and held-out ones."""

from dataclasses import dataclass
from typing import Any, cast

from jaxtyping import Float
from torch import Tensor

from manyshot.rl.contexts import contexts_of, family, ids_of, split_worlds
from manyshot.rl.rl_config import RLConfig
from manyshot.rl.rl_plan import RLPlan
from manyshot.rl.rollout_env import RolloutEnv
from manyshot.rl.worlds import WORLDS, World
from manyshot.tasks import Source

PARTS = ("training", "validation", "held_out")


@dataclass(frozen=True)
class WorldSplit:
    """A world, and its family split into parts.

    Args:
        world: The world.
        training: Worlds to train with.
        validation: Worlds that choose among plans.
        held_out: Worlds to judge with.
    """

    world: World
    training: Source
    validation: Source
    held_out: Source

    @staticmethod
    def of(config: RLConfig) -> "WorldSplit":
        """The worlds that a run's settings name.

        Raises:
            InputError: If the world is unknown, or its family is too small.

        Example:
            >>> len(WorldSplit.of(RLConfig("leap")).held_out)
            97
        """
        world = WORLDS.parse(config.world).build()
        values = config.family_values
        source = family(world, values)
        kind, first = cast(Any, config.division), world.names.index(next(iter(values))) if values else 0
        parts = split_worlds(source, config.worlds, config.validation, config.division_seed, kind, first)
        return WorldSplit(world, *parts)

    def part_contexts(self, part: str) -> Float[Tensor, "w k"]:
        """The contexts of a part's worlds."""
        return contexts_of(getattr(self, part))

    def env(self, part: str, plan: RLPlan, seed: int, episodes: int = 1, feeds_back: bool = False) -> RolloutEnv:
        """The environment of one of the `PARTS`."""
        source: Source = getattr(self, part)
        return RolloutEnv(self.world, contexts_of(source), ids_of(source), plan, episodes, seed, feeds_back)
