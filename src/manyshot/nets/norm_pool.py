"""Normalize, pool 2 x 2 and rectify in one pass over the maps, differentiable twice, on processors."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from manyshot.nets.kernels import pool

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Shares:
    """Which values are normalized together, and how much each counts for their mean and variance.

    Args:
        of_item: `[n, 1]` share of one value of an item's map in the mean; over all values that are normalized
            together they sum to 1.
        total: sums numbers `[n, c]` over what is normalized together; the result broadcasts against `[n, c]`.
    """

    of_item: Array
    total: Callable[[Array], Array]

    @classmethod
    def by_channel(cls, weight: Float[Tensor, " n"], area: int, dtype: torch.dtype) -> "Shares":
        """Each channel over the items of a batch, which count by their weights."""
        counts = weight.detach().to(dtype).numpy()
        shares = (counts / max(area * counts.sum(), 1e-12)).astype(counts.dtype)[:, None]
        return cls(shares, lambda numbers: numbers.sum(0, keepdims=True))

    @classmethod
    def by_group(cls, n: int, channels: int, groups: int, area: int, dtype: torch.dtype) -> "Shares":
        """Each group of channels of each item alone."""
        each = channels // groups

        def total(numbers: Array) -> Array:
            return np.repeat(numbers.reshape(n, groups, each).sum(-1), each, 1)

        return cls(torch.full((n, 1), 1 / (area * each), dtype=dtype).numpy(), total)


def can_pool(*tensors: Tensor) -> bool:
    """Whether `norm_pool` takes these: on a processor, single or double precision, not within `torch.func` or autocast.

    Example:
        >>> can_pool(torch.rand(2, 8, 6, 6)), can_pool(torch.rand(2, 8, 6, 6).half())
        (True, False)
    """
    elsewhere = torch._C._are_functorch_transforms_active() or torch.is_autocast_enabled("cpu")
    return not elsewhere and all(
        tensor.device.type == "cpu" and tensor.dtype in (torch.float32, torch.float64) for tensor in tensors
    )


def norm_pool(
    maps: Float[Tensor, "n c h w"], weight: Float[Tensor, " c"], bias: Float[Tensor, " c"], shares: Shares
) -> Float[Tensor, "n c rows columns"]:
    """relu(max_pool(weight (maps - mean) / sqrt(variance + 1e-5) + bias)), differentiable twice.

    The gradient is written out by hand, and so is the gradient of the gradient. Kept are the maps, and a byte and a
    number for each window; torch's own ops keep five times as much and pass over the maps five times as often.

    Args:
        maps: of at least 2 x 2 pixels; a last odd row or column is pooled away, as by torch.
        weight: of each channel.
        bias: of each channel.
        shares: whose mean and variance; they are no function of what items weigh, as far as gradients are concerned.

    Example:
        >>> maps = torch.randn(3, 4, 6, 6, dtype=torch.float64)
        >>> ours = norm_pool(maps, torch.ones(4).double(), torch.zeros(4).double(), Shares.by_group(3, 4, 2, 36,
        ...     maps.dtype))
        >>> torch.allclose(ours, torch.nn.functional.max_pool2d(torch.nn.functional.group_norm(maps, 2), 2).relu())
        True
    """
    found: Tensor = _Pool.apply(maps, weight, bias, shares)  # type: ignore[no-untyped-call]
    return found


def scale_pool(
    maps: Float[Tensor, "n c h w"], scale: Float[Tensor, " c"], shift: Float[Tensor, " c"]
) -> Float[Tensor, "n c rows columns"]:
    """relu(max_pool(scale * maps + shift)), differentiable once.

    Example:
        >>> maps, ones = torch.randn(3, 4, 6, 6), torch.ones(4)
        >>> scale_pool(maps, -ones, ones).equal(torch.nn.functional.max_pool2d(1 - maps, 2).relu())
        True
    """
    found: Tensor = _ScalePool.apply(maps, scale, shift)  # type: ignore[no-untyped-call]
    return found


class _Pool(Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, bias: Tensor, shares: Shares) -> Tensor:  # noqa: ANN401
        x, gamma, beta = _last(maps), weight.detach().numpy(), bias.detach().numpy()
        n, h, w, c = x.shape
        mean, spread = np.empty((n, c), x.dtype), np.empty((n, c), x.dtype)
        pool.moments(x, mean, spread)
        ours = shares.total(shares.of_item * (h * w) * mean)
        variance = shares.total(shares.of_item * (spread + h * w * np.square(mean - ours)))
        mean = _full(ours, x)
        inverse = _full(1 / np.sqrt(variance + 1e-5), x)
        pooled, places = _windows(x), _windows(x, np.uint8)
        scale = gamma * inverse
        pool.pool(x, scale, beta - scale * mean, pooled, places)
        taken = _windows(x)
        pool.gather(x, places, mean, inverse, taken)
        ctx.save_for_backward(maps, weight)
        ctx.kept = (shares, mean, inverse, places, taken)
        return _first(pooled)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:  # noqa: ANN401
        maps, weight = ctx.saved_tensors
        return *_PoolGradient.apply(gradient, maps, weight, ctx.kept), None  # type: ignore[no-untyped-call]


class _PoolGradient(Function):
    """The gradient of `_Pool`.

    d bias = S0 = sum m,   d weight = S1 = sum m z,   d maps = (weight m - s (A0 + z A1)) / deviation

    with m = gradient where a window took a pixel, z = (maps - mean) / deviation, s the shares, and A0 and A1 the sums
    of weight S0 and weight S1 over what is normalized together.
    """

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, maps: Tensor, weight: Tensor, kept: Any) -> Any:  # noqa: ANN401
        shares, mean, inverse, places, taken = kept
        x, g, gamma = _last(maps), _last(gradient), weight.detach().numpy()
        s0, s1 = np.empty_like(mean), np.empty_like(mean)
        pool.pooled_sums(g, places, taken, s0, s1)
        a0, a1 = shares.total(gamma * s0), shares.total(gamma * s1)
        straight = -shares.of_item * inverse * inverse * a1
        constant = -shares.of_item * inverse * a0 - straight * mean
        result = np.empty_like(x)
        pool.spread(x, places, g, gamma * inverse, straight, constant, result)
        ctx.save_for_backward(gradient, maps, weight)
        ctx.kept, ctx.sums = kept, (s0, s1, a0, a1)
        return _first(result), _vector(s1.sum(0)), _vector(s0.sum(0))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, for_maps: Tensor, for_weight: Tensor, for_bias: Tensor) -> Any:  # noqa: ANN401
        """The derivative, by gradient, maps (through z and the deviation) and weight, of what comes in times `forward`.

        sum over what is normalized together of (Q - V0 A0 - V1 A1) / deviation, + u1 S1 + u0 S0

        with v, u1 and u0 for what comes in, V0 = sum s v, V1 = sum s v z, Q = sum weight m v.
        """
        gradient, maps, weight = ctx.saved_tensors
        (shares, mean, inverse, places, taken), (s0, s1, a0, a1) = ctx.kept, ctx.sums
        x, g, v, gamma = _last(maps), _last(gradient), _last(for_maps), weight.detach().numpy()
        u1, u0 = for_weight.numpy(), for_bias.numpy()
        share = shares.of_item
        plain, centered = np.empty_like(mean), np.empty_like(mean)
        pool.sums(x, v, mean, plain, centered)
        v0, v1 = shares.total(share * plain), shares.total(share * inverse * centered)
        v_taken = np.empty_like(taken)
        pool.gather(v, places, np.zeros_like(mean), np.ones_like(mean), v_taken)
        unused, q = np.empty_like(mean), np.empty_like(mean)
        pool.pooled_sums(g, places, v_taken, unused, q)
        by_s1, by_s0 = u1 - gamma * inverse * v1, u0 - gamma * inverse * v0
        to_gradient = np.empty_like(taken)
        pool.blend(places, v_taken, gamma * inverse, taken, by_s1, by_s0, to_gradient)
        by_v1 = -inverse * a1
        by_z, by_zz = shares.total(by_s1 * s0) + by_v1 * v0, shares.total(by_s1 * s1) + by_v1 * v1
        by_inverse = shares.total(gamma * q) - v0 * a0 - v1 * a1
        straight = -share * inverse * inverse * (by_zz + inverse * by_inverse)
        constant = -share * inverse * by_z - straight * mean
        to_maps = np.empty_like(x)
        pool.spread_two(x, places, g, inverse * by_s1, straight, constant, v, inverse * by_v1 * share, to_maps)
        to_weight = (inverse * (q - v0 * s0 - v1 * s1)).sum(0)
        return _first(to_gradient), _first(to_maps), _vector(to_weight), None


class _ScalePool(Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, scale: Tensor, shift: Tensor) -> Tensor:  # noqa: ANN401
        x = _last(maps)
        pooled, places = _windows(x), _windows(x, np.uint8)
        a, b = (_full(numbers.detach().numpy(), x) for numbers in (scale, shift))
        pool.pool(x, a, b, pooled, places)
        ctx.save_for_backward(maps, scale)
        ctx.places = places
        return _first(pooled)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:  # noqa: ANN401
        maps, scale = ctx.saved_tensors
        x, g, places = _last(maps), _last(gradient), ctx.places
        a = _full(scale.detach().numpy(), x)
        none, taken, result = np.zeros_like(a), np.empty_like(g), np.empty_like(x)
        pool.gather(x, places, none, np.ones_like(a), taken)
        total, product = np.empty_like(a), np.empty_like(a)
        pool.pooled_sums(g, places, taken, total, product)
        pool.spread(x, places, g, a, none, none, result)
        return _first(result), _vector(product.sum(0)), _vector(total.sum(0))


def _last(maps: Tensor) -> Array:
    """`[n, c, h, w]` as an array of channels-last memory, which it shares if it lies so."""
    return maps.detach().permute(0, 2, 3, 1).contiguous().numpy()


def _first(array: Array) -> Tensor:
    return torch.from_numpy(array).permute(0, 3, 1, 2)


def _vector(array: Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))


def _full(numbers: Array, x: Array) -> Array:
    """Numbers a channel, or an item and channel, as `[n, c]` of the maps' type."""
    return np.ascontiguousarray(np.broadcast_to(numbers, (x.shape[0], x.shape[3])), dtype=x.dtype)


def _windows(x: Array, dtype: Any = None) -> Array:  # noqa: ANN401
    n, h, w, c = x.shape
    return np.empty((n, h // 2, w // 2, c), dtype or x.dtype)
