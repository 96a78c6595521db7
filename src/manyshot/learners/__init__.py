"""Learners: what turns a support set into a classifier. One file a paper."""

from manyshot.learners.feature_learner import FeatureLearner
from manyshot.learners.learner import Classifier, Learner, by_task, cross_entropy
from manyshot.learners.logistic import Logistic
from manyshot.learners.maml import MAML
from manyshot.learners.matching import Matching
from manyshot.learners.prototypes import Prototypes
from manyshot.learners.relation import Relation
from manyshot.learners.ridge import Ridge
from manyshot.learners.table import LEARNERS, LearnerOptions

__all__ = [
    "LEARNERS",
    "MAML",
    "Classifier",
    "FeatureLearner",
    "Learner",
    "LearnerOptions",
    "Logistic",
    "Matching",
    "Prototypes",
    "Relation",
    "Ridge",
    "by_task",
    "cross_entropy",
]
