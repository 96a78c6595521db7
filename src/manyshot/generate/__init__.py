"""Generative models: more examples of known classes and of new ones, how to train them, and how good they are."""

from manyshot.generate.adversarial_objective import AdversarialObjective
from manyshot.generate.batches import Batch, Batches
from manyshot.generate.data_spec import DataSpec
from manyshot.generate.generative_model import Condition, GenerativeModel
from manyshot.generate.generator_objective import GeneratorObjective
from manyshot.generate.losses import LOSSES, AdversarialLoss
from manyshot.generate.registry import MODELS

__all__ = [
    "LOSSES",
    "MODELS",
    "AdversarialLoss",
    "AdversarialObjective",
    "Batch",
    "Batches",
    "Condition",
    "DataSpec",
    "GenerativeModel",
    "GeneratorObjective",
]
