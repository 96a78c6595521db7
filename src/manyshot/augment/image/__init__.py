"""Ops on images: float `[n, c, h, w]`, values from 0 to 1, any size and number of channels.

Adding an op is one file, one line in `OPS` and one row in the test of every op.
"""

from manyshot.augment.image.artifact.dermatoscope import BlackCorner, Bubbles
from manyshot.augment.image.artifact.ink_and_text import Characters, Ink
from manyshot.augment.image.corruption.blur import Blur
from manyshot.augment.image.corruption.downscale import Downscale
from manyshot.augment.image.corruption.jpeg import JPEG
from manyshot.augment.image.corruption.motion import MotionBlur
from manyshot.augment.image.corruption.mri import BiasField, Ghosting
from manyshot.augment.image.corruption.noise import Noise
from manyshot.augment.image.corruption.random_filter import RandomFilter
from manyshot.augment.image.corruption.rician import Rician
from manyshot.augment.image.corruption.sharpness import Sharpness
from manyshot.augment.image.corruption.speckle import SaltPepper, Speckle
from manyshot.augment.image.cut.erase import Erase
from manyshot.augment.image.cut.self_mix import SelfMix
from manyshot.augment.image.geometric.affine import Affine
from manyshot.augment.image.geometric.crop import Crop, ResizedCrop
from manyshot.augment.image.geometric.elastic import Elastic
from manyshot.augment.image.geometric.flip import Flip, FlipVertical
from manyshot.augment.image.geometric.grid import GridDistort, ThinPlate
from manyshot.augment.image.geometric.perspective import Perspective
from manyshot.augment.image.geometric.stroke import StrokeWidth
from manyshot.augment.image.geometric.turn import Turn
from manyshot.augment.image.intensity.channels import ChannelDrop, Grayscale, Invert, ShuffleChannels, Temperature
from manyshot.augment.image.intensity.color import Brightness, Contrast, Hue, Saturation
from manyshot.augment.image.intensity.gamma import ForegroundGamma, Gamma
from manyshot.augment.image.intensity.histogram import Autocontrast, Equalize
from manyshot.augment.image.intensity.levels import Posterize, Solarize
from manyshot.augment.image.stain.stain_jitter import StainJitter
from manyshot.augment.image.stain.stain_style import StainNormalize, StainStyle
from manyshot.augment.ops.op import Op

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
    "channel_shuffle": ShuffleChannels,
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
    "random_filter": RandomFilter,
    "downscale": Downscale,
    "jpeg": JPEG,
    "erase": Erase,
    "self_mix": SelfMix,
    "stroke": StrokeWidth,
    "stain_jitter": StainJitter,
    "stain_style": StainStyle,
    "stain_normalize": StainNormalize,
    "black_corner": BlackCorner,
    "bubbles": Bubbles,
    "ink": Ink,
    "characters": Characters,
    "bias_field": BiasField,
    "ghosting": Ghosting,
    "foreground_gamma": ForegroundGamma,
    "rician": Rician,
}
"""Every op by its name in the language of plans; its options are the fields of the class, the main one first."""

__all__ = [
    "JPEG",
    "OPS",
    "Affine",
    "Autocontrast",
    "BiasField",
    "BlackCorner",
    "Blur",
    "Brightness",
    "Bubbles",
    "ChannelDrop",
    "Characters",
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
    "Ink",
    "Invert",
    "MotionBlur",
    "Noise",
    "Perspective",
    "Posterize",
    "RandomFilter",
    "ResizedCrop",
    "Rician",
    "SaltPepper",
    "Saturation",
    "SelfMix",
    "Sharpness",
    "ShuffleChannels",
    "Solarize",
    "Speckle",
    "StainJitter",
    "StainNormalize",
    "StainStyle",
    "StrokeWidth",
    "Temperature",
    "ThinPlate",
    "Turn",
]
