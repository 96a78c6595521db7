"""Meta-training and evaluation: the loop, configurations, runs that survive a kill, statistics."""

from manyshot.training.encode_source import encode
from manyshot.training.evaluate import evaluate, evaluate_tasks
from manyshot.training.evaluation_result import Evaluation
from manyshot.training.fit_settings import Settings
from manyshot.training.load_run import Run, frozen_run, load_ensemble, load_run
from manyshot.training.run_config import Config
from manyshot.training.seed_intervals import Difference, holm, mean_interval, paired_difference
from manyshot.training.splits import Sources, classes_seen, drop_validation_if_small, image_shape, load_sources
from manyshot.training.task_csv import write_task_csv
from manyshot.training.train_from_config import train
from manyshot.training.training_loop import fit

__all__ = [
    "Config",
    "Difference",
    "Evaluation",
    "Run",
    "Settings",
    "Sources",
    "classes_seen",
    "drop_validation_if_small",
    "encode",
    "evaluate",
    "evaluate_tasks",
    "fit",
    "frozen_run",
    "holm",
    "image_shape",
    "load_ensemble",
    "load_run",
    "load_sources",
    "mean_interval",
    "paired_difference",
    "train",
    "write_task_csv",
]
