"""Feature learners on a small encoder, with running averages as after training."""

from functools import partial

import torch
from torch import nn

from manyshot.learners import (
    BaselinePlusPlus,
    FeatureLearner,
    FineTune,
    Logistic,
    Matching,
    Probe,
    Prototypes,
    Relation,
    Ridge,
)
from manyshot.nets import Conv4

KINDS = {
    "prototypes": Prototypes,
    "nearest": partial(Prototypes, match="nearest"),
    "ridge": Ridge,
    "logistic": Logistic,
    "matching": Matching,
    "relation": Relation,
    "probe": Probe,
    "baseline++": BaselinePlusPlus,
    "fine-tuning": FineTune,
}


def feature_learner(kind: str, norm: str = "batch") -> FeatureLearner:
    torch.manual_seed(0)
    learner = KINDS[kind](Conv4(1, 8, (6, 6), norm)).double()
    for module in learner.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.05, 0.2)
    return learner
