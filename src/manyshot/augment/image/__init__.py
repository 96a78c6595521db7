"""Ops on images: float `[n, c, h, w]`, values from 0 to 1, any size and number of channels.

Adding an op is one file, one line in `OPS` and one row in the test of every op.
"""

from manyshot.augment.image.affine import Affine
from manyshot.augment.image.blur import Blur
from manyshot.augment.image.colour import Brightness, Contrast, Hue, Saturation
from manyshot.augment.image.crop import Crop, ResizedCrop
from manyshot.augment.image.elastic import Elastic
from manyshot.augment.image.erase import Erase
from manyshot.augment.image.flip import Flip, FlipVertical
from manyshot.augment.image.noise import Noise
from manyshot.augment.image.stroke import StrokeWidth
from manyshot.augment.image.turn import Turn
from manyshot.augment.op import Op

OPS: dict[str, type[Op]] = {
    "affine": Affine,
    "elastic": Elastic,
    "crop": Crop,
    "resized_crop": ResizedCrop,
    "flip": Flip,
    "flip_vertical": FlipVertical,
    "turn": Turn,
    "brightness": Brightness,
    "contrast": Contrast,
    "saturation": Saturation,
    "hue": Hue,
    "noise": Noise,
    "blur": Blur,
    "erase": Erase,
    "stroke": StrokeWidth,
}
"""Every op by its name in the language of plans; its options are the fields of the class, the main one first."""

__all__ = [
    "OPS",
    "Affine",
    "Blur",
    "Brightness",
    "Contrast",
    "Crop",
    "Elastic",
    "Erase",
    "Flip",
    "FlipVertical",
    "Hue",
    "Noise",
    "ResizedCrop",
    "Saturation",
    "StrokeWidth",
    "Turn",
]
