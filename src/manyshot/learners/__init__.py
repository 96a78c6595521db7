"""Learners, which turn a support set into a classifier; one file for each paper."""

from manyshot.learners.anil import ANIL
from manyshot.learners.baseline_plus_plus import BaselinePlusPlus
from manyshot.learners.distributional_signatures import DistributionalSignatures
from manyshot.learners.encoder_and_head import split_learner
from manyshot.learners.ensemble import Ensemble
from manyshot.learners.feature_learner import FeatureLearner
from manyshot.learners.fine_tune import FineTune
from manyshot.learners.fit_softmax_regression import fit_softmax_regression
from manyshot.learners.fusion import FusedSupport, Fusion
from manyshot.learners.gradient_learner import GradientLearner
from manyshot.learners.learner import CRITERIA, Classifier, Learner, by_task, cross_entropy
from manyshot.learners.linear_probe import LinearProbe
from manyshot.learners.logistic_learner import Logistic
from manyshot.learners.maml import MAML
from manyshot.learners.maml_plus_plus import MAMLPlusPlus
from manyshot.learners.matching import Matching
from manyshot.learners.meta_dropout import MetaDropout, Perturbed
from manyshot.learners.meta_sgd import MetaSGD
from manyshot.learners.prototypes import Prototypes
from manyshot.learners.registry import LEARNERS
from manyshot.learners.relation import Relation
from manyshot.learners.reptile import Reptile
from manyshot.learners.ridge import Ridge
from manyshot.learners.train_on_base_classes import BaseClassesLearner
from manyshot.learners.transductive import queries_see_each_other, transductive

__all__ = [
    "ANIL",
    "CRITERIA",
    "LEARNERS",
    "MAML",
    "BaseClassesLearner",
    "BaselinePlusPlus",
    "Classifier",
    "DistributionalSignatures",
    "Ensemble",
    "FeatureLearner",
    "FineTune",
    "FusedSupport",
    "Fusion",
    "GradientLearner",
    "Learner",
    "LinearProbe",
    "Logistic",
    "MAMLPlusPlus",
    "Matching",
    "MetaDropout",
    "MetaSGD",
    "Perturbed",
    "Prototypes",
    "Relation",
    "Reptile",
    "Ridge",
    "by_task",
    "cross_entropy",
    "fit_softmax_regression",
    "queries_see_each_other",
    "split_learner",
    "transductive",
]
