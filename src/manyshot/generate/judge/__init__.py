"""How far to trust made items, by features of an encoder of the domain."""

from manyshot.generate.judge.copies import CopyCheck, copy_check
from manyshot.generate.judge.density_coverage import DensityCoverage, density_coverage
from manyshot.generate.judge.diversity import within_class_diversity
from manyshot.generate.judge.frechet import frechet_distance
from manyshot.generate.judge.kernel_distance import kernel_distance
from manyshot.generate.judge.precision_recall import PrecisionRecall, precision_recall
from manyshot.generate.judge.score import Scores, score
from manyshot.generate.judge.transfer import transfer

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
    "transfer",
    "within_class_diversity",
]
