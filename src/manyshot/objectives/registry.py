"""The registry of objectives."""

from manyshot.base.registry import Registry
from manyshot.objectives.adversarial import Adversarial
from manyshot.objectives.channel_shuffle import ChannelShuffle
from manyshot.objectives.maxup import MaxUp
from manyshot.objectives.metamix import MetaMix
from manyshot.objectives.mlti import MLTI
from manyshot.objectives.objective import Objective
from manyshot.objectives.plain import Plain
from manyshot.objectives.protaugment import ProtAugment

OBJECTIVES: Registry[Objective] = Registry(
    "objective",
    {
        "plain": Plain,
        "maxup": MaxUp,
        "metamix": MetaMix,
        "channel-shuffle": ChannelShuffle,
        "mlti": MLTI,
        "adversarial": Adversarial,
        "protaugment": ProtAugment,
    },
    group="manyshot.objectives",
)
"""Objectives by name; their options are the fields of the class."""
