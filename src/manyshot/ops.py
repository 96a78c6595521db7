"""Every op by the name of its class: on images, on texts, mixes, whole tasks, policies, and ops made of ops.

Each is fetched from its room when it is first asked for.

Example:
    >>> import torch
    >>> from manyshot import ops
    >>> ops.Affine(degrees=15)(torch.rand(8, 3, 32, 32)).shape
    torch.Size([8, 3, 32, 32])
    >>> ops.Compose((ops.Flip(), ops.Noise(0.1)))(torch.zeros(3, 32, 32, dtype=torch.uint8)).dtype
    torch.uint8
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from manyshot.augment import Compose, OneOf, SomeOf, Sometimes
    from manyshot.augment.image import (
        JPEG,
        Affine,
        Autocontrast,
        BiasField,
        Blur,
        Brightness,
        ChannelDrop,
        Contrast,
        Crop,
        Downscale,
        Elastic,
        Equalize,
        Erase,
        Flip,
        FlipVertical,
        ForegroundGamma,
        Gamma,
        Ghosting,
        Grayscale,
        GridDistort,
        Hue,
        Invert,
        MotionBlur,
        Noise,
        Perspective,
        Posterize,
        ResizedCrop,
        SaltPepper,
        Saturation,
        SelfMix,
        Sharpness,
        ShuffleChannels,
        Solarize,
        Speckle,
        StainJitter,
        StrokeWidth,
        Temperature,
        ThinPlate,
        Turn,
    )
    from manyshot.augment.mix import CutMix, Mixup, Mosaic
    from manyshot.augment.policies import AugMix, RandAugment, TrivialAugment
    from manyshot.augment.task import Composites, LabelNoise, MoreClasses, PermuteLabels
    from manyshot.augment.text import (
        AEDA,
        EDA,
        OCR,
        BackTranslate,
        Case,
        Contract,
        CutOff,
        Dates,
        DeleteWords,
        Entities,
        Homophones,
        InsertWords,
        Lookalikes,
        MaskWords,
        Misspell,
        Numbers,
        Paraphrase,
        ParaphraseFile,
        ShuffleSentences,
        SwapWords,
        Synonyms,
        Template,
        Typos,
        Widths,
    )

__all__ = [
    "AEDA",
    "EDA",
    "JPEG",
    "OCR",
    "Affine",
    "AugMix",
    "Autocontrast",
    "BackTranslate",
    "BiasField",
    "Blur",
    "Brightness",
    "Case",
    "ChannelDrop",
    "Compose",
    "Composites",
    "Contract",
    "Contrast",
    "Crop",
    "CutMix",
    "CutOff",
    "Dates",
    "DeleteWords",
    "Downscale",
    "Elastic",
    "Entities",
    "Equalize",
    "Erase",
    "Flip",
    "FlipVertical",
    "ForegroundGamma",
    "Gamma",
    "Ghosting",
    "Grayscale",
    "GridDistort",
    "Homophones",
    "Hue",
    "InsertWords",
    "Invert",
    "LabelNoise",
    "Lookalikes",
    "MaskWords",
    "Misspell",
    "Mixup",
    "MoreClasses",
    "Mosaic",
    "MotionBlur",
    "Noise",
    "Numbers",
    "OneOf",
    "Paraphrase",
    "ParaphraseFile",
    "PermuteLabels",
    "Perspective",
    "Posterize",
    "RandAugment",
    "ResizedCrop",
    "SaltPepper",
    "Saturation",
    "SelfMix",
    "Sharpness",
    "ShuffleChannels",
    "ShuffleSentences",
    "Solarize",
    "SomeOf",
    "Sometimes",
    "Speckle",
    "StainJitter",
    "StrokeWidth",
    "SwapWords",
    "Synonyms",
    "Temperature",
    "Template",
    "ThinPlate",
    "TrivialAugment",
    "Turn",
    "Typos",
    "Widths",
]

_ROOMS = ("image", "mix", "policies", "task", "text")

if not TYPE_CHECKING:  # or every misspelt name would pass the type checker

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module 'manyshot.ops' has no attribute '{name}'")
        for room in ("manyshot.augment", *(f"manyshot.augment.{room}" for room in _ROOMS)):
            found = getattr(import_module(room), name, None)
            if found is not None:
                globals()[name] = found
                return found
        raise AssertionError(name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
