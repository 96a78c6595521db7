"""Learners: what turns a support set into a classifier. One file a paper."""

from manyshot.learners.learner import Classifier, Learner, by_task, cross_entropy
from manyshot.learners.maml import MAML
from manyshot.learners.prototypes import Prototypes
from manyshot.learners.ridge import Ridge
from manyshot.learners.table import LEARNERS, LearnerOptions

__all__ = [
    "LEARNERS",
    "MAML",
    "Classifier",
    "Learner",
    "LearnerOptions",
    "Prototypes",
    "Ridge",
    "by_task",
    "cross_entropy",
]
