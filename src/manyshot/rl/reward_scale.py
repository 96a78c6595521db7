"""Rewards scaled by the running deviation of returns, so that weights of losses mean the same in any world."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

LEAST = 1e-4
"""Smallest deviation that rewards are divided by."""


@dataclass(frozen=True)
class RewardScale:
    """Running moments of the discounted returns, `R_t = discount R_{t-1} + r_t` in every row, begun anew at each end.

    Part of the checkpoint. Moments of batches are merged exactly (Chan et al. 1979), in float64.

    Args:
        running: `[n]` discounted return of each row so far.
        count: Number of values so far.
        mean: Their mean.
        square: Sum of squared deviations from it.

    Example:
        >>> scale = RewardScale.of(2)
        >>> rewards = torch.tensor([[0.0, 2.0], [0.0, 2.0]])
        >>> scaled, scale = scale(rewards, torch.ones(2, 2, dtype=torch.bool), 0.9)
        >>> scaled
        tensor([[0., 2.],
                [0., 2.]])
    """

    running: Float[Tensor, "n"]
    count: Float[Tensor, ""]
    mean: Float[Tensor, ""]
    square: Float[Tensor, ""]

    @staticmethod
    def of(rows: int) -> "RewardScale":
        """The scale before any reward."""
        zero = torch.zeros((), dtype=torch.float64)
        return RewardScale(torch.zeros(rows, dtype=torch.float64), zero, zero, zero)

    def __call__(
        self, rewards: Float[Tensor, "t n"], ended: Bool[Tensor, "t n"], discount: float
    ) -> tuple[Float[Tensor, "t n"], "RewardScale"]:
        """Take rewards in, and divide them by the deviation of all returns so far.

        Args:
            rewards: Rewards of a rollout.
            ended: Steps after which another game began.
            discount: Factor of a reward a step later.
        """
        running, seen = self.running, []
        for reward, end in zip(rewards.double(), ended, strict=True):
            running = running * discount + reward
            seen.append(running)
            running = running * ~end
        values = torch.stack(seen).flatten()
        count, mean = self.count + len(values), values.mean()
        shift = mean - self.mean
        square = self.square + (values - mean).square().sum() + shift**2 * self.count * len(values) / count
        scale = RewardScale(running, count, self.mean + shift * len(values) / count, square)
        return (rewards / scale.deviation).to(rewards), scale

    @property
    def deviation(self) -> float:
        """What rewards are divided by; 1 until returns differ."""
        deviation = float((self.square / self.count.clamp(min=1)).sqrt())
        return deviation if deviation >= LEAST else 1.0
