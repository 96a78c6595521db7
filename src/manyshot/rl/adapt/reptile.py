"""Reptile: a start that is moved towards what updates of PPO in one world make of it."""

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from manyshot.base.check_numbers import check_range
from manyshot.base.seeds import generator
from manyshot.rl.adapt.fine_tune import FineTune, tune

if TYPE_CHECKING:
    from manyshot.rl.trainer import Trainer


@dataclass(frozen=True)
class Reptile(FineTune):
    """Reptile for reinforcement learning (Nichol, Achiam and Schulman 2018), `reptile`.

        theta <- theta + pull (theta_i - theta),   theta_i: theta after some updates of PPO in one world

    Adam of the inner updates begins anew in every world.

    Args:
        updates: Number of inner updates, and of those in a world that is adapted to.
        rate: Learning rate of the inner updates (Adam).
        pull: Share of the way to the tuned weights.

    Raises:
        InputError: If a number is out of range.
    """

    pull: float = 0.25
    by_task: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(0, 1, pull=self.pull)

    @property
    def phases(self) -> int:
        """Number of rollouts of an update."""
        return self.updates

    def update(self, trainer: "Trainer", number: int) -> dict[str, float]:
        """Tune a copy in one world, and move the start towards it."""
        fit, draws = trainer.config.fit, generator(trainer.config.fit.seed, "tasks", number)
        levels, _ = trainer.levels.choose(1, draws)
        copy = deepcopy(trainer.policy)
        logged: dict[str, float] = {}
        tuned = tune(
            copy, trainer.env, int(levels[0]), self.updates, self.rate, fit.ppo, fit.games, fit.rollout, draws,
            fit.device, first=number * self.updates * fit.games,
        )  # fmt: skip
        for rollout, found in tuned:
            described = rollout.described(rollout.advantages(rollout.rewards, fit.discount, fit.trace))
            logged = logged or {f"first_{name}": described[name] for name in described if name == "train_return"}
            logged |= found | described
        with torch.no_grad():
            for weight, other in zip(trainer.policy.parameters(), copy.parameters(), strict=True):
                weight.lerp_(other, self.pull)
        return logged
