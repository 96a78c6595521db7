"""Evaluation of an agent, world by world."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from manyshot.base.seeds import generator
from manyshot.rl.policy import Inputs, Output
from manyshot.rl.rollout import Rollout
from manyshot.rl.rollout_env import RolloutEnv, collect_rollout, reset

NAMES = ("solved", "returns", "steps")
GAMES = 1_000_000_007
"""Number of the first game of an evaluation, far from those of any training."""
TRUSTED = 0.5
"""Share of its training worlds that an agent has to solve before what it does elsewhere tells something."""


@dataclass(frozen=True, eq=False)
class WorldResults:
    """What an agent achieved in each world, in each episode of a trial.

    Args:
        solved: `[worlds, episodes]` share of the trials whose episode was solved.
        returns: `[worlds, episodes]` mean return of the episode.
        steps: `[worlds, episodes]` mean number of steps until it ended: where an agent knows the way, it is shorter.
    """

    solved: NDArray[np.float64]
    returns: NDArray[np.float64]
    steps: NDArray[np.float64]

    @staticmethod
    def join(parts: "Sequence[WorldResults]") -> "WorldResults":
        """The results of further worlds below each other."""
        return WorldResults(*(np.concatenate([getattr(part, name) for part in parts]) for name in NAMES))

    def beside(self, later: "WorldResults") -> "WorldResults":
        """The results with those of later episodes in the same worlds."""
        return WorldResults(*(np.concatenate([getattr(part, n) for part in (self, later)], 1) for n in NAMES))


def evaluate_worlds(
    env: RolloutEnv,
    policy: Callable[[Inputs], Output],
    memory: int,
    trials: int,
    greedy: bool,
    device: torch.device | str,
    resets_memory: bool,
) -> WorldResults:
    """Play the same trials in every world, to the end of each.

    Args:
        env: What is played; its plan is usually "none".
        policy: The agent, with whatever weights.
        memory: Size of its memory.
        trials: Number of trials in each world.
        greedy: Take the likeliest action; a drawn one if False.
        device: Device of the policy.
        resets_memory: Clear the agent's memory before every episode of a trial.
    """
    env = replace(env, resets_memory=resets_memory)
    worlds = len(env.contexts)
    levels = torch.arange(worlds).repeat_interleave(trials)
    numbers = GAMES + env.episodes * torch.arange(trials).repeat(worlds)
    draws = generator(env.seed, "evaluate")
    games = reset(env, levels, numbers, memory, draws)
    rollout, _ = collect_rollout(
        env,
        games,
        policy,
        env.world.horizon * env.episodes,
        draws,
        greedy=greedy,
        device=device,
    )
    found = _by_episode(rollout, env.episodes)
    return WorldResults(*(getattr(found, name).reshape(worlds, trials, -1).mean(1) for name in NAMES))


def _by_episode(rollout: Rollout, episodes: int) -> WorldResults:
    """What came of each episode `[n, episodes]` of the first trial of each row."""
    n = rollout.rewards.shape[1]
    solved, returns, steps = (np.zeros((n, episodes)) for _ in NAMES)
    over, number = np.zeros(n, dtype=bool), rollout.episodes.numpy()
    for step in range(len(rollout.rewards)):
        going = (~over).nonzero()[0]
        steps[going, number[step][going]] += 1
        done = rollout.episode_ended[step].numpy() & ~over
        rows, episode = done.nonzero()[0], number[step][done]
        solved[rows, episode] = rollout.solved[step].numpy()[done]
        returns[rows, episode] = rollout.episode_returns[step].numpy()[done]
        over |= rollout.ended[step].numpy()
    return WorldResults(solved, returns, steps)
