"""EfficientNet-Lite0 and the spread of its maps by one pass, in place of two that share nearly all of their work."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from manyshot.nets import ENCODERS, PretrainedEncoder
from manyshot.nets.efficientnet_lite import LITE0, EfficientNetLite0Spread, Spread, efficientnet_lite
from manyshot.nets.norm import Norm

NAME = "lite0-and-spread"
PARTS = {"efficientnet-lite0": 1280, "efficientnet-lite0-spread": 704}
"""What stands side by side in its features, and how long each part is."""


class SpreadAndMean(nn.Module):
    """The features of Lite0, then those of the spread of its maps.

    Args:
        spread: The spread of the maps, whose last part ends where `rest` begins.
        rest: The rest of Lite0.
    """

    def __init__(self, spread: Spread, rest: nn.Module) -> None:
        super().__init__()
        self.spread, self.rest = spread, rest

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d"]:
        """Images to features."""
        kept: list[Tensor] = []
        hook = self.spread.parts[-1].register_forward_hook(lambda module, given, made: kept.append(made))
        spread = self.spread(x)
        hook.remove()
        return torch.cat([self.rest(kept[0]), spread], 1)


class Lite0AndSpread(PretrainedEncoder):
    """Both encoders at once, at 224 pixels.

    Args:
        channels: Channels of the images: 1 or 3.
        resolution: Height and width that images are resized to, in pixels.
        frozen: Whether the weights are not trained.
        norm: "batch"; others are refused.
    """

    def __init__(self, channels: int, resolution: int = 224, frozen: bool = True, norm: Norm = "batch") -> None:
        (spread,) = EfficientNetLite0Spread(channels, resolution, frozen, norm).stages
        _, rest = efficientnet_lite(LITE0)
        assert isinstance(spread, Spread)
        module = SpreadAndMean(spread, rest[1:])  # type: ignore[index] # a sequence of modules
        super().__init__([module], channels, resolution, (0.5,) * 3, (0.5,) * 3, frozen)


ENCODERS[NAME] = Lite0AndSpread
