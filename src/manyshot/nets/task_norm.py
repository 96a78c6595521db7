"""Normalization by the statistics of one task."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.base import InputError
from manyshot.nets.norm_pool import Shares, can_pool, norm_pool, scale_pool

EPSILON = 1e-5


@dataclass(frozen=True, eq=False)
class Statistics:
    """Where the task normalizations of a network take mean and variance from, within `counting` or `using`.

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
    """Within it, `TaskNorm` normalizes by the statistics that were kept, whatever the batch."""
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
    """Batch normalization whose statistics are those of one task, and of which items, is said from outside.

    y = (x - mean) / sqrt(variance + epsilon) * weight + bias,   mean_c = sum_i w_i sum x_ic / (h w sum_i w_i)

    It takes features `[n, c]` as well, with h = w = 1

    With the statistics of a task's support used for its query too, nothing leaks from the query and the learner is
    inductive (MetaBN: Bronskill et al. 2020); with those of the query itself it is transductive, as the code of MAML
    was. There are no running averages.

    Args:
        channels: Number of channels.
        statistics: "support" or "query": whose statistics gradient-based learners normalize a query by.

    Raises:
        InputError: If `statistics` is neither.

    Example:
        >>> norm, support, query = TaskNorm(8), torch.rand(4, 8, 6, 6), torch.rand(9, 8, 6, 6)
        >>> with counting(torch.tensor([1.0, 1.0, 1.0, 0.0]), keep=True) as kept:
        ...     bool(norm(support)[:3].mean().abs() < 1e-6)
        True
        >>> with using(kept):
        ...     bool(norm(query)[0].equal(norm(query[:1])[0]))
        True
    """

    def __init__(self, channels: int, statistics: Literal["support", "query"] = "support") -> None:
        super().__init__()
        if statistics not in ("support", "query"):
            raise InputError(f"statistics='{statistics}': give support or query")
        self.statistics = statistics
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Float[Tensor, "n c *places"]) -> Float[Tensor, "n c *places"]:
        """Normalize features or maps by the current statistics; outside of `counting` and `using` by the batch's."""
        mean, inverse = self._statistics(x)
        mean, scale, bias = (_by_channel(value, x) for value in (mean, inverse * self.weight, self.bias))
        return (x - mean) * scale + bias

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
        total = counts.sum().clamp(min=1e-12)
        for side in x.shape[2:]:
            total = total * side
        fraction = (counts / total).view(-1, *(1 for _ in x.shape[1:]))
        dims = (0, *range(2, x.ndim))
        mean = (fraction * x).sum(dims)
        inverse = torch.rsqrt((fraction * (x - _by_channel(mean, x)).square()).sum(dims) + EPSILON)
        if now.keep:
            now.found[id(self)] = mean, inverse
        return mean, inverse

    def _counts(self, x: Tensor) -> Tensor:
        weight = _CURRENT.get().weight
        return x.new_ones(len(x)) if weight is None else weight.detach().to(x.dtype)


def _by_channel(values: Tensor, x: Tensor) -> Tensor:
    return values.view(-1, *(1 for _ in x.shape[2:]))


def with_task_norm(model: nn.Module, statistics: Literal["support", "query"] = "support") -> nn.Module:
    """A copy of a model with task normalization in place of its batch normalizations, weights and all.

    Args:
        model: Any module; it stays as it is.
        statistics: "support" or "query", see `TaskNorm`.

    Raises:
        InputError: If a batch normalization is not by 1e-5 within the root, as task normalization is.

    Example:
        >>> with_task_norm(nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8)))
        Sequential(
          (0): Linear(in_features=4, out_features=8, bias=True)
          (1): TaskNorm()
        )
    """
    return _converted(deepcopy(model), statistics, {})


def _converted(module: nn.Module, statistics: Literal["support", "query"], known: dict[int, nn.Module]) -> nn.Module:
    if isinstance(module, nn.modules.batchnorm._BatchNorm):
        if id(module) not in known:
            if module.eps != EPSILON:
                raise InputError(f"{module}: task normalization adds {EPSILON} within the root; make it with that eps")
            norm = known[id(module)] = TaskNorm(module.num_features, statistics)
            if module.affine:
                norm.weight, norm.bias = module.weight, module.bias
        return known[id(module)]
    for name, part in module._modules.items():
        if part is not None:
            module._modules[name] = _converted(part, statistics, known)
    return module
