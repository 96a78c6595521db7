"""Calls of a model with other parameters than its own."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.func import functional_call


def call_with(
    model: nn.Module,
    parameters: Mapping[str, Tensor],
    inputs: tuple[Any, ...],
    options: Mapping[str, Any] | None = None,
) -> Any:  # noqa: ANN401 - whatever the model gives
    """The output of a model with some of its parameters replaced, including where they are shared.

    Unlike `torch.func.functional_call` with its default, it does not untie layers that are used twice.

    Args:
        model: Any module, which is not changed.
        parameters: New values, by the names of `named_parameters`.
        inputs: Arguments of the call.
        options: Keyword arguments of the call.

    Example:
        >>> import torch
        >>> layer = nn.Linear(1, 1, bias=False)
        >>> twice = nn.Sequential(layer, layer)
        >>> call_with(twice, {"0.weight": torch.tensor([[3.0]])}, (torch.ones(1, 1),))
        tensor([[9.]])
        >>> layer.weight is twice[1].weight and layer.weight.requires_grad
        True
    """
    names: dict[int, list[str]] = {}
    for prefix, module in model.named_modules():
        for name, value in module._parameters.items():
            if value is not None:
                names.setdefault(id(value), []).append(f"{prefix}.{name}" if prefix else name)
    shared = {group[0]: group for group in names.values()}
    values = {name: value for first, value in parameters.items() for name in shared[first]}
    return functional_call(model, values, inputs, dict(options or {}), tie_weights=False)
