"""Tensors that a checkpoint keeps beside the weights."""

from collections.abc import Mapping

from torch import Tensor, nn


class TensorBuffers(nn.Module):
    """Tensors by name as buffers of a module, so that they are stored and loaded with it.

    Args:
        tensors: The tensors; names may hold dots.

    Example:
        >>> import torch
        >>> kept = TensorBuffers({"state.x": torch.ones(2)})
        >>> kept.put({"state.x": torch.zeros(2)})
        >>> kept.tensors()
        {'state.x': tensor([0., 0.])}
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        for name, tensor in tensors.items():
            self.register_buffer(_escaped(name), tensor.clone())

    def put(self, tensors: Mapping[str, Tensor]) -> None:
        """Keep other values of the same shapes."""
        for name, tensor in tensors.items():
            setattr(self, _escaped(name), tensor)

    def tensors(self) -> dict[str, Tensor]:
        """The tensors by name."""
        return {name.replace("/", "."): tensor for name, tensor in self.named_buffers()}


def _escaped(name: str) -> str:
    return name.replace(".", "/")
