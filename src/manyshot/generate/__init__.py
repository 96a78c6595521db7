"""Generative models: more items of known classes, and of classes never seen; and how far to trust them."""

from manyshot.generate.draw import Batch, Batches
from manyshot.generate.game import Game
from manyshot.generate.generator import Condition, ItemGenerator
from manyshot.generate.kind import Kind, ModelOptions
from manyshot.generate.lesson import Lesson
from manyshot.generate.losses import LOSSES, AdversarialLoss
from manyshot.generate.table import MODELS, parse_model, write_model

__all__ = [
    "LOSSES",
    "MODELS",
    "AdversarialLoss",
    "Batch",
    "Batches",
    "Condition",
    "Game",
    "ItemGenerator",
    "Kind",
    "Lesson",
    "ModelOptions",
    "parse_model",
    "write_model",
]
