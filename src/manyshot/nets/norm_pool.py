"""Normalize, pool 2 x 2 and rectify in one pass over the maps, differentiable twice, on CPUs."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class MomentWeights:
    """The groups of values that are normalized together, and the weight of each value in their mean and variance.

    Args:
        value: Weight of one value of an item's map, `[n, 1]`; the weights of a group sum to 1.
        total: Sums numbers `[n, c]` over each group; the result broadcasts against `[n, c]`.
    """

    value: Array
    total: Callable[[Array], Array]

    @classmethod
    def by_channel(cls, weight: Float[Tensor, " n"], area: int, dtype: torch.dtype) -> "MomentWeights":
        """Weights of batch normalization: each channel, over the weighted items of a batch."""
        counts = weight.detach().to(dtype).numpy()
        value = (counts / max(area * counts.sum(), 1e-12)).astype(counts.dtype)[:, None]
        return cls(value, lambda numbers: numbers.sum(0, keepdims=True))

    @classmethod
    def by_group(cls, n: int, channels: int, groups: int, area: int, dtype: torch.dtype) -> "MomentWeights":
        """Weights of group normalization: each group of channels of each item."""
        size = channels // groups

        def total(numbers: Array) -> Array:
            return np.repeat(numbers.reshape(n, groups, size).sum(-1), size, 1)

        return cls(torch.full((n, 1), 1 / (area * size), dtype=dtype).numpy(), total)


def can_pool(*tensors: Tensor) -> bool:
    """Whether `norm_pool` supports these: on the CPU, single or double precision, not within `torch.func` or autocast.

    Example:
        >>> can_pool(torch.rand(2, 8, 6, 6)), can_pool(torch.rand(2, 8, 6, 6).half())
        (True, False)
    """
    transformed = torch._C._are_functorch_transforms_active() or torch.is_autocast_enabled("cpu")
    return not transformed and all(
        tensor.device.type == "cpu" and tensor.dtype in (torch.float32, torch.float64) for tensor in tensors
    )


def norm_pool(
    maps: Float[Tensor, "n c h w"], weight: Float[Tensor, " c"], bias: Float[Tensor, " c"], moments: MomentWeights
) -> Float[Tensor, "n c rows columns"]:
    """relu(max_pool(weight (maps - mean) / sqrt(variance + 1e-5) + bias)), differentiable twice.

    Gradient and second derivative are implemented by hand. They store the maps, and a byte and a number for each
    window; torch's own ops store five times as much and make five times as many passes over the maps.

    Args:
        maps: Maps of at least 2 x 2 pixels; a last odd row or column is dropped, as in torch.
        weight: Weight of each channel.
        bias: Bias of each channel.
        moments: Groups and weights of mean and variance; gradients ignore that they may depend on other tensors.

    Example:
        >>> maps = torch.randn(3, 4, 6, 6, dtype=torch.float64)
        >>> ours = norm_pool(maps, torch.ones(4).double(), torch.zeros(4).double(), MomentWeights.by_group(3, 4, 2, 36,
        ...     maps.dtype))
        >>> torch.allclose(ours, torch.nn.functional.max_pool2d(torch.nn.functional.group_norm(maps, 2), 2).relu())
        True
    """
    result: Tensor = _Pool.apply(maps, weight, bias, moments)  # type: ignore[no-untyped-call]
    return result


def scale_pool(
    maps: Float[Tensor, "n c h w"], scale: Float[Tensor, " c"], shift: Float[Tensor, " c"]
) -> Float[Tensor, "n c rows columns"]:
    """relu(max_pool(scale * maps + shift)), differentiable once.

    Example:
        >>> maps, ones = torch.randn(3, 4, 6, 6), torch.ones(4)
        >>> scale_pool(maps, -ones, ones).equal(torch.nn.functional.max_pool2d(1 - maps, 2).relu())
        True
    """
    result: Tensor = _ScalePool.apply(maps, scale, shift)  # type: ignore[no-untyped-call]
    return result


@cache
def _kernels() -> ModuleType:
    from manyshot.nets.kernels import pool  # it imports numba, half a second

    return pool


class _Pool(Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, bias: Tensor, moments: MomentWeights) -> Tensor:  # noqa: ANN401
        x, gamma, beta = _last(maps), weight.detach().numpy(), bias.detach().numpy()
        n, h, w, c = x.shape
        mean, spread = np.empty((n, c), x.dtype), np.empty((n, c), x.dtype)
        _kernels().moments(x, mean, spread)
        group_mean = moments.total(moments.value * (h * w) * mean)
        variance = moments.total(moments.value * (spread + h * w * np.square(mean - group_mean)))
        mean = _full(group_mean, x)
        inverse = _full(1 / np.sqrt(variance + 1e-5), x)
        pooled, argmax = _windows(x), _windows(x, np.uint8)
        scale = gamma * inverse
        _kernels().pool(x, scale, beta - scale * mean, pooled, argmax)
        taken = _windows(x)
        _kernels().gather(x, argmax, mean, inverse, taken)
        ctx.save_for_backward(maps, weight)
        ctx.stored = (moments, mean, inverse, argmax, taken)
        return _first(pooled)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:  # noqa: ANN401
        maps, weight = ctx.saved_tensors
        return *_PoolGradient.apply(gradient, maps, weight, ctx.stored), None  # type: ignore[no-untyped-call]


class _PoolGradient(Function):
    """The gradient of `_Pool`.

    d bias = S0 = sum m,   d weight = S1 = sum m z,   d maps = (weight m - s (A0 + z A1)) / deviation

    with m = gradient at the maximum of a window (0 elsewhere), z = (maps - mean) / deviation, s the moment weights, and
    A0 and A1 the sums of weight S0 and weight S1 over a group.
    """

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, maps: Tensor, weight: Tensor, stored: Any) -> Any:  # noqa: ANN401
        moments, mean, inverse, argmax, taken = stored
        x, g, gamma = _last(maps), _last(gradient), weight.detach().numpy()
        s0, s1 = np.empty_like(mean), np.empty_like(mean)
        _kernels().pooled_sums(g, argmax, taken, s0, s1)
        a0, a1 = moments.total(gamma * s0), moments.total(gamma * s1)
        straight = -moments.value * inverse * inverse * a1
        constant = -moments.value * inverse * a0 - straight * mean
        result = np.empty_like(x)
        _kernels().spread(x, argmax, g, gamma * inverse, straight, constant, result)
        ctx.save_for_backward(gradient, maps, weight)
        ctx.stored, ctx.sums = stored, (s0, s1, a0, a1)
        return _first(result), _vector(s1.sum(0)), _vector(s0.sum(0))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, for_maps: Tensor, for_weight: Tensor, for_bias: Tensor) -> Any:  # noqa: ANN401
        """Derivative of the product of `forward` and `for_*` by gradient, maps (via z and the deviation) and weight.

        sum over groups of (Q - V0 A0 - V1 A1) / deviation, + u1 S1 + u0 S0

        with the incoming gradients v, u1 and u0, V0 = sum s v, V1 = sum s v z, Q = sum weight m v.
        """
        gradient, maps, weight = ctx.saved_tensors
        (moments, mean, inverse, argmax, taken), (s0, s1, a0, a1) = ctx.stored, ctx.sums
        x, g, v, gamma = _last(maps), _last(gradient), _last(for_maps), weight.detach().numpy()
        u1, u0 = for_weight.numpy(), for_bias.numpy()
        value = moments.value
        plain, centered = np.empty_like(mean), np.empty_like(mean)
        _kernels().sums(x, v, mean, plain, centered)
        v0, v1 = moments.total(value * plain), moments.total(value * inverse * centered)
        v_taken = np.empty_like(taken)
        _kernels().gather(v, argmax, np.zeros_like(mean), np.ones_like(mean), v_taken)
        unused, q = np.empty_like(mean), np.empty_like(mean)
        _kernels().pooled_sums(g, argmax, v_taken, unused, q)
        by_s1, by_s0 = u1 - gamma * inverse * v1, u0 - gamma * inverse * v0
        to_gradient = np.empty_like(taken)
        _kernels().blend(argmax, v_taken, gamma * inverse, taken, by_s1, by_s0, to_gradient)
        by_v1 = -inverse * a1
        by_z, by_zz = moments.total(by_s1 * s0) + by_v1 * v0, moments.total(by_s1 * s1) + by_v1 * v1
        by_inverse = moments.total(gamma * q) - v0 * a0 - v1 * a1
        straight = -value * inverse * inverse * (by_zz + inverse * by_inverse)
        constant = -value * inverse * by_z - straight * mean
        to_maps = np.empty_like(x)
        _kernels().spread_two(x, argmax, g, inverse * by_s1, straight, constant, v, inverse * by_v1 * value, to_maps)
        to_weight = (inverse * (q - v0 * s0 - v1 * s1)).sum(0)
        return _first(to_gradient), _first(to_maps), _vector(to_weight), None


class _ScalePool(Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, scale: Tensor, shift: Tensor) -> Tensor:  # noqa: ANN401
        x = _last(maps)
        pooled, argmax = _windows(x), _windows(x, np.uint8)
        a, b = (_full(numbers.detach().numpy(), x) for numbers in (scale, shift))
        _kernels().pool(x, a, b, pooled, argmax)
        ctx.save_for_backward(maps, scale)
        ctx.argmax = argmax
        return _first(pooled)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:  # noqa: ANN401
        maps, scale = ctx.saved_tensors
        x, g, argmax = _last(maps), _last(gradient), ctx.argmax
        a = _full(scale.detach().numpy(), x)
        none, taken, result = np.zeros_like(a), np.empty_like(g), np.empty_like(x)
        _kernels().gather(x, argmax, none, np.ones_like(a), taken)
        total, product = np.empty_like(a), np.empty_like(a)
        _kernels().pooled_sums(g, argmax, taken, total, product)
        _kernels().spread(x, argmax, g, a, none, none, result)
        return _first(result), _vector(product.sum(0)), _vector(total.sum(0))


def _last(maps: Tensor) -> Array:
    """`[n, c, h, w]` as an array `[n, h, w, c]`, which shares the memory of channels-last tensors."""
    return maps.detach().permute(0, 2, 3, 1).contiguous().numpy()


def _first(array: Array) -> Tensor:
    return torch.from_numpy(array).permute(0, 3, 1, 2)


def _vector(array: Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))


def _full(numbers: Array, x: Array) -> Array:
    """Numbers per channel, or per item and channel, as `[n, c]` with the type of the maps."""
    return np.ascontiguousarray(np.broadcast_to(numbers, (x.shape[0], x.shape[3])), dtype=x.dtype)


def _windows(x: Array, dtype: Any = None) -> Array:  # noqa: ANN401
    n, h, w, c = x.shape
    return np.empty((n, h // 2, w // 2, c), dtype or x.dtype)
