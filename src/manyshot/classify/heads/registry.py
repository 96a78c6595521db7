"""The registry of heads."""

from manyshot.base.registry import Registry
from manyshot.classify.heads.centroid import Centroid
from manyshot.classify.heads.head import Head
from manyshot.classify.heads.lda import LDA
from manyshot.classify.heads.logistic import Logistic
from manyshot.classify.heads.nearest import Nearest
from manyshot.classify.heads.ridge import Ridge

HEADS: Registry[Head] = Registry(
    "head",
    {"centroid": Centroid, "ridge": Ridge, "logistic": Logistic, "lda": LDA, "nearest": Nearest},
    base=Head,
)
"""Heads by name, such as "ridge(penalty=1)"."""
