"""Fine-tuning: a learner that adapts by updates of PPO in the new world."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Generator
from torch.optim import Adam

from manyshot.base.check_numbers import check_range
from manyshot.rl.adapt.adaptation_games import DISCOUNT, SUPPORT_GAMES, TRACE, Adapt, play_in
from manyshot.rl.adapt.ppo_learner import PlainPPO
from manyshot.rl.policy import ActorCritic, Inputs, Output
from manyshot.rl.ppo import PPO
from manyshot.rl.rollout import Batch, Rollout
from manyshot.rl.rollout_env import RolloutEnv


@dataclass(frozen=True)
class FineTune(PlainPPO):
    """PPO on all training worlds; a held-out one is adapted to by some updates of PPO in it, `fine-tune`.

    The baseline of every learner that learns to adapt.

    Args:
        updates: Number of updates in a world that is adapted to, each on 16 games.
        rate: Their learning rate (Adam).

    Raises:
        InputError: If a number is out of range.

    Example:
        >>> FineTune(updates=3).updates
        3
    """

    updates: int = 5
    rate: float = 1e-3

    def __post_init__(self) -> None:
        check_range(1, 10_000, whole=True, updates=self.updates)
        check_range(0, 10, rate=self.rate)

    def adapter(self, env: RolloutEnv, policy: ActorCritic, device: torch.device | str) -> Adapt:
        """A copy that is tuned in a world."""

        def adapt(level: int, draws: Generator) -> Callable[[Inputs], Output]:
            copy = deepcopy(policy)
            steps = env.world.horizon
            for _ in tune(copy, env, level, self.updates, self.rate, PPO(), SUPPORT_GAMES, steps, draws, device):
                pass
            return copy

        return adapt


def tune(
    policy: ActorCritic,
    env: RolloutEnv,
    level: int,
    updates: int,
    rate: float,
    ppo: PPO,
    games: int,
    steps: int,
    draws: Generator,
    device: torch.device | str = "cpu",
    first: int = 0,
) -> "list[tuple[Rollout, dict[str, float]]]":
    """Update a policy in one world by PPO; returns the rollout, and what is logged, of each update.

    Args:
        policy: Policy to change.
        env: What is played.
        level: The world.
        updates: Number of updates.
        rate: Learning rate of Adam, which begins anew.
        ppo: The algorithm.
        games: Number of games side by side.
        steps: Steps of each between updates.
        draws: What everything is drawn from.
        device: Device of the policy.
        first: Number of the first game.
    """
    optimizer = Adam(policy.parameters(), lr=rate)
    found = []
    for update in range(updates):
        numbers = first + update * games + torch.arange(games)
        rollout = play_in(env, level, numbers, policy, steps, draws, device)
        batch = Batch.of(rollout, rollout.advantages(rollout.rewards, DISCOUNT, TRACE), device).in_any_order()
        found.append((rollout, ppo.update(policy, optimizer, batch, draws)))
    return found
