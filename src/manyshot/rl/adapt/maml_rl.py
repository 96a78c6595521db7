"""Learners of a start from which one step of policy gradient adapts to a world: MAML and ProMP."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import torch
from torch import Generator, Tensor

from manyshot.base.check_numbers import check_range
from manyshot.base.seeds import generator
from manyshot.rl.adapt.adaptation_games import DISCOUNT, SUPPORT_GAMES, TRACE, Adapt, play_in
from manyshot.rl.adapt.inner_step import Weights, inner_step, step_surrogate, trajectory_surrogate, with_weights
from manyshot.rl.adapt.rl_learner import RLLearner
from manyshot.rl.policy import ActorCritic, Inputs, Output
from manyshot.rl.ppo import PPO, step
from manyshot.rl.rollout import Batch, Rollout
from manyshot.rl.rollout_env import RolloutEnv

if TYPE_CHECKING:
    from manyshot.rl.rl_config import RLSettings
    from manyshot.rl.trainer import Trainer


class Task(NamedTuple):
    """What was played in one world: support by the policy as it was, query by the adapted one."""

    support: Batch
    query: Batch


@dataclass(frozen=True)
class MAML(RLLearner):
    """MAML for reinforcement learning with an exact one-step update (Finn, Abbeel and Levine 2017), `maml`.

        theta_i = theta + rate grad J_i(theta),   theta <- theta + Adam(grad mean_i J_i(theta_i))

    The gradient passes through the inner step, whose estimate has all derivatives (see `trajectory_surrogate`); the
    paper's lacks those of the distribution of trajectories, which Rothfuss et al. (2019) point out. The paper takes
    TRPO's step outside and a linear baseline; we take Adam's, and the value of the network.

    Args:
        tasks: Number of worlds an update.
        rate: Length of the inner step.
        outer_steps: Steps of Adam an update, on the clipped surrogate.

    Raises:
        InputError: If a number is out of range.

    Example:
        >>> MAML(tasks=4).phases
        2
    """

    tasks: int = 8
    rate: float = 0.1
    outer_steps: int = 1
    by_task: ClassVar[bool] = True
    surrogate: ClassVar[Callable[[Output, Batch], Tensor]] = staticmethod(trajectory_surrogate)

    def __post_init__(self) -> None:
        check_range(1, 10_000, whole=True, tasks=self.tasks, outer_steps=self.outer_steps)
        check_range(0, 1e3, rate=self.rate)

    @property
    def phases(self) -> int:
        """Support and query."""
        return 2

    def update(self, trainer: "Trainer", number: int) -> dict[str, float]:
        """Play support and query in several worlds, and update the start."""
        fit, policy = trainer.config.fit, trainer.policy
        draws = generator(fit.seed, "tasks", number)
        levels, _ = trainer.levels.choose(self.tasks, draws)
        rows = max(1, fit.games // self.tasks)
        tasks: list[Task] = []
        logged: dict[str, float] = {}
        for index, level in enumerate(levels.tolist()):
            numbers = (number * self.tasks + index) * rows * 2 + torch.arange(2 * rows)
            support = play_in(trainer.env, level, numbers[:rows], policy, fit.rollout, draws, fit.device)
            first = self._batch(support, fit)
            adapted = self.adapted(policy, first)
            query = play_in(trainer.env, level, numbers[rows:], adapted, fit.rollout, draws, fit.device)
            tasks.append(Task(first, self._batch(query, fit)))
            found = query.described(query.advantages(query.rewards, fit.discount, fit.trace))
            found["gained_return"] = (query.mean_return() or 0.0) - (support.mean_return() or 0.0)
            logged = {name: logged.get(name, 0.0) + value / self.tasks for name, value in found.items()}
        for _ in range(self.outer_steps):
            loss = self.outer_loss(policy, dict(policy.named_parameters()), tasks, fit.ppo)
            step(policy, trainer.optimizer, loss, fit.ppo.max_grad_norm)
        return {"loss": loss.item(), **logged}

    def adapted(self, policy: ActorCritic, support: Batch) -> Callable[[Inputs], Output]:
        """The policy after one step on a support, which is a constant."""
        own = dict(policy.named_parameters())
        adapted = inner_step(policy, own, support, self.rate, type(self).surrogate, exact=False)
        return with_weights(policy, {name: weight.detach() for name, weight in adapted.items()})

    @staticmethod
    def _batch(rollout: Rollout, fit: "RLSettings") -> Batch:
        estimates = rollout.advantages(rollout.rewards, fit.discount, fit.trace)
        return Batch.of(rollout, estimates, fit.device).standardized()

    def outer_loss(self, policy: ActorCritic, weights: Weights, tasks: list[Task], ppo: PPO) -> Tensor:
        """Mean loss of the adapted weights on the queries, differentiable in the weights before adaptation.

        The value of every observation is trained as well, on support and query.

        Args:
            policy: The network.
            weights: Its weights.
            tasks: Support and query of each world.
            ppo: The clipped surrogate and the weights of its parts.
        """
        losses = []
        for support, query in tasks:
            adapted = inner_step(policy, weights, support, self.rate, type(self).surrogate)
            losses.append(ppo.loss(with_weights(policy, adapted)(query.inputs), query).total)
            values = with_weights(policy, weights)(support.inputs).value
            losses.append(ppo.value_weight * (values - support.targets).square().mean())
        return torch.stack(losses).sum() / len(tasks)

    def adapter(self, env: RolloutEnv, policy: ActorCritic, device: torch.device | str) -> Adapt:
        """A step on 16 drawn games of a world."""

        def adapt(level: int, draws: Generator) -> Callable[[Inputs], Output]:
            numbers = torch.arange(SUPPORT_GAMES)
            support = play_in(env, level, numbers, policy, env.world.horizon, draws, device)
            estimates = support.advantages(support.rewards, DISCOUNT, TRACE)
            return self.adapted(policy, Batch.of(support, estimates, device).standardized())

        return adapt


@dataclass(frozen=True)
class ProMP(MAML):
    """Proximal meta-policy search (Rothfuss et al. 2019), `promp`: MAML with a low-variance inner surrogate.

    Several outer steps a batch, on PPO's clipped surrogate of the query; the inner step is taken anew from the stored
    support at every one of them, by the ratios of `step_surrogate`. Differs from the paper in that the divergence of
    the start from itself before the update is not penalized; the number of outer steps bounds it.

    Args:
        tasks: Number of worlds an update.
        rate: Length of the inner step.
        outer_steps: Steps of Adam an update.

    Raises:
        InputError: If a number is out of range.
    """

    outer_steps: int = 5
    surrogate: ClassVar[Callable[[Output, Batch], Tensor]] = staticmethod(step_surrogate)
