"""Training: fit, evaluate, compare; runs that survive a kill."""

from manyshot.training.arms import Arm
from manyshot.training.augmenter_config import AugmenterConfig
from manyshot.training.augmenter_stage import AugmenterRun, is_augmenter_run, load_augmenter_run, train_augmenter
from manyshot.training.compare import ArmResult, check_arms, compare, train_arms
from manyshot.training.comparison import Compared, Comparison, Judging, adjusted, run_comparison, run_comparisons
from manyshot.training.config import Config
from manyshot.training.ensemble import load_ensemble
from manyshot.training.evaluate import Evaluation, evaluate, evaluate_tasks
from manyshot.training.features import encode
from manyshot.training.fit import Settings, TrainingDiverged, fit
from manyshot.training.processes import Processes, together
from manyshot.training.run import Run, given_run, load_run
from manyshot.training.sources import Sources, classes_seen, image_shape, load_sources, with_room
from manyshot.training.statistics import Difference, holm, mean_interval, paired_difference
from manyshot.training.train import train

__all__ = [
    "Arm",
    "ArmResult",
    "AugmenterConfig",
    "AugmenterRun",
    "Compared",
    "Comparison",
    "Config",
    "Difference",
    "Evaluation",
    "Judging",
    "Processes",
    "Run",
    "Settings",
    "Sources",
    "TrainingDiverged",
    "adjusted",
    "check_arms",
    "classes_seen",
    "compare",
    "encode",
    "evaluate",
    "evaluate_tasks",
    "fit",
    "given_run",
    "holm",
    "image_shape",
    "is_augmenter_run",
    "load_augmenter_run",
    "load_ensemble",
    "load_run",
    "load_sources",
    "mean_interval",
    "paired_difference",
    "run_comparison",
    "run_comparisons",
    "together",
    "train",
    "train_arms",
    "train_augmenter",
    "with_room",
]
