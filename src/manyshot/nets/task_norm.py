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
from manyshot.nets.norm_pool import MomentWeights, can_pool, norm_pool, scale_pool

EPSILON = 1e-5


@dataclass(frozen=True, eq=False)
class Statistics:
    """Where the `TaskNorm` layers of a network take mean and variance from.

    Args:
        weight: Weight of each item of the batch `[n]`; None for equal weights.
        keep: Whether to store the statistics.
        stored: Mean and inverse standard deviation of each layer, if they are stored.
        reuse: Whether to use the stored statistics.
    """

    weight: Tensor | None = None
    keep: bool = False
    stored: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)
    reuse: bool = False


_CURRENT: ContextVar[Statistics] = ContextVar("statistics", default=Statistics())  # noqa: B039 - it keeps nothing


@contextmanager
def batch_statistics(weight: Float[Tensor, " n"] | None, keep: bool = False) -> Iterator[Statistics]:
    """Compute the statistics of `TaskNorm` layers from the batch, with weighted items (context manager).

    Args:
        weight: Weight of each item; None for equal weights. Gradients ignore it.
        keep: Whether to store the statistics, for `stored_statistics`.
    """
    with _set(Statistics(weight, keep)) as statistics:
        yield statistics


@contextmanager
def stored_statistics(statistics: Statistics) -> Iterator[None]:
    """Use stored statistics in `TaskNorm` layers, whatever the batch (context manager)."""
    with _set(Statistics(stored=statistics.stored, reuse=True)):
        yield


@contextmanager
def _set(statistics: Statistics) -> Iterator[Statistics]:
    token = _CURRENT.set(statistics)
    try:
        yield statistics
    finally:
        _CURRENT.reset(token)


class TaskNorm(nn.Module):
    """Batch normalization with the statistics of one task; `batch_statistics` and `stored_statistics` say which.

    y = (x - mean) / sqrt(variance + epsilon) * weight + bias,   mean_c = sum_i w_i sum x_ic / (h w sum_i w_i)

    Features `[n, c]` count as maps with h = w = 1.

    If the statistics of a task's support are used for its query too, the learner is inductive (MetaBN: Bronskill et al.
    2020). With the statistics of the query itself it is transductive, like the original code of MAML. There are no
    running averages.

    Args:
        channels: Number of channels.
        statistics: "support" or "query": by whose statistics gradient-based learners normalize a query.

    Raises:
        InputError: If `statistics` is neither.

    Example:
        >>> norm, support, query = TaskNorm(8), torch.rand(4, 8, 6, 6), torch.rand(9, 8, 6, 6)
        >>> with batch_statistics(torch.tensor([1.0, 1.0, 1.0, 0.0]), keep=True) as statistics:
        ...     bool(norm(support)[:3].mean().abs() < 1e-6)
        True
        >>> with stored_statistics(statistics):
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

    def forward(self, x: Float[Tensor, "n c *size"]) -> Float[Tensor, "n c *size"]:
        """Normalize features or maps by the current statistics; by those of the batch by default."""
        mean, inverse = self._statistics(x)
        mean, scale, bias = (_by_channel(value, x) for value in (mean, inverse * self.weight, self.bias))
        return (x - mean) * scale + bias

    def pooled(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c rows columns"]:
        """Normalize, pool 2 x 2 and rectify; in one pass on a CPU."""
        current = _CURRENT.get()
        if current.keep or not can_pool(x, self.weight, self.bias):
            return F.max_pool2d(self(x), 2).relu()
        if current.reuse:
            mean, inverse = current.stored[id(self)]
            scale = inverse * self.weight
            return scale_pool(x, scale, self.bias - mean * scale)
        moments = MomentWeights.by_channel(self._counts(x), x.shape[2] * x.shape[3], x.dtype)
        return norm_pool(x, self.weight, self.bias, moments)

    def _statistics(self, x: Tensor) -> tuple[Tensor, Tensor]:
        current = _CURRENT.get()
        if current.reuse:
            return current.stored[id(self)]
        counts = self._counts(x)
        total = counts.sum().clamp(min=1e-12)
        for side in x.shape[2:]:
            total = total * side
        fraction = (counts / total).view(-1, *(1 for _ in x.shape[1:]))
        dims = (0, *range(2, x.ndim))
        mean = (fraction * x).sum(dims)
        inverse = torch.rsqrt((fraction * (x - _by_channel(mean, x)).square()).sum(dims) + EPSILON)
        if current.keep:
            current.stored[id(self)] = mean, inverse
        return mean, inverse

    def _counts(self, x: Tensor) -> Tensor:
        weight = _CURRENT.get().weight
        return x.new_ones(len(x)) if weight is None else weight.detach().to(x.dtype)


def _by_channel(values: Tensor, x: Tensor) -> Tensor:
    return values.view(-1, *(1 for _ in x.shape[2:]))


def with_task_norm(model: nn.Module, statistics: Literal["support", "query"] = "support") -> nn.Module:
    """Copy a model with `TaskNorm` in place of batch normalization, including the weights.

    Args:
        model: Any module; it is not changed.
        statistics: "support" or "query", see `TaskNorm`.

    Raises:
        InputError: If the eps of a batch normalization is not 1e-5.

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
                raise InputError(f"{module}: task normalization needs eps={EPSILON}; build it with that")
            norm = known[id(module)] = TaskNorm(module.num_features, statistics)
            if module.affine:
                norm.weight, norm.bias = module.weight, module.bias
        return known[id(module)]
    for name, part in module._modules.items():
        if part is not None:
            module._modules[name] = _converted(part, statistics, known)
    return module
