"""Encoders: items in, feature vectors out."""

from manyshot.nets.conv4 import Conv4
from manyshot.nets.drop_block import DropBlock
from manyshot.nets.modes import evaluation_mode, kept_modes
from manyshot.nets.norm import GroupNorm, Norm, groups_of, make_norm
from manyshot.nets.parts_encoder import PartsEncoder
from manyshot.nets.pretrained import PretrainedEncoder
from manyshot.nets.registry import ENCODERS
from manyshot.nets.resnet12 import ResNet12
from manyshot.nets.sound_encoder import SoundEncoder
from manyshot.nets.staged import ForwardPass, StagedEncoder
from manyshot.nets.task_norm import TaskNorm, batch_statistics, stored_statistics, with_task_norm
from manyshot.nets.text_encoder import TextEncoder

__all__ = [
    "ENCODERS",
    "Conv4",
    "DropBlock",
    "ForwardPass",
    "GroupNorm",
    "Norm",
    "PartsEncoder",
    "PretrainedEncoder",
    "ResNet12",
    "SoundEncoder",
    "StagedEncoder",
    "TaskNorm",
    "TextEncoder",
    "batch_statistics",
    "evaluation_mode",
    "groups_of",
    "kept_modes",
    "make_norm",
    "stored_statistics",
    "with_task_norm",
]
