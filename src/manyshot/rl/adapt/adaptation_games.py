"""Games in one world to adapt on, and the evaluation of what came of them."""

from collections.abc import Callable
from dataclasses import replace

import torch
from jaxtyping import Int
from torch import Generator, Tensor

from manyshot.base.seeds import generator
from manyshot.rl.policy import Inputs, Output
from manyshot.rl.rl_evaluate import WorldResults, evaluate_worlds
from manyshot.rl.rollout import Rollout
from manyshot.rl.rollout_env import RolloutEnv, collect_rollout, reset

SUPPORT_GAMES = 16
"""Number of games of a world that an agent adapts to in an evaluation, each for the world's horizon."""
DISCOUNT, TRACE = 0.99, 0.95
"""Discount and trace of the advantages that an agent adapts by in an evaluation."""

Adapt = Callable[[int, Generator], Callable[[Inputs], Output]]
"""Gives the agent that is adapted to a level, by draws."""


def play_in(
    env: RolloutEnv,
    level: int,
    numbers: Int[Tensor, "n"],
    policy: Callable[[Inputs], Output],
    steps: int,
    draws: Generator,
    device: torch.device | str = "cpu",
) -> Rollout:
    """Play games of one world, from their beginning, with a policy that has no memory.

    Args:
        env: What is played.
        level: The world.
        numbers: Number of each row's first game.
        policy: The agent.
        steps: Steps of each row, in which several games may end.
        draws: What actions and the plan are drawn from.
        device: Device of the policy.
    """
    games = reset(env, torch.full((len(numbers),), level), numbers, 0, draws)

    def stay(count: int, _: Generator) -> tuple[Tensor, Tensor]:
        return torch.full((count,), level), torch.ones(count, dtype=torch.bool)

    return collect_rollout(env, games, policy, steps, draws, stay, device=device)[0]


def evaluate_adapted(
    env: RolloutEnv,
    adapt: Adapt,
    trials: int,
    greedy: bool,
    device: torch.device | str,
) -> WorldResults:
    """Judge, in every world, the agent that was adapted to it.

    Args:
        env: What is played.
        adapt: Gives the agent that is adapted to a level, by draws.
        trials: Number of trials in each world.
        greedy: Take the likeliest action; a drawn one if False.
        device: Device of the policy.
    """
    results = []
    for level in range(len(env.contexts)):
        adapted = adapt(level, generator(env.seed, "adapt", level))
        one = replace(env, contexts=env.contexts[level : level + 1], ids=env.ids[level : level + 1])
        results.append(evaluate_worlds(one, adapted, 0, trials, greedy, device, resets_memory=False))
    return WorldResults.join(results)
