"""Encoders of sounds that are trained from scratch: an encoder of pictures behind a log-mel spectrogram."""

from typing import ClassVar, Literal

from jaxtyping import Float
from torch import Tensor

from manyshot.nets.conv4 import Conv4
from manyshot.nets.mel import LogMel
from manyshot.nets.norm import Norm
from manyshot.nets.resnet12 import ResNet12
from manyshot.nets.staged import StagedEncoder


class Spectrogram(StagedEncoder):
    """Encode sounds by a network that sees their log-mel spectrogram, `spectrogram(resnet12, bands=64)`.

    The spectrogram is stage 0, so that methods that mix hidden layers can mix spectrograms.

    Args:
        size: Number of samples of a sound, at 16,000 per second.
        net: Network that sees the spectrogram.
        bands: Number of mel bands and of frames: height and width of the picture.
        norm: Normalization of the network.

    Raises:
        InputError: If an option is out of range.

    Example:
        >>> import torch
        >>> encoder = Spectrogram(16000)
        >>> encoder(torch.rand(5, 1, 16000)).shape, encoder.depth
        (torch.Size([5, 1024]), 5)
    """

    takes: ClassVar[str] = "sounds"

    def __init__(
        self, size: int, net: Literal["conv4", "resnet12"] = "conv4", bands: int = 64, norm: Norm = "batch"
    ) -> None:
        super().__init__()
        self.front = LogMel(size, bands)
        build = {"conv4": Conv4, "resnet12": ResNet12}[net]
        self.net: StagedEncoder = build(channels=1, size=bands, norm=norm)
        self.widths = (1, *self.net.widths)
        self.features = int(self.net.features)

    def run(self, x: Float[Tensor, "n ..."], first: int, last: int) -> Float[Tensor, "n ..."]:
        """Run stages `first` to `last - 1`; the input of stage 0 is sounds with values from -1 to 1."""
        if first == 0 and last > 0:
            x, first = self.front(x), 1
        return self.net.run(x, first - 1, last - 1) if last > first >= 1 else x
