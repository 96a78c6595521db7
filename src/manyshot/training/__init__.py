"""Training: fit, evaluate, compare; runs that survive a kill."""

from manyshot.training.arms import Arm
from manyshot.training.compare import ArmResult, check_arms, compare, train_arms
from manyshot.training.config import Config
from manyshot.training.evaluate import Evaluation, encode, evaluate, evaluate_tasks
from manyshot.training.fit import Settings, TrainingDiverged, fit
from manyshot.training.run import Run, Sources, classes_seen, image_shape, load_run, load_sources, train, with_room
from manyshot.training.statistics import Difference, holm, mean_interval, paired_difference

__all__ = [
    "Arm",
    "ArmResult",
    "Config",
    "Difference",
    "Evaluation",
    "Run",
    "Settings",
    "Sources",
    "TrainingDiverged",
    "check_arms",
    "classes_seen",
    "compare",
    "encode",
    "evaluate",
    "evaluate_tasks",
    "fit",
    "holm",
    "image_shape",
    "load_run",
    "load_sources",
    "mean_interval",
    "paired_difference",
    "train",
    "train_arms",
    "with_room",
]
