"""What a policy met in its games, and the advantages of what it did."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Int
from torch import Tensor

from manyshot.rl.advantages import Flags, Numbers, generalized_advantages
from manyshot.rl.policy import Inputs


@dataclass(frozen=True)
class Rollout:
    """Steps of n games, t of each.

    Args:
        inputs: What the policy read.
        actions: `[t, n, ...]` what it did, as the agent says it.
        log_probs: `[t, n]` their log probabilities.
        values: `[t, n]` values of the observations.
        next_values: `[t, n]` values of the observations that followed, before any reset.
        rewards: `[t, n]` rewards.
        terminated: `[t, n]` steps that ended a game, after which there is nothing to win.
        ended: `[t, n]` steps after which another game begins: those, and those where time was up.
        episode_ended: `[t, n]` steps that ended an episode; in a trial of several, not all of them end the game.
        solved: `[t, n]` steps that ended an episode by solving it.
        episode_returns: `[t, n]` sum of rewards of the episode up to each step.
        episodes: `[t, n]` number of the episode in its trial.
        levels: `[t, n]` index of the world that each game was played in.
        counted: `[t, n]` steps that the agent learns from.
    """

    inputs: Inputs
    actions: Tensor
    log_probs: Numbers
    values: Numbers
    next_values: Numbers
    rewards: Numbers
    terminated: Flags
    ended: Flags
    episode_ended: Flags
    solved: Flags
    episode_returns: Numbers
    episodes: Int[Tensor, "t n"]
    levels: Int[Tensor, "t n"]
    counted: Flags

    def mean_return(self) -> float | None:
        """Mean return of the episodes that ended; None if none did."""
        done = self.episode_ended
        return self.episode_returns[done].mean().item() if bool(done.any()) else None

    def advantages(self, rewards: Numbers, discount: float, trace: float) -> Numbers:
        """Generalized advantage estimates of rewards that may have been scaled."""
        parts = (self.values, self.next_values, self.terminated, self.ended)
        return generalized_advantages(rewards, *parts, discount, trace)

    def described(self, estimates: Numbers) -> dict[str, float]:
        """What is logged: return, solved and truncated episodes, and how well values explain what came.

        Args:
            estimates: The advantages.
        """
        spread = (estimates + self.values).var()
        found = {"explained_variance": (1 - estimates.var() / spread).item() if spread > 0 else 0.0}
        done = self.episode_ended
        if bool(done.any()):
            found["train_return"] = self.episode_returns[done].mean().item()
            found["train_solved"] = self.solved[done].float().mean().item()
            found["truncated"] = (self.ended & ~self.terminated)[done].float().mean().item()
        return found


@dataclass(frozen=True)
class Batch:
    """What a policy is updated on: `[t, n]` steps, or `[1, m]` ones that do not depend on their order.

    Args:
        inputs: What the policy read.
        actions: `[t, n, ...]` what it did.
        log_probs: `[t, n]` log probabilities at the time.
        advantages: `[t, n]` advantages.
        targets: `[t, n]` targets of the values.
    """

    inputs: Inputs
    actions: Tensor
    log_probs: Numbers
    advantages: Numbers
    targets: Numbers

    @staticmethod
    def of(rollout: Rollout, advantages: Numbers, device: torch.device | str = "cpu") -> "Batch":
        """The steps of a rollout, with advantages and, as targets of the values, these plus the values."""
        parts = (rollout.actions, rollout.log_probs, advantages, advantages + rollout.values)
        return Batch(rollout.inputs.to(device), *(part.to(device) for part in parts))

    def in_any_order(self) -> "Batch":
        """All steps side by side `[1, t n]`, for a policy without a memory."""
        inputs = self.inputs
        flat = replace(
            inputs,
            observations=inputs.observations.flatten(0, 1)[None],
            extras=inputs.extras.flatten(0, 1)[None],
            first=inputs.first.flatten()[None],
            memory=inputs.memory.new_zeros(inputs.first.numel(), inputs.memory.shape[1]),
        )
        rest = (self.actions, self.log_probs, self.advantages, self.targets)
        return Batch(flat, *(part.flatten(0, 1)[None] for part in rest))

    def counted(self, counted: Flags) -> "Batch":
        """The steps that are counted, side by side `[1, m]`, for a policy without a memory."""
        flat = self.in_any_order()
        return flat if bool(counted.all()) else flat.games(counted.flatten().nonzero()[:, 0].to(flat.log_probs.device))

    def standardized(self) -> "Batch":
        """The same with advantages of mean 0 and deviation 1; the targets of the values stay."""
        spread = self.advantages.std() + 1e-8
        return replace(self, advantages=(self.advantages - self.advantages.mean()) / spread)

    def games(self, rows: Tensor) -> "Batch":
        """Some of the columns, with all their steps."""
        rest = (self.actions, self.log_probs, self.advantages, self.targets)
        return Batch(self.inputs.games(rows), *(part[:, rows] for part in rest))
