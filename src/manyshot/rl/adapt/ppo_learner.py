"""Agents that are trained by PPO: without a memory, and with one (RL2)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from manyshot.base.check_numbers import check_range
from manyshot.base.seeds import generator
from manyshot.rl.adapt.rl_learner import RLLearner
from manyshot.rl.rollout import Batch
from manyshot.rl.rollout_env import collect_rollout

if TYPE_CHECKING:
    from manyshot.rl.trainer import Trainer


@dataclass(frozen=True)
class PlainPPO(RLLearner):
    """An agent without a memory, trained by PPO on all worlds, which does not adapt, `ppo`.

    Example:
        >>> PlainPPO().memory
        0
    """

    def update(self, trainer: "Trainer", number: int) -> dict[str, float]:
        """Play on where the games stand, and update the policy on what was played."""
        fit = trainer.config.fit
        draws = generator(fit.seed, "rollout", number)
        rollout, games = collect_rollout(
            trainer.env,
            trainer.games,
            trainer.policy,
            fit.rollout,
            draws,
            trainer.levels.choose,
            device=fit.device,
        )
        trainer.kept_games.put(games.tensors())
        estimates = trainer.estimate_advantages(rollout)
        batch = Batch.of(rollout, estimates, fit.device)
        if not trainer.policy.memory:
            batch = batch.counted(rollout.counted)
        logged = {"loss": 0.0}
        if batch.log_probs.numel():
            regularize = trainer.views.begin(trainer, number)
            logged = fit.ppo.update(trainer.policy, trainer.optimizer, batch, draws, regularize)
        logged |= trainer.views.after(trainer, number, rollout, estimates)
        return logged | trainer.levels.after(rollout.levels, estimates) | rollout.described(estimates)


@dataclass(frozen=True)
class RL2(PlainPPO):
    """RL2 (Duan et al. 2016): a recurrent agent that adapts within a trial of several episodes in one world, `rl2`.

    It is told its last action and reward and where an episode begins. Its memory is kept between the episodes of a
    trial and cleared between trials; advantages run over the whole trial. The paper trains with
    TRPO, we with PPO.

    Args:
        episodes: Number of episodes of a trial.
        memory: Size of the memory.

    Raises:
        InputError: If a number is out of range.

    Example:
        >>> RL2(episodes=3).feeds_back
        True
    """

    episodes: int = 2
    memory: int = 64
    feeds_back: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_range(1, 1000, whole=True, episodes=self.episodes)
        check_range(1, 65_536, whole=True, memory=self.memory)
