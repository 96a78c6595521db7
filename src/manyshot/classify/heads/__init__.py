"""Heads: classifiers of frozen features, for many settings and splits of the same few examples at once."""

from manyshot.classify.heads.centroid_head import Centroid
from manyshot.classify.heads.head import Classifier, Head, Linear, LinearHead
from manyshot.classify.heads.lda_head import LDA
from manyshot.classify.heads.leave_one_out import balanced_weights, leave_one_out, predict_splits
from manyshot.classify.heads.logistic_head import Logistic
from manyshot.classify.heads.nearest_head import Nearest
from manyshot.classify.heads.registry import HEADS
from manyshot.classify.heads.ridge_head import Ridge
from manyshot.classify.heads.transform import FittedTransform, Transform

__all__ = [
    "HEADS",
    "LDA",
    "Centroid",
    "Classifier",
    "FittedTransform",
    "Head",
    "Linear",
    "LinearHead",
    "Logistic",
    "Nearest",
    "Ridge",
    "Transform",
    "balanced_weights",
    "leave_one_out",
    "predict_splits",
]
