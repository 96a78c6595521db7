"""Generative models: more items of known classes, and of classes never seen; and how far to trust them."""

from manyshot.generate.adversarial_objective import AdversarialObjective
from manyshot.generate.batches import Batch, Batches
from manyshot.generate.data_spec import DataSpec, ModelOptions
from manyshot.generate.generator_objective import GeneratorObjective
from manyshot.generate.losses import LOSSES, AdversarialLoss
from manyshot.generate.model import Condition, GenerativeModel
from manyshot.generate.registry import MODELS, parse_model, write_model

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
    "ModelOptions",
    "parse_model",
    "write_model",
]
