"""Encoders whose weights come from elsewhere: images are prepared as those weights expect them."""

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
from manyshot.nets.staged import StagedEncoder

AT_ONCE = {"cpu": 4, "cuda": 256}
"""Images that run together where nothing is trained: on a CPU, the maps of few stay in its cache (measured: 24 ms an
image for 4 of EfficientNet-Lite0 at once, 42 for 32)."""


@runtime_checkable
class Foldable(Protocol):
    """A module that can do its normalization in the weights of its convolution."""

    def fold(self) -> None:
        """Do so, in place, for evaluation mode."""
        ...


class PretrainedEncoder(StagedEncoder):
    """Resize images, give gray ones three channels, normalize them, and run a given network.

    x -> net((resize(x) - mean) / std)

    A frozen encoder stays as it is: its weights take no gradient (its items do), and it is always in evaluation mode,
    so that batch normalization keeps its running averages.

    Args:
        stages: the network in parts, one after the other; the last gives features `[n, d]`.
        channels: of the images: 1 or 3.
        size: height and width that the network wants, in pixels.
        mean: of each of the three channels.
        std: of each of the three channels.
        frozen: whether the weights stay as they are.
        origin: what the network is called and the library and version that it comes from, if any.

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
        self.stages.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # twice as fast on a processor
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
        """How many stages there are."""
        return len(self.stages)

    @property
    def is_fixed(self) -> bool:
        """Whether an item's features are always the same: the encoder is frozen, and goes all the way."""
        return self.frozen and self._route is None

    def train(self, mode: bool = True) -> "PretrainedEncoder":
        """Training mode, unless the encoder is frozen."""
        super().train(mode and not self.frozen)
        return self

    def run(self, x: Float[Tensor, "n ..."], first: int, last: int) -> Float[Tensor, "n ..."]:
        """Carry out stages `first` to `last - 1`, on images of values from 0 to 1 if `first` is 0."""
        if first == 0 and last > 0 and (x.ndim != 4 or x.shape[1] != self.channels):
            raise InputError(f"images of {tuple(x.shape[1:])} given to an encoder of {self.channels} channels")
        at_once = AT_ONCE.get(x.device.type, 32)
        if torch.is_grad_enabled() or any(p.training for p in self.modules()) or len(x) <= at_once:
            return self._through(x, first, last)
        return torch.cat([self._through(part, first, last) for part in torch.split(x, at_once)])

    def folded(self) -> "PretrainedEncoder":
        """A copy for inference alone, with batch normalization folded into convolutions where the network can do that.

        Its features equal those of the encoder up to rounding, in 1.4 times less time for EfficientNet-Lite. An encoder
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
        """A word that changes with any weight, the preparation of images, the network's name and its library's version.

        Networks of the same weights may compute differently: their activations or their order of layers may differ.
        """
        digest = hashlib.sha256(repr((type(self).__name__, self.origin, self.size, self.channels)).encode())
        for name, tensor in {**self.state_dict(), "mean": self.mean, "std": self.std}.items():
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()


def require_own_normalization(norm: Norm, what: str) -> None:
    """Refuse learners whose inner steps need another normalization than the one that the weights were trained with.

    Raises:
        InputError: For any norm but "batch".
    """
    if norm != "batch":
        raise InputError(
            f"{what}: its weights were trained with a normalization of their own, and gradient-based learners need an "
            f"encoder whose normalization can be norm='{norm}', such as conv4 or resnet12; use a learner of features "
            "with it, such as prototypes, ridge, probe or fine-tune"
        )


def require_package(name: str) -> ModuleType:
    """Import a package that an extra of Manyshot installs.

    Raises:
        InputError: If it is not there, or does not import.
    """
    try:
        return import_module(name)
    except (ImportError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"encoder '{name}': {reason}; install it by: pip install 'manyshot[{name}]'") from None
