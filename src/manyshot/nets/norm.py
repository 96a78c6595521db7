"""Normalisation that is right where tasks are batched and weights are adapted."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.base import InputError, did_you_mean
from manyshot.nets.norm_pool import Shares, can_pool, norm_pool, scale_pool

Norm = Literal["batch", "group", "task"]

EPSILON = 1e-5


class GroupNorm(nn.Module):
    """Group normalisation from elementary operations (Wu and He 2018).

    y = (x - mean) / sqrt(variance + epsilon) * weight + bias, with the mean and the variance of each item's own
    channel groups.

    No item sees another one's statistics, so nothing leaks from the query, and tasks may be batched at will. torch's
    fused normalisations are avoided because `torch.vmap` over `batch_norm` gives wrong second-order gradients without
    a word.

    Args:
        groups: number of channel groups.
        channels: number of channels, a multiple of groups.

    Example:
        >>> GroupNorm(8, 32)(torch.rand(2, 32, 7, 7)).shape
        torch.Size([2, 32, 7, 7])
    """

    def __init__(self, groups: int, channels: int) -> None:
        super().__init__()
        if channels % groups:
            raise ValueError(f"channels={channels} is not a multiple of groups={groups}")
        self.groups = groups
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Normalise each item's channel groups."""
        grouped = x.reshape(len(x), self.groups, -1)
        centred = grouped - grouped.mean(-1, keepdim=True)
        scaled = centred * torch.rsqrt(centred.square().mean(-1, keepdim=True) + EPSILON)
        normal: Tensor = scaled.reshape(x.shape)
        return normal * self.weight[:, None, None] + self.bias[:, None, None]

    def pooled(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c rows columns"]:
        """The same, pooled 2 x 2 and rectified: in one pass on a processor."""
        if not can_pool(x, self.weight, self.bias):
            return F.max_pool2d(self(x), 2).relu()
        n, channels, h, w = x.shape
        shares = Shares.by_group(n, channels, self.groups, h * w, x.dtype)
        return norm_pool(x, self.weight, self.bias, shares)


@dataclass(frozen=True, eq=False)
class Statistics:
    """Where the task normalisations of a network take mean and variance from, within `counting` or `using`.

    Args:
        weight: `[n]` how much each item of the batch counts; None if all count alike.
        keep: whether what was found is kept.
        found: mean and deviation by layer, if kept.
        reuse: whether they are taken from there.
    """

    weight: Tensor | None = None
    keep: bool = False
    found: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)
    reuse: bool = False


_CURRENT: ContextVar[Statistics] = ContextVar("statistics", default=Statistics())  # noqa: B039 - it keeps nothing


@contextmanager
def counting(weight: Float[Tensor, " n"] | None, keep: bool = False) -> Iterator[Statistics]:
    """Within it, `TaskNorm` takes its statistics from the batch, in which each item counts by its weight.

    Args:
        weight: of the batch; None if all count alike. Statistics are no function of it, as far as gradients go.
        keep: whether the statistics may be used again, see `using`.
    """
    with _set(Statistics(weight, keep)) as statistics:
        yield statistics


@contextmanager
def using(kept: Statistics) -> Iterator[None]:
    """Within it, `TaskNorm` normalises by the statistics that were kept, whatever the batch."""
    with _set(Statistics(found=kept.found, reuse=True)):
        yield


@contextmanager
def _set(statistics: Statistics) -> Iterator[Statistics]:
    token = _CURRENT.set(statistics)
    try:
        yield statistics
    finally:
        _CURRENT.reset(token)


class TaskNorm(nn.Module):
    """Batch normalisation whose statistics are those of one task, and of which items, is said from outside.

    y = (x - mean) / sqrt(variance + epsilon) * weight + bias,   mean_c = sum_i w_i sum x_ic / (h w sum_i w_i)

    With the statistics of a task's support used for its query too, nothing leaks from the query and the learner is
    inductive (MetaBN: Bronskill et al. 2020); with those of the query itself it is transductive, as the code of MAML
    was. There are no running averages.

    Args:
        channels: number of channels.

    Example:
        >>> norm, support, query = TaskNorm(8), torch.rand(4, 8, 6, 6), torch.rand(9, 8, 6, 6)
        >>> with counting(torch.tensor([1.0, 1.0, 1.0, 0.0]), keep=True) as kept:
        ...     bool(norm(support)[:3].mean().abs() < 1e-6)
        True
        >>> with using(kept):
        ...     bool(norm(query)[0].equal(norm(query[:1])[0]))
        True
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Normalise by the current statistics; by those of the whole batch outside `counting` and `using`."""
        mean, inverse = self._statistics(x)
        return (x - mean[:, None, None]) * (inverse * self.weight)[:, None, None] + self.bias[:, None, None]

    def pooled(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c rows columns"]:
        """The same, pooled 2 x 2 and rectified: in one pass on a processor."""
        now = _CURRENT.get()
        if now.keep or not can_pool(x, self.weight, self.bias):
            return F.max_pool2d(self(x), 2).relu()
        if now.reuse:
            mean, inverse = now.found[id(self)]
            scale = inverse * self.weight
            return scale_pool(x, scale, self.bias - mean * scale)
        shares = Shares.by_channel(self._counts(x), x.shape[2] * x.shape[3], x.dtype)
        return norm_pool(x, self.weight, self.bias, shares)

    def _statistics(self, x: Tensor) -> tuple[Tensor, Tensor]:
        now = _CURRENT.get()
        if now.reuse:
            return now.found[id(self)]
        counts = self._counts(x)
        share = (counts / (counts.sum().clamp(min=1e-12) * x.shape[2] * x.shape[3]))[:, None, None, None]
        mean = (share * x).sum((0, 2, 3))
        inverse = torch.rsqrt((share * (x - mean[:, None, None]).square()).sum((0, 2, 3)) + EPSILON)
        if now.keep:
            now.found[id(self)] = mean, inverse
        return mean, inverse

    def _counts(self, x: Tensor) -> Tensor:
        weight = _CURRENT.get().weight
        return x.new_ones(len(x)) if weight is None else weight.detach().to(x.dtype)


def make_norm(norm: Norm, channels: int) -> nn.Module:
    """A normalisation of maps, by its kind.

    Args:
        norm: "batch" (statistics of the training batch, running averages when evaluating), "group" (each item alone)
            or "task" (see `TaskNorm`).
        channels: of the maps.

    Raises:
        InputError: if the kind is unknown.

    Example:
        >>> make_norm("group", 12).groups
        6
    """
    if norm not in get_args(Norm):
        raise InputError(f"norm='{norm}': {did_you_mean(norm, get_args(Norm))}")
    if norm == "batch":
        return nn.BatchNorm2d(channels)
    return GroupNorm(groups_of(channels), channels) if norm == "group" else TaskNorm(channels)


def groups_of(width: int) -> int:
    """The most groups, up to 8, that divide the width.

    Example:
        >>> groups_of(64), groups_of(12), groups_of(7)
        (8, 6, 7)
    """
    return next(groups for groups in range(min(8, width), 0, -1) if width % groups == 0)
