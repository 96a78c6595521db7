"""Metrics of generated examples, on features of an encoder of the domain."""

from manyshot.sample_metrics.copy_check import CopyCheck, copy_check
from manyshot.sample_metrics.density_coverage import DensityCoverage, density_coverage
from manyshot.sample_metrics.diversity import within_class_diversity
from manyshot.sample_metrics.frechet import frechet_distance
from manyshot.sample_metrics.kernel_distance import kernel_distance
from manyshot.sample_metrics.precision_recall import PrecisionRecall, precision_recall
from manyshot.sample_metrics.scores import Scores, score
from manyshot.sample_metrics.train_on_generated import transfer_accuracy

__all__ = [
    "CopyCheck",
    "DensityCoverage",
    "PrecisionRecall",
    "Scores",
    "copy_check",
    "density_coverage",
    "frechet_distance",
    "kernel_distance",
    "precision_recall",
    "score",
    "transfer_accuracy",
    "within_class_diversity",
]
