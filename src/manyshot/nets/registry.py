"""The registry of encoders."""

from torch import nn

from manyshot.base.registry import Registry
from manyshot.nets.conv4 import Conv4
from manyshot.nets.efficientnet_lite import EfficientNetLite0, EfficientNetLite0Spread, EfficientNetLite2
from manyshot.nets.ngrams import NGramEncoder
from manyshot.nets.parts_encoder import PartsEncoder
from manyshot.nets.resnet12 import ResNet12
from manyshot.nets.sentence_encoder import MiniLM, SentenceEncoder
from manyshot.nets.spectrogram import Spectrogram
from manyshot.nets.speech import SpeechEmbedding, WhisperTiny
from manyshot.nets.timm_transformers import Timm, Transformers
from manyshot.nets.universal_sentence_encoder import UniversalEncoder

ENCODERS: Registry[nn.Module] = Registry(
    "encoder",
    {
        "conv4": Conv4,
        "resnet12": ResNet12,
        "efficientnet-lite0": EfficientNetLite0,
        "efficientnet-lite0-spread": EfficientNetLite0Spread,
        "efficientnet-lite2": EfficientNetLite2,
        "timm": Timm,
        "transformers": Transformers,
        "ngrams": NGramEncoder,
        "minilm": MiniLM,
        "universal": UniversalEncoder,
        "sentences": SentenceEncoder,
        "spectrogram": Spectrogram,
        "speech": SpeechEmbedding,
        "whisper": WhisperTiny,
        "parts": PartsEncoder,
    },
    base=nn.Module,
    context=("channels", "size", "norm"),
    group="manyshot.encoders",
    paths=True,
)
"""Encoders by name. Their attribute `features` is the length of a feature vector; those of sentences have
`takes = "text"`, those of sounds `takes = "sounds"`, that of several parts `takes = "parts"`."""
