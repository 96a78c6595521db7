"""Feature learners on a small encoder, with running averages as after training."""

from functools import partial

import torch
from torch import nn

from manyshot import learners
from manyshot.learners import FeatureLearner
from manyshot.nets import Conv4

KINDS = {
    "prototypes": learners.Prototypes,
    "nearest": partial(learners.Prototypes, match="nearest"),
    "ridge": learners.Ridge,
    "logistic": learners.Logistic,
    "matching": learners.Matching,
    "relation": learners.Relation,
    "probe": learners.LinearProbe,
    "baseline++": learners.BaselinePlusPlus,
    "fine-tuning": learners.FineTune,
}


def feature_learner(kind: str, norm: str = "batch") -> FeatureLearner:
    torch.manual_seed(0)
    learner = KINDS[kind](Conv4(1, 8, (6, 6), norm)).double()
    for module in learner.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.05, 0.2)
    return learner
