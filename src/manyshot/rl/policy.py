"""Actor-critic networks: convolutions for pictures, layers for vectors, and a memory for adaptation within a trial."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import NamedTuple, TypeVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from manyshot.rl.distributions import Categorical, Distribution, Gaussian
from manyshot.rl.worlds.world import Actions, Discrete

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)
SMALLEST = 4
"""Sides of a picture that convolutions do not halve any more."""


@dataclass(frozen=True)
class Inputs:
    """What a policy reads: sequences of t steps of n games.

    Args:
        observations: `[t, n, ...]` what the agent sees.
        extras: `[t, n, e]` what else it is told: its last action, its last reward, whether an episode begins.
        first: `[t, n]` steps that begin a trial, before which its memory is cleared.
        memory: `[n, h]` memory before the first step; h is 0 without one.
    """

    observations: Float[Tensor, "t n *shape"]
    extras: Float[Tensor, "t n e"]
    first: Bool[Tensor, "t n"]
    memory: Float[Tensor, "n h"]

    def map(self, change: Callable[[Tensor], Tensor]) -> "Inputs":
        """The observations `[t n, ...]` changed as one batch, all else as it is."""
        t, n = self.first.shape
        return replace(self, observations=torch.unflatten(change(self.observations.flatten(0, 1)), 0, (t, n)))

    def games(self, rows: Tensor) -> "Inputs":
        """Some of the games, with all their steps."""
        return Inputs(self.observations[:, rows], self.extras[:, rows], self.first[:, rows], self.memory[rows])

    def to(self, device: torch.device | str) -> "Inputs":
        """The same on another device."""
        return Inputs(*(part.to(device) for part in (self.observations, self.extras, self.first, self.memory)))


class Output(NamedTuple):
    """What a policy gives: `[t, n]` distributions and values, and the memory `[n, h]` after the last step."""

    policy: Distribution
    value: Float[Tensor, "t n"]
    memory: Float[Tensor, "n h"]


class ActorCritic(nn.Module):
    """A policy and a value of every observation, from one encoder.

    Pictures pass through 3x3 convolutions of stride 2 until a side is at most 4 pixels, vectors through two layers.
    With a memory, a GRU reads the features, the last action, the last reward and a flag where an episode begins: the
    agent of RL2 (Duan et al. 2016), which adapts within a trial by its hidden state alone.

    Args:
        observation: Shape of an observation: `(c, h, w)` or `(d,)`.
        actions: What the agent can do.
        width: Number of features.
        memory: Size of the memory; 0 for none.
        extras: Number of further inputs, see `Inputs`.

    Example:
        >>> policy = ActorCritic((1, 32, 32), Discrete(2))
        >>> output = policy(policy.inputs(torch.rand(5, 1, 32, 32)))
        >>> output.policy.logits.shape, output.value.shape
        (torch.Size([1, 5, 2]), torch.Size([1, 5]))
    """

    def __init__(
        self, observation: Sequence[int], actions: Actions, width: int = 128, memory: int = 0, extras: int = 0
    ) -> None:
        super().__init__()
        self.observation, self.actions = tuple(observation), actions
        self.memory, self.extras = memory, extras
        self.encoder, features = _encoder(self.observation, width)
        self.core = nn.GRUCell(features + extras, memory) if memory else None
        size = memory or features + extras
        count = actions.n if isinstance(actions, Discrete) else prod(actions.shape)
        self.act, self.judge = _orthogonal(nn.Linear(size, count), 0.01), _orthogonal(nn.Linear(size, 1), 1.0)
        self.log_std = None if isinstance(actions, Discrete) else nn.Parameter(torch.full((count,), -0.5))

    def inputs(self, observations: Float[Tensor, "n *shape"]) -> Inputs:
        """Observations of the first step of n games."""
        n = len(observations)
        return Inputs(
            observations[None],
            observations.new_zeros(1, n, self.extras),
            torch.ones(1, n, dtype=torch.bool, device=observations.device),
            observations.new_zeros(n, self.memory),
        )

    def forward(self, inputs: Inputs) -> Output:
        """The distribution over actions and the value at every step."""
        t, n = inputs.first.shape
        features = torch.unflatten(self.encoder(inputs.observations.flatten(0, 1)), 0, (t, n))
        features, memory = torch.cat([features, inputs.extras], -1), inputs.memory
        if self.core is not None:
            steps = []
            for step in range(t):
                memory = self.core(features[step], memory * ~inputs.first[step][:, None])
                steps.append(memory)
            features = torch.stack(steps)
        chosen = self.act(features)
        policy: Distribution
        policy = Categorical(chosen) if self.log_std is None else Gaussian(chosen, self.log_std.expand_as(chosen))
        return Output(policy, self.judge(features)[..., 0], memory)


def _encoder(observation: Sequence[int], width: int) -> tuple[nn.Module, int]:
    if len(observation) == 1:
        first, second = nn.Linear(observation[0], width), nn.Linear(width, width)
        return nn.Sequential(_orthogonal(first), nn.Tanh(), _orthogonal(second), nn.Tanh()), width
    channels, height, side = observation
    layers: list[nn.Module] = []
    for outputs in (8, 16, 32, 32, 32, 32):
        stride = 2 if max(height, side) > SMALLEST else 1
        layers += [_orthogonal(nn.Conv2d(channels, outputs, 3, stride, padding=1)), nn.ReLU()]
        channels, height, side = outputs, -(-height // stride), -(-side // stride)
        if max(height, side) <= SMALLEST and len(layers) >= 4:
            break
    last = _orthogonal(nn.Linear(channels * height * side, width))
    return nn.Sequential(*layers, nn.Flatten(), last, nn.ReLU()), width


def _orthogonal(layer: Layer, gain: float = 2**0.5) -> Layer:
    """Orthogonal weights and no bias, as is usual for PPO."""
    nn.init.orthogonal_(layer.weight, gain)
    assert layer.bias is not None  # none of them was built without
    nn.init.zeros_(layer.bias)
    return layer
