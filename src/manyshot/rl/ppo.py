"""Proximal policy optimization: the loss as a pure function, and the update that minimizes it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer

from manyshot.base import TrainingDiverged
from manyshot.base.check_numbers import check_range
from manyshot.rl.policy import ActorCritic, Output
from manyshot.rl.rollout import Batch

Regularizer = Callable[[Batch, Output], tuple[Tensor, dict[str, Tensor]]]
"""What is added to the loss of a minibatch, given the policy's output on it, and what of it is logged."""


@dataclass(frozen=True)
class Clipping:
    """How far PPO's updates on a rollout may go.

    Args:
        clip: How far the ratio of probabilities may move.
        epochs: Passes over a rollout.
        minibatches: Updates a pass.
    """

    clip: float = 0.2
    epochs: int = 3
    minibatches: int = 8


@dataclass(frozen=True)
class PPO(Clipping):
    """Proximal policy optimization (Schulman et al. 2017).

        loss = -mean min(ratio A, clip(ratio, 1 - clip, 1 + clip) A) + value_weight mean (V - target)^2
               - entropy_weight mean H

    Differs from the paper as most implementations do: advantages are normalized in every minibatch, and the gradient is
    clipped by its norm. Values are not clipped.

    Args:
        clip: How far the ratio of probabilities may move.
        epochs: Passes over a rollout.
        minibatches: Updates a pass.
        value_weight: Weight of the values' loss.
        entropy_weight: Weight of the entropy.
        max_grad_norm: Largest norm of the gradient.
        normalize: Whether advantages are normalized in every minibatch.

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> PPO(epochs=3).clip
        0.2
    """

    value_weight: float = 0.5
    entropy_weight: float = 0.01
    max_grad_norm: float = 0.5
    normalize: bool = True

    def __post_init__(self) -> None:
        check_range(1, 10_000, whole=True, epochs=self.epochs, minibatches=self.minibatches)
        check_range(0, 1, clip=self.clip)
        check_range(
            0, value_weight=self.value_weight, entropy_weight=self.entropy_weight, max_grad_norm=self.max_grad_norm
        )

    def loss(self, output: Output, batch: Batch) -> "PPOTerms":
        """The loss of a batch, a pure function of the policy's output on it.

        Args:
            output: What the policy, with whatever weights, gives for `batch.inputs`.
            batch: What it did, and the advantages.
        """
        advantages = batch.advantages
        if self.normalize and advantages.numel() > 1:
            advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        log_ratio = output.policy.log_prob(batch.actions) - batch.log_probs
        ratio = log_ratio.exp()
        surrogate = torch.minimum(ratio * advantages, ratio.clamp(1 - self.clip, 1 + self.clip) * advantages)
        value = (output.value - batch.targets).square().mean()
        entropy = output.policy.entropy().mean()
        total = -surrogate.mean() + self.value_weight * value - self.entropy_weight * entropy
        with torch.no_grad():
            clipped = ((ratio - 1).abs() > self.clip).to(ratio).mean()
            kl = (ratio - 1 - log_ratio).mean()
        return PPOTerms(total, value, entropy, clipped, kl)

    def update(
        self,
        policy: ActorCritic,
        optimizer: Optimizer,
        batch: Batch,
        generator: Generator,
        regularize: Regularizer | None = None,
    ) -> dict[str, float]:
        """Update a policy on a rollout, in `epochs` passes of `minibatches` steps each.

        Args:
            policy: Policy to update. One with a memory is to get whole games, any other gets steps `[1, m]`.
            optimizer: Its optimizer.
            batch: The rollout.
            generator: What shuffles it.
            regularize: What is added to the loss.

        Returns:
            Means over the updates of the loss and its parts.

        Raises:
            TrainingDiverged: If the loss or the gradient is not finite.
        """
        count = batch.log_probs.shape[1]
        sums: dict[str, float] = {}
        parts = [
            part
            for _ in range(self.epochs)
            for part in torch.randperm(count, generator=generator).tensor_split(min(self.minibatches, count))
        ]
        for rows in parts:
            part = batch.games(rows.to(batch.log_probs.device))
            output = policy(part.inputs)
            terms = self.loss(output, part)
            total, logged = terms.total, terms.named()
            if regularize is not None:
                extra, more = regularize(part, output)
                total, logged = total + extra, logged | more
            step(policy, optimizer, total, self.max_grad_norm)
            for name, value in {"loss": total, **logged}.items():
                sums[name] = sums.get(name, 0.0) + value.item()
        return {name: value / len(parts) for name, value in sums.items()}


class PPOTerms(NamedTuple):
    """The loss, and what it is made of; `clipped` is the share of steps beyond the clip, `kl` an estimate."""

    total: Tensor
    value: Tensor
    entropy: Tensor
    clipped: Tensor
    kl: Tensor

    def named(self) -> dict[str, Tensor]:
        """The parts to log."""
        return {"value_loss": self.value, "entropy": self.entropy, "clip_share": self.clipped, "kl": self.kl}


def step(module: nn.Module, optimizer: Optimizer, loss: Tensor, max_grad_norm: float) -> None:
    """One step of an optimizer, with a bounded gradient.

    Raises:
        TrainingDiverged: If the loss or the gradient is not finite.
    """
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.clip_grad_norm_(module.parameters(), max_grad_norm)
    if not bool(torch.isfinite(loss.detach())) or not bool(torch.isfinite(norm)):
        raise TrainingDiverged("the loss or its gradient is not finite; lower --learning-rate")
    optimizer.step()
