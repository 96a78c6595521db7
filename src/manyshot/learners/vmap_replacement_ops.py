"""Replacements for torch operations whose second derivative is wrong or missing under `torch.vmap`."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode


class VmapUnsafeError(RuntimeError):
    """A model uses an operation that `torch.vmap` does not support or computes incorrectly."""


class VmapReplacementOps(TorchFunctionMode):
    """Context in which layer, batch and instance normalization and PReLU are computed from elementary operations.

    Under `torch.vmap`, torch's batching rules give a wrong second derivative of `layer_norm`, `batch_norm` and
    `instance_norm` with weights, and none of `prelu`; that of `_weight_norm` is always wrong. All calls are replaced,
    those of `torch.nn` layers and direct calls of `torch.nn.functional` alike.

    Args:
        replaced: Replacement of each function; `REPLACED` if None.

    Example:
        >>> x, weight = torch.randn(2, 5), torch.randn(5)
        >>> with VmapReplacementOps():
        ...     y = F.layer_norm(x, (5,), weight)
        >>> torch.allclose(y, F.layer_norm(x, (5,), weight), atol=1e-5)
        True
    """

    def __init__(self, replaced: Mapping[Callable[..., Any], Callable[..., Any]] | None = None) -> None:
        super().__init__()
        self.replaced = REPLACED if replaced is None else replaced

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever the operation returns
        """Call the replacement of a function, if it has one."""
        return self.replaced.get(func, func)(*args, **(kwargs or {}))


class RefuseUnsafe(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Context in which operators whose second derivative is wrong raise `VmapUnsafeError`, however they are called.

    Example:
        >>> with RefuseUnsafe():  # doctest: +ELLIPSIS
        ...     F.layer_norm(torch.zeros(2, 5), (5,))
        Traceback (most recent call last):
        manyshot.learners.vmap_replacement_ops.VmapUnsafeError: native_layer_norm has a wrong second derivative ...
    """

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401 - an operator of torch
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever the operation returns
        """Check the name of an operator, and run it."""
        name = str(func.overloadpacket.__name__)
        if "layer_norm" in name or "batch_norm" in name or name in _WRONG:
            raise VmapUnsafeError(f"{name} has a wrong second derivative under torch.vmap")
        return func(*args, **(kwargs or {}))


_WRONG = ("select_scatter", "linalg_householder_product")
"""Other operators whose second derivative is wrong, by a comparison of all operators with a loop."""


def _layer_norm(
    x: Tensor,
    normalized_shape: Iterable[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Tensor:
    wide = _wide(x)
    return _affine(_standardized(wide, tuple(range(-len(tuple(normalized_shape)), 0)), eps), weight, bias).to(x.dtype)


def _batch_norm(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    dims = (0, *range(2, x.ndim))
    return _normalized(x, running_mean, running_var, weight, bias, training, eps, dims)


def _instance_norm(
    x: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    dims = tuple(range(2, x.ndim))
    return _normalized(x, running_mean, running_var, weight, bias, use_input_stats, eps, dims)


def _normalized(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    use_input_stats: bool,
    eps: float,
    dims: tuple[int, ...],
) -> Tensor:
    """Normalize channels (the second dimension) by the input's statistics over `dims`, or by running averages."""
    if use_input_stats and running_mean is not None:
        raise VmapUnsafeError("a normalization updates its running statistics, which all tasks share")
    if use_input_stats and all(x.shape[dim] == 1 for dim in dims):
        raise VmapUnsafeError("a normalization has one value per channel")
    wide = _wide(x)
    if use_input_stats or running_mean is None or running_var is None:
        normal = _standardized(wide, dims, eps)
    else:
        normal = (wide - _by_channel(running_mean, x)) * torch.rsqrt(_by_channel(running_var, x) + eps)
    weight, bias = (None if value is None else _by_channel(value, x) for value in (weight, bias))
    return _affine(normal, weight, bias).to(x.dtype)


def _prelu(x: Tensor, weight: Tensor) -> Tensor:
    weight = _by_channel(weight, x) if x.ndim > 1 else weight
    return torch.where(x > 0, x, weight * x)


def _weight_norm(v: Tensor, g: Tensor, dim: int = 0) -> Tensor:
    dims = [other for other in range(v.ndim) if other != dim % v.ndim]
    return v * (g / (v.square().sum(dims, keepdim=True) if dim != -1 else v.square().sum()).sqrt())


def _standardized(x: Tensor, dims: tuple[int, ...], eps: float) -> Tensor:
    centered = x - x.mean(dims, keepdim=True)
    return centered * torch.rsqrt(centered.square().mean(dims, keepdim=True) + eps)


def _affine(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    x = x if weight is None else x * weight
    return x if bias is None else x + bias


def _by_channel(values: Tensor, x: Tensor) -> Tensor:
    return values.view(-1, *(1 for _ in x.shape[2:]))


def _wide(x: Tensor) -> Tensor:
    """The input in at least single precision, in which statistics are computed."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def _torch_order(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The same function with the argument order of `torch.batch_norm` and `torch.instance_norm`."""

    def reordered(
        input: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        use_input_stats: bool,
        momentum: float,
        eps: float,
        cudnn_enabled: bool,
    ) -> Tensor:
        return function(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)

    return reordered


def _named_input(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The same function, whose first argument may also be given by torch's name for it, `input`."""
    return lambda *args, **kwargs: (
        function(kwargs.pop("input"), *args, **kwargs) if "input" in kwargs else function(*args, **kwargs)
    )


def _refuse(name: str) -> Callable[..., Tensor]:
    def refuse(*args: Any, **kwargs: Any) -> Tensor:  # noqa: ANN401 - whatever the operation takes
        raise VmapUnsafeError(f"{name} has a wrong second derivative under torch.vmap")

    return refuse


WRONG_EVERYWHERE: dict[Callable[..., Any], Callable[..., Any]] = {torch._weight_norm: _weight_norm}
"""Replacements that a loop over tasks needs too."""

REPLACED: dict[Callable[..., Any], Callable[..., Any]] = WRONG_EVERYWHERE | {
    F.layer_norm: _named_input(_layer_norm),
    torch.layer_norm: _named_input(_layer_norm),
    F.batch_norm: _named_input(_batch_norm),
    torch.batch_norm: _torch_order(_batch_norm),
    F.instance_norm: _named_input(_instance_norm),
    torch.instance_norm: _torch_order(_instance_norm),
    torch.prelu: _named_input(_prelu),
    torch.select_scatter: _refuse("select_scatter"),
    torch.linalg.householder_product: _refuse("linalg.householder_product"),
}
"""Replacement of each torch function under `torch.vmap`."""
