"""Ops on images: float `[n, c, h, w]`, values from 0 to 1, any size and number of channels.

Adding an op is one file, one line in `OPS` and one row in the test of every op.
"""

from manyshot.augment.image.affine import Affine
from manyshot.augment.image.blur import Blur
from manyshot.augment.image.colour import Brightness, Contrast, Hue, Saturation
from manyshot.augment.image.crop import Crop, ResizedCrop
from manyshot.augment.image.downscale import Downscale
from manyshot.augment.image.elastic import Elastic
from manyshot.augment.image.erase import Erase
from manyshot.augment.image.flip import Flip, FlipVertical
from manyshot.augment.image.gamma import ForegroundGamma, Gamma
from manyshot.augment.image.grid import GridDistort, ThinPlate
from manyshot.augment.image.jpeg import JPEG
from manyshot.augment.image.levels import Posterize, Solarize
from manyshot.augment.image.motion import MotionBlur
from manyshot.augment.image.noise import Noise
from manyshot.augment.image.perspective import Perspective
from manyshot.augment.image.scan import BiasField, Ghosting
from manyshot.augment.image.self_mix import SelfMix
from manyshot.augment.image.sharpness import Sharpness
from manyshot.augment.image.speckle import SaltPepper, Speckle
from manyshot.augment.image.stain import StainJitter
from manyshot.augment.image.stretch import Autocontrast, Equalize
from manyshot.augment.image.stroke import StrokeWidth
from manyshot.augment.image.tint import ChannelDrop, ChannelShuffle, Grayscale, Invert, Temperature
from manyshot.augment.image.turn import Turn
from manyshot.augment.op import Op

OPS: dict[str, type[Op]] = {
    "affine": Affine,
    "perspective": Perspective,
    "elastic": Elastic,
    "grid_distort": GridDistort,
    "thin_plate": ThinPlate,
    "crop": Crop,
    "resized_crop": ResizedCrop,
    "flip": Flip,
    "flip_vertical": FlipVertical,
    "turn": Turn,
    "brightness": Brightness,
    "contrast": Contrast,
    "saturation": Saturation,
    "hue": Hue,
    "temperature": Temperature,
    "grayscale": Grayscale,
    "invert": Invert,
    "channel_shuffle": ChannelShuffle,
    "channel_drop": ChannelDrop,
    "gamma": Gamma,
    "posterize": Posterize,
    "solarize": Solarize,
    "autocontrast": Autocontrast,
    "equalize": Equalize,
    "sharpness": Sharpness,
    "noise": Noise,
    "speckle": Speckle,
    "salt_pepper": SaltPepper,
    "blur": Blur,
    "motion_blur": MotionBlur,
    "downscale": Downscale,
    "jpeg": JPEG,
    "erase": Erase,
    "self_mix": SelfMix,
    "stroke": StrokeWidth,
    "stain_jitter": StainJitter,
    "bias_field": BiasField,
    "ghosting": Ghosting,
    "foreground_gamma": ForegroundGamma,
}
"""Every op by its name in the language of plans; its options are the fields of the class, the main one first."""

__all__ = [
    "JPEG",
    "OPS",
    "Affine",
    "Autocontrast",
    "BiasField",
    "Blur",
    "Brightness",
    "ChannelDrop",
    "ChannelShuffle",
    "Contrast",
    "Crop",
    "Downscale",
    "Elastic",
    "Equalize",
    "Erase",
    "Flip",
    "FlipVertical",
    "ForegroundGamma",
    "Gamma",
    "Ghosting",
    "Grayscale",
    "GridDistort",
    "Hue",
    "Invert",
    "MotionBlur",
    "Noise",
    "Perspective",
    "Posterize",
    "ResizedCrop",
    "SaltPepper",
    "Saturation",
    "SelfMix",
    "Sharpness",
    "Solarize",
    "Speckle",
    "StainJitter",
    "StrokeWidth",
    "Temperature",
    "ThinPlate",
    "Turn",
]
