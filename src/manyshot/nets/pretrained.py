"""The base class of pre-trained encoders: images are resized and normalized as the weights expect."""

import hashlib
from collections.abc import Sequence
from copy import deepcopy
from importlib import import_module
from types import ModuleType
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.base import InputError
from manyshot.nets.norm import Norm
from manyshot.nets.slices import VIEWS, are_volumes, slices_of
from manyshot.nets.staged import StagedEncoder

AT_ONCE, AT_ONCE_PER_THREAD = 256, 4
"""Batch size for inference on an accelerator, and per thread of a CPU, whose cache holds the feature maps of few images
(EfficientNet-Lite0 on one thread: 24 ms per image for batches of 4, 42 ms for 32)."""


@runtime_checkable
class Foldable(Protocol):
    """A module that can fold its normalization into the weights of its convolution."""

    def fold(self) -> None:
        """Fold the normalization of evaluation mode, in place."""
        ...


class PretrainedEncoder(StagedEncoder):
    """Resize images, repeat gray channels, normalize, and apply a given network.

    x -> net((resize(x) - mean) / std)

    The weights of a frozen encoder have no gradient (the images have one), and it is always in evaluation mode, so that
    batch normalization uses its running averages. The features of a volume are the mean of those of its slices, see
    `slices_of`.

    Args:
        stages: Parts of the network, in order; the output of the last is `[n, d]`.
        channels: Number of channels of the images: 1 or 3.
        size: Height and width of the network's input, in pixels.
        mean: Mean of each of the three channels.
        std: Standard deviation of each of the three channels.
        frozen: Whether the weights are not trained.
        origin: Name of the network, and the library and version that it comes from, if any.

    Raises:
        InputError: If images have another number of channels.

    Example:
        >>> net = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten())
        >>> encoder = PretrainedEncoder([net], channels=1, size=16, mean=(0.5,) * 3, std=(0.5,) * 3)
        >>> encoder(torch.rand(5, 1, 28, 28)).shape, encoder.features
        (torch.Size([5, 12]), 12)
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        stages: Sequence[nn.Module],
        channels: int,
        size: int,
        mean: Sequence[float],
        std: Sequence[float],
        frozen: bool = True,
        origin: str = "",
    ) -> None:
        super().__init__()
        if channels not in (1, 3):
            raise InputError(f"images of {channels} channels given to a pre-trained encoder, which takes 1 or 3")
        self.channels, self.size, self.frozen, self.origin = channels, size, frozen, origin
        self.stages = nn.ModuleList(stages)
        self.stages.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # twice as fast on a CPU
        for name, values in (("mean", mean), ("std", std)):
            self.register_buffer(name, torch.tensor(list(values))[:, None, None], persistent=False)
        self.eval()
        widths, hidden = [channels], torch.zeros(1, channels, size, size)
        with torch.no_grad():
            for number in range(len(stages)):
                hidden = self.run(hidden, number, number + 1)
                widths.append(hidden.shape[1])
        self.widths = tuple(widths)
        self.features = widths[-1]
        self.train()
        if frozen:
            self.requires_grad_(False)

    @property
    def depth(self) -> int:
        """Number of stages."""
        return len(self.stages)

    @property
    def is_fixed(self) -> bool:
        """Whether the features of an image never change: the encoder is frozen and complete."""
        return self.frozen and self._forward_pass is None

    def train(self, mode: bool = True) -> "PretrainedEncoder":
        """Switch to training mode, unless the encoder is frozen."""
        super().train(mode and not self.frozen)
        return self

    def run(self, x: Float[Tensor, "n ..."], first: int, last: int) -> Float[Tensor, "n ..."]:
        """Apply stages `first` to `last - 1`; if `first` is 0, to images or volumes with values from 0 to 1."""
        if are_volumes(x) and (first, last) == (0, self.depth):
            return self.run(slices_of(x, self.size), first, last).view(len(x), VIEWS, -1).mean(1)
        if first == 0 and last > 0 and (x.ndim != 4 or x.shape[1] != self.channels):
            raise InputError(f"images of {tuple(x.shape[1:])} given to an encoder of {self.channels} channels")
        at_once = AT_ONCE_PER_THREAD * torch.get_num_threads() if x.device.type == "cpu" else AT_ONCE
        if torch.is_grad_enabled() or any(p.training for p in self.modules()) or len(x) <= at_once:
            return self._through(x, first, last)
        return torch.cat([self._through(part, first, last) for part in torch.split(x, at_once)])

    def folded(self) -> "PretrainedEncoder":
        """Copy the encoder for inference, with batch normalization folded into convolutions where possible.

        Features are equal up to rounding; EfficientNet-Lite is 1.4 times as fast. An encoder
        that cannot fold is returned itself.
        """
        if not any(isinstance(part, Foldable) for part in self.modules()):
            return self
        other = deepcopy(self).eval().requires_grad_(False)
        for part in other.modules():
            if isinstance(part, Foldable):
                part.fold()
        return other

    def _through(self, x: Tensor, first: int, last: int) -> Tensor:
        if first == 0 and last > 0:
            if x.shape[2:] != (self.size, self.size):
                x = F.interpolate(x, (self.size, self.size), mode="bilinear", antialias=True)
            x = ((x.expand(-1, 3, -1, -1) - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        for number in range(first, last):
            x = self.stages[number](x)
        return x

    def fingerprint(self) -> str:
        """A digest of the weights, the preprocessing, the network's name and the version of its library.

        Networks with the same weights may differ, for example in activations or the order of layers.
        """
        digest = hashlib.sha256(repr((type(self).__name__, self.origin, self.size, self.channels)).encode())
        for name, tensor in {**self.state_dict(), "mean": self.mean, "std": self.std}.items():
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()


def require_own_normalization(norm: Norm, what: str) -> None:
    """Refuse normalizations other than the one that the weights were trained with.

    Raises:
        InputError: For any norm but "batch".
    """
    if norm != "batch":
        raise InputError(
            f"{what}: its weights were trained with their own normalization, and gradient-based learners need an "
            f"encoder whose normalization can be norm='{norm}', such as conv4 or resnet12; use a learner of features "
            "with it, such as prototypes, ridge, probe or fine-tune"
        )


def require_package(name: str, extra: str | None = None) -> ModuleType:
    """Import a package that belongs to an extra of Manyshot.

    Args:
        name: Module to import.
        extra: Extra that installs it; one of the same name if None.

    Raises:
        InputError: If it is not installed, or cannot be imported.
    """
    try:
        return import_module(name)
    except (ImportError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"encoder '{name}': {reason}; install it by: pip install 'manyshot[{extra or name}]'"
        ) from None
