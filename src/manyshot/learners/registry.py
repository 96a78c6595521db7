"""The registry of learners."""

from manyshot.base.registry import Registry
from manyshot.learners.anil import ANIL
from manyshot.learners.baseline_plus_plus import BaselinePlusPlus
from manyshot.learners.distributional_signatures import DistributionalSignatures
from manyshot.learners.fine_tune import FineTune
from manyshot.learners.fusion import Fusion
from manyshot.learners.learner import Learner
from manyshot.learners.linear_probe import LinearProbe
from manyshot.learners.logistic_learner import Logistic
from manyshot.learners.maml import MAML
from manyshot.learners.maml_plus_plus import MAMLPlusPlus
from manyshot.learners.matching import Matching
from manyshot.learners.meta_dropout import MetaDropout
from manyshot.learners.meta_sgd import MetaSGD
from manyshot.learners.prototypes import Prototypes
from manyshot.learners.relation import Relation
from manyshot.learners.reptile import Reptile
from manyshot.learners.ridge import Ridge

LEARNERS: Registry[Learner] = Registry(
    "learner",
    {
        "prototypes": Prototypes,
        "maml": MAML,
        "anil": ANIL,
        "meta-sgd": MetaSGD,
        "maml-plus-plus": MAMLPlusPlus,
        "meta-dropout": MetaDropout,
        "reptile": Reptile,
        "ridge": Ridge,
        "logistic": Logistic,
        "matching": Matching,
        "relation": Relation,
        "distributional-signatures": DistributionalSignatures,
        "probe": LinearProbe,
        "baseline-plus-plus": BaselinePlusPlus,
        "fine-tune": FineTune,
        "fusion": Fusion,
    },
    base=Learner,
    context=("encoder", "model", "ways", "classes", "criterion"),
    group="manyshot.learners",
)
"""Learners by name; `Learner.build` builds them from an encoder and the numbers of ways and of training classes."""
