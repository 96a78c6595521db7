"""Ops on sounds, tensors `[n, channels, samples]`. A new op takes a class, a line in `OPS` and a row in their test."""

from manyshot.augment.audio.audio_op import AudioOp, at_rate
from manyshot.augment.audio.level import Clip, Gain, MuLaw, Polarity
from manyshot.augment.audio.masks import MaskBand, MaskTime
from manyshot.augment.audio.room import Bandpass, Reverb
from manyshot.augment.audio.sound_noise import Background, Hiss
from manyshot.augment.audio.timing import Pitch, ShiftTime, Speed, Stretch
from manyshot.augment.ops.op import Op

OPS: dict[str, type[Op]] = {
    "shift_time": ShiftTime,
    "speed": Speed,
    "stretch": Stretch,
    "pitch": Pitch,
    "gain": Gain,
    "hiss": Hiss,
    "background": Background,
    "reverb": Reverb,
    "bandpass": Bandpass,
    "clip": Clip,
    "mu_law": MuLaw,
    "mask_time": MaskTime,
    "mask_band": MaskBand,
    "polarity": Polarity,
}
"""Every op on sounds by its name in a plan."""

__all__ = [
    "OPS",
    "AudioOp",
    "Background",
    "Bandpass",
    "Clip",
    "Gain",
    "Hiss",
    "MaskBand",
    "MaskTime",
    "MuLaw",
    "Pitch",
    "Polarity",
    "Reverb",
    "ShiftTime",
    "Speed",
    "Stretch",
    "at_rate",
]
