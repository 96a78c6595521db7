"""Worlds that hold their state, for vectorized environments of Gymnasium and stable-baselines3."""

from dataclasses import replace

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from manyshot.base import seeds as streams
from manyshot.rl.contexts import episode_seeds
from manyshot.rl.replace_rows import replace_rows
from manyshot.rl.rl_plan import RLPlan
from manyshot.rl.worlds.world import Outcome, World


class StatefulWorlds:
    """A batch of episodes, each in a training world drawn at random, augmented by a plan.

    The mutable counterpart of a `World`, for interfaces that hold a state themselves, such as Gymnasium's. The draws of
    the `trial:` and `rollout:` clauses are held for an episode.

    Args:
        world: The world.
        contexts: Contexts of the environments to play in.
        rows: Number of episodes that are played side by side.
        plan: What changes contexts, observations and actions.
        seed: Seed of everything that is drawn.

    Example:
        >>> from manyshot.rl.worlds.point_world import Point
        >>> world = Point()
        >>> live = StatefulWorlds(world, world.standard(), 4, RLPlan("trial: turn", world), seed=0)
        >>> outcome = live.act(torch.zeros(4, 2))
        >>> live.observe().shape, outcome.done.tolist()
        (torch.Size([4, 2]), [False, False, False, False])
    """

    def __init__(self, world: World, contexts: Float[Tensor, "w k"], rows: int, plan: RLPlan, seed: int) -> None:
        self.world, self.contexts, self.plan, self.seed = world, contexts, plan, seed
        self.generator = streams.generator(seed, "live")
        self.episodes = torch.zeros(len(contexts), dtype=torch.int64)
        self.which, self.state = self._fresh(rows)
        self.through, self.held = (part.sample(rows, self.generator) for part in (plan.trial, plan.rollout))

    def _fresh(self, rows: int) -> tuple[Int[Tensor, "n"], dict[str, Tensor]]:
        """Start an episode in each of some rows."""
        which = torch.randint(len(self.contexts), (rows,), generator=self.generator)
        episodes = self.episodes[which] + rank_among_equals(which)
        self.episodes = self.episodes + which.bincount(minlength=len(self.contexts))
        contexts = self.plan.world(self.contexts[which], self.generator, self.contexts)
        return which, self.world.start(contexts, episode_seeds(self.seed, which, episodes))

    def restart(self, rows: Int[Tensor, "m"]) -> None:
        """Start a new episode in some rows."""
        which, state = self._fresh(len(rows))
        self.which = self.which.index_copy(0, rows, which)
        self.state = replace_rows(self.state, rows, state)
        self.through = replace_rows(self.through, rows, self.plan.trial.sample(len(rows), self.generator))
        self.held = replace_rows(self.held, rows, self.plan.rollout.sample(len(rows), self.generator))

    def observe(self) -> Float[Tensor, "n ..."]:
        """What the agent sees now."""
        seen = self.plan.trial.observe(self.world.observe(self.state), self.through)
        return self.plan.look(seen, self.held)

    def act(self, actions: Shaped[Tensor, "n ..."]) -> Outcome:
        """One step of each row; rows that end stay ended until they are restarted."""
        outcome = self.world.step(self.state, self.plan.trial.act(actions, self.through))
        self.state = outcome.state
        return replace(outcome, reward=outcome.reward.detach())


def rank_among_equals(values: Int[Tensor, "n"]) -> Int[Tensor, "n"]:
    """How many equal values stand before each value.

    Example:
        >>> rank_among_equals(torch.tensor([5, 3, 5, 5, 3])).tolist()
        [0, 0, 1, 2, 1]
    """
    order = values.argsort(stable=True)
    ordered = values[order]
    rank = torch.arange(len(values)) - torch.searchsorted(ordered, ordered)
    return torch.empty_like(rank).index_copy(0, order, rank)
