"""Objectives: the losses that meta-training minimizes, one file for each paper."""

from manyshot.objectives.adversarial import Adversarial
from manyshot.objectives.channel_shuffle import ChannelShuffle
from manyshot.objectives.maxup import MaxUp
from manyshot.objectives.metamix import MetaMix
from manyshot.objectives.mlti import MLTI
from manyshot.objectives.objective import Objective, StepTasks
from manyshot.objectives.plain import Plain
from manyshot.objectives.protaugment import ProtAugment
from manyshot.objectives.registry import OBJECTIVES

__all__ = [
    "MLTI",
    "OBJECTIVES",
    "Adversarial",
    "ChannelShuffle",
    "MaxUp",
    "MetaMix",
    "Objective",
    "Plain",
    "ProtAugment",
    "StepTasks",
]
