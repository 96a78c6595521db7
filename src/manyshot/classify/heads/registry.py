"""The registry of heads."""

from manyshot.base.registry import Registry
from manyshot.classify.heads.centroid_head import Centroid
from manyshot.classify.heads.head import Head
from manyshot.classify.heads.lda_head import LDA
from manyshot.classify.heads.logistic_head import Logistic
from manyshot.classify.heads.nearest_head import Nearest
from manyshot.classify.heads.ridge_head import Ridge

HEADS: Registry[Head] = Registry(
    "head",
    {"centroid": Centroid, "ridge": Ridge, "logistic": Logistic, "lda": LDA, "nearest": Nearest},
    base=Head,
    group="manyshot.heads",
)
"""Heads by name, such as "ridge(penalty=1)"."""
