"""A frozen encoder of examples of several parts: each part by an encoder of its kind."""

from typing import Any, ClassVar

import torch
from torch import nn

from manyshot.base import InputError
from manyshot.nets.pretrained import PretrainedEncoder
from manyshot.nets.sound_encoder import SoundEncoder
from manyshot.tasks import Parts

_USUAL = {"images": "efficientnet-lite0", "texts": "minilm", "sounds": "speech"}


class PartsEncoder(nn.Module):
    """Encode each part of an example by a frozen encoder of its kind, `parts` or `parts(images=efficientnet-lite2)`.

    An encoder is loaded when the first part of its kind is seen, so that none has to be installed that is not needed. A
    part that is missing gets zeros, and is not encoded.

    Args:
        images: Encoder of pictures.
        texts: Encoder of sentences.
        sounds: Encoder of recordings.

    Example:
        >>> encoder = PartsEncoder(texts="ngrams(64)")
        >>> encoder(Parts.of({"caption": ["a cat", ""], "age": torch.rand(2, 1)}))
        Parts(2 examples: caption [64] float32 (1 missing), age [1] float32)
    """

    takes: ClassVar[str] = "parts"
    is_fixed: ClassVar[bool] = True
    features: int = 0
    """It has no one length of features: each part has its own."""

    def __init__(
        self,
        images: str = "efficientnet-lite0",
        texts: str = "minilm",
        sounds: str = "speech",
    ) -> None:
        super().__init__()
        self.names = {"images": images, "texts": texts, "sounds": sounds}
        self._loaded: dict[str, Any] = {}  # not submodules: they are no part of the weights that a run stores

    def encoder_of(self, kind: str) -> nn.Module:
        """The encoder of a kind of part, loaded.

        Args:
            kind: "images", "texts", "sounds" or "features".

        Raises:
            InputError: If there is none for the kind, it is not frozen, or it is not installed.
        """
        from manyshot.nets.registry import ENCODERS  # it registers this class

        if kind == "features":
            return nn.Identity()
        if kind not in self.names:
            raise InputError(f"encoder 'parts': encodes images, texts, sounds and vectors, and a part holds {kind}")
        if kind not in self._loaded:
            encoder = ENCODERS.build(self.names[kind], channels=3, size=224, norm="batch")
            takes = {"text": "texts"}.get(getattr(encoder, "takes", "images"), getattr(encoder, "takes", "images"))
            if takes != kind or not getattr(encoder, "is_fixed", False):
                raise InputError(
                    f"encoder 'parts': {kind}={self.names[kind]}: not a frozen encoder of {kind}; give one such as "
                    f"{_USUAL[kind]}"
                )
            encoder.requires_grad_(False).eval()
            self._loaded[kind] = encoder.folded() if isinstance(encoder, PretrainedEncoder | SoundEncoder) else encoder
        loaded: nn.Module = self._loaded[kind]
        return loaded

    def fingerprint(self) -> str:
        """A text that changes if any feature may change."""
        return f"parts {self.names}"

    @torch.no_grad()
    def forward(self, parts: Any) -> Parts:  # noqa: ANN401 - checked to be parts
        """Encode n examples to `Parts` of features `[n, d]`, which differ in length from part to part.

        Args:
            parts: Parts of n examples, with floats.

        Raises:
            InputError: If the items are not `Parts`.
        """
        if not isinstance(parts, Parts):
            raise InputError("encoder 'parts' takes examples of several parts; give an encoder of this kind of items")
        encoded_parts: Parts = parts
        for name, kind in parts.kinds.items():
            rows = parts.there[name].cpu().nonzero().flatten()
            if kind == "features":
                continue
            present = parts.only([name])[rows]
            encoder = self.encoder_of(kind)
            encoded = encoder(as_colors(present[name]) if kind == "images" else present[name]) if len(rows) else None
            width = encoded.shape[1] if encoded is not None else int(getattr(encoder, "features", 1))
            features = torch.zeros(len(parts), width)
            if encoded is not None:
                features[rows] = encoded.cpu().float()
            encoded_parts = encoded_parts.replaced(name, features)
        return encoded_parts


def as_colors(images: torch.Tensor) -> torch.Tensor:
    """Images of three channels, gray ones repeated.

    Args:
        images: Images `[n, 1 or 3, h, w]`.

    Example:
        >>> as_colors(torch.zeros(2, 1, 8, 8)).shape
        torch.Size([2, 3, 8, 8])
    """
    return images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images
