"""A vectorized environment and its rollouts: n games, each in a world of a family, that go on in the next rollout."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor

from manyshot.base import InputError
from manyshot.rl.contexts import episode_seeds
from manyshot.rl.distributions import Distribution
from manyshot.rl.policy import Inputs
from manyshot.rl.replace_rows import replace_rows, where_rows
from manyshot.rl.rl_plan import RLPlan
from manyshot.rl.rollout import Rollout
from manyshot.rl.worlds.world import Box, Discrete, Outcome, State, World

Indices = Int[Tensor, "n"]
"""A whole number for each of n games."""
GameFlags = Bool[Tensor, "n"]
"""Whether something holds for each of n games."""
ChooseLevels = Callable[[int, Generator], tuple[Indices, GameFlags]]
"""Draws the levels (indices of worlds of the family) of n games that begin, and whether the agent learns from each."""


@dataclass(frozen=True)
class RolloutEnv:
    """What rollouts are collected in: worlds, their augmentation, and what the agent sees.

    Args:
        world: The world.
        contexts: `[w, k]` contexts of w levels to play.
        ids: `[w]` their numbers in the family.
        plan: Augmentation of contexts, of trials and of rollouts.
        episodes: Number of episodes of a trial, all in one world.
        seed: Seed of the first states: that of game g of level w is a function of (seed, w, g).
        feeds_back: Whether the agent sees its last action and reward, and where an episode begins, as RL2 needs.
        resets_memory: Whether the agent begins every episode of a trial with an empty memory.
    """

    world: World
    contexts: Float[Tensor, "w k"]
    ids: Int[Tensor, "w"]
    plan: RLPlan
    episodes: int = 1
    seed: int = 0
    feeds_back: bool = False
    resets_memory: bool = False

    @property
    def extras(self) -> int:
        """Number of what the agent is told beside its observation."""
        actions = self.world.actions
        size = actions.n if isinstance(actions, Discrete) else int(np.prod(actions.shape))
        return size + 2 if self.feeds_back else 0

    def seeds(self, levels: Indices, numbers: Indices) -> Indices:
        """The seeds of the first states of games, by level and number."""
        return episode_seeds(self.seed, self.ids[levels], numbers)

    def same_each(self, count: int, generator: Generator) -> tuple[Indices, GameFlags]:
        """Levels of games that begin, each with the same chance; the agent learns from all of them."""
        return torch.randint(len(self.contexts), (count,), generator=generator), torch.ones(count, dtype=torch.bool)


@dataclass(frozen=True)
class Games:
    """Where n games stand; with the weights, this is all that a checkpoint needs.

    Args:
        state: State of the world.
        levels: `[n]` level of each game.
        contexts: `[n, k]` its context, as the plan changed it.
        numbers: `[n]` its number, the seed's last part.
        episodes: `[n]` episode of the trial.
        extras: `[n, e]` what the agent is told at the next step.
        first: `[n]` whether the next step begins a trial.
        memory: `[n, h]` memory of the policy.
        returns: `[n]` rewards of the episode so far.
        counted: `[n]` whether the agent learns from the trial.
        held: Draws of the plan that are held: `trial` for a trial, `rollout` for an episode.
    """

    state: State
    levels: Indices
    contexts: Float[Tensor, "n k"]
    numbers: Indices
    episodes: Indices
    extras: Float[Tensor, "n e"]
    first: GameFlags
    memory: Float[Tensor, "n h"]
    returns: Float[Tensor, "n"]
    counted: GameFlags
    held: Mapping[str, Any]

    def tensors(self) -> dict[str, Tensor]:
        """All tensors by name, for a checkpoint."""
        return _flat(vars(self))

    def with_tensors(self, tensors: Mapping[str, Tensor]) -> "Games":
        """Games whose tensors have other values, by the names of `tensors`."""
        return Games(**_nested(vars(self), tensors, ""))


def reset(
    env: RolloutEnv,
    levels: Indices,
    numbers: Indices,
    memory: int,
    generator: Generator,
    counted: GameFlags | None = None,
) -> Games:
    """Begin a trial in each of n rows.

    Args:
        env: What is played.
        levels: Level of each row.
        numbers: Number of each game.
        memory: Size of the policy's memory.
        generator: What the plan draws from.
        counted: Whether the agent learns from each trial; from all if None.
    """
    n = len(levels)
    contexts = env.plan.world(env.contexts[levels], generator, env.contexts)
    return Games(
        state=env.world.start(contexts, env.seeds(levels, numbers)),
        levels=levels,
        contexts=contexts,
        numbers=numbers,
        episodes=torch.zeros(n, dtype=torch.int64),
        extras=_told(env, n),
        first=torch.ones(n, dtype=torch.bool),
        memory=torch.zeros(n, memory),
        returns=torch.zeros(n),
        counted=torch.ones(n, dtype=torch.bool) if counted is None else counted,
        held={
            "trial": env.plan.trial.sample(n, generator),
            "rollout": env.plan.rollout.sample(n, generator),
        },
    )


def collect_rollout(
    env: RolloutEnv,
    games: Games,
    policy: Callable[[Inputs], Any],
    steps: int,
    generator: Generator,
    choose: ChooseLevels | None = None,
    greedy: bool = False,
    device: torch.device | str = "cpu",
) -> tuple[Rollout, Games]:
    """Play some steps of every game; where a trial ends, another begins.

    Args:
        env: What is played.
        games: Where the games stand.
        policy: Policy on the device.
        steps: Number of steps.
        generator: What actions and the plan are drawn from.
        choose: Draws the levels of trials that begin; each with the same chance if None.
        greedy: Take the likeliest action instead of a drawn one.
        device: Device of the policy; the world stays on the processor.

    Returns:
        What happened, and where the games stand then.

    Raises:
        InputError: If a reward or an observation is not finite.
    """
    choose = choose or env.same_each
    rows: list[dict[str, Tensor]] = []
    before = games.memory
    with torch.no_grad():
        for number in range(steps):
            row, games = _play_step(env, games, policy, number, generator, choose, greedy, device)
            rows.append(row)
        last = policy(_inputs(env, games).to(device)).value[0].cpu()
    columns = {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
    inputs = Inputs(columns.pop("observations"), columns.pop("extras"), columns.pop("first"), before)
    following = torch.cat([columns["values"][1:], last[None]])
    cut = columns.pop("cut_values")
    columns["next_values"] = torch.where(columns["ended"], cut, following)
    return Rollout(inputs, **columns), games


def _play_step(
    env: RolloutEnv,
    games: Games,
    policy: Callable[[Inputs], Any],
    number: int,
    generator: Generator,
    choose: ChooseLevels,
    greedy: bool,
    device: torch.device | str,
) -> tuple[dict[str, Tensor], Games]:
    inputs = _inputs(env, games)
    output = policy(inputs.to(device))
    distribution: Distribution = output.policy
    drawn = distribution.mode() if greedy else distribution.sample(generator)
    actions = drawn[0].cpu()
    outcome = env.world.step(games.state, _heard(env, actions, games))
    _check(env, inputs, outcome.reward, number)
    returns = games.returns + outcome.reward
    trial_over = outcome.done & (games.episodes + 1 >= env.episodes)
    row = {
        "observations": inputs.observations[0],
        "extras": inputs.extras[0],
        "first": inputs.first[0],
        "actions": actions,
        "log_probs": distribution.log_prob(drawn)[0].cpu(),
        "values": output.value[0].cpu(),
        "rewards": outcome.reward,
        # A trial of several episodes is over after the last one, even if time was up.
        "terminated": trial_over & (outcome.terminated | (env.episodes > 1)),
        "ended": trial_over,
        "episode_ended": outcome.done,
        "solved": outcome.solved & outcome.done,
        "episode_returns": returns,
        "episodes": games.episodes,
        "levels": games.levels,
        "counted": games.counted,
        "cut_values": torch.zeros_like(returns),
    }
    told = _told(env, len(actions), distribution.flags(drawn)[0].cpu(), outcome)
    first = outcome.done & env.resets_memory
    if env.resets_memory:
        told = where_rows(outcome.done, _told(env, len(actions)), told)
    games = replace(games, state=outcome.state, extras=told, memory=output.memory.cpu(), returns=returns, first=first)
    cut = (trial_over & ~row["terminated"]).nonzero()[:, 0]
    if len(cut):
        row["cut_values"][cut] = policy(_inputs(env, games).games(cut).to(device)).value[0].cpu()
    return row, _next_games(env, games, outcome.done, trial_over, choose, generator)


def _next_games(
    env: RolloutEnv, games: Games, done: GameFlags, trial_over: GameFlags, choose: ChooseLevels, generator: Generator
) -> Games:
    """The next episode of trials that go on, and another trial where one is over."""
    if not bool(done.any()):
        return games
    again, over = (done & ~trial_over).nonzero()[:, 0], trial_over.nonzero()[:, 0]
    # The rows share one series of numbers, so that no two games of a level have the same.
    numbers = games.numbers + done * len(done)
    games = replace(games, numbers=numbers, returns=games.returns * ~done)
    if len(again):
        fresh = env.world.start(games.contexts[again], env.seeds(games.levels[again], numbers[again]))
        rollout = env.plan.rollout.sample(len(again), generator)
        games = replace(
            games,
            state=replace_rows(games.state, again, fresh),
            episodes=games.episodes + (done & ~trial_over),
            held={**games.held, "rollout": replace_rows(games.held["rollout"], again, rollout)},
        )
    if len(over):
        levels, counted = choose(len(over), generator)
        fresh_games = reset(env, levels, numbers[over], games.memory.shape[1], generator, counted)
        games = Games(**replace_rows(vars(games), over, vars(fresh_games)))
    return games


def _inputs(env: RolloutEnv, games: Games) -> Inputs:
    """What the agent is shown: the trial's symmetry acts first, then the rollout's ops."""
    seen = env.plan.trial.observe(env.world.observe(games.state), games.held["trial"])
    seen = env.plan.look(seen, games.held["rollout"])
    return Inputs(seen[None], games.extras[None], games.first[None], games.memory)


def _heard(env: RolloutEnv, actions: Tensor, games: Games) -> Tensor:
    """What the world hears of what the agent does: within its bounds, and turned back by the trial's symmetry."""
    bounds = env.world.actions
    if isinstance(bounds, Box):
        actions = torch.unflatten(actions.clamp(bounds.low, bounds.high), 1, bounds.shape)
    return env.plan.trial.act(actions, games.held["trial"])


def _told(
    env: RolloutEnv, n: int, actions: Tensor | None = None, outcome: Outcome | None = None
) -> Float[Tensor, "n e"]:
    """The last action, the last reward, and whether an episode begins."""
    if not env.feeds_back:
        return torch.zeros(n, 0)
    if actions is None or outcome is None:
        return torch.cat([torch.zeros(n, env.extras - 1), torch.ones(n, 1)], 1)
    return torch.cat([actions, outcome.reward[:, None], outcome.done[:, None].to(actions)], 1)


def _check(env: RolloutEnv, inputs: Inputs, reward: Float[Tensor, "n"], number: int) -> None:
    for what, values in (("observation", inputs.observations[0].flatten(1).sum(1)), ("reward", reward)):
        if not bool(torch.isfinite(values).all()):
            row = int((~torch.isfinite(values)).nonzero()[0, 0])
            name = type(env.world).__name__.lower()
            raise InputError(f"{name}: the {what} of row {row} at step {number} is not finite; mend the world")


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Tensor]:
    flat: dict[str, Tensor] = {}
    for name, value in values.items():
        flat |= {prefix + name: value} if isinstance(value, Tensor) else _flat(value, f"{prefix}{name}.")
    return flat


def _nested(like: Mapping[str, Any], tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Any]:
    return {
        name: tensors[prefix + name] if isinstance(value, Tensor) else _nested(value, tensors, f"{prefix}{name}.")
        for name, value in like.items()
    }
