"""From a few examples to a classifier: frozen features, heads, the choice among them, and models.

`fit_model` goes through the folders in their order: `examples` reads, `encode` computes features, `choose` compares
candidates of encoder, head and plan, `heads` fits, `calibrate` says how sure predictions are, `evaluate` measures,
`data_issues` finds faults of the data, `model` predicts, saves and loads, and `export` writes files that run without
Manyshot. `multipart` does the same for examples of several parts.
"""

from manyshot.classify.examples.example_set import ExampleSet
from manyshot.classify.examples.read_examples import examples_from_arrays, load_examples, load_unlabeled
from manyshot.classify.fit_model import fit_model
from manyshot.classify.fit_report import FitReport
from manyshot.classify.model.model import Model, Reference
from manyshot.classify.model.predictions import Predictions, choose_next
from manyshot.classify.model.save_load_model import load_any_model, load_model, save_model
from manyshot.classify.multipart.fit_parts import fit_parts
from manyshot.classify.multipart.parted_examples import PartedExamples, load_parted
from manyshot.classify.multipart.parts_model import PartsModel
from manyshot.classify.multipart.parts_report import PartsReport

__all__ = [
    "ExampleSet",
    "FitReport",
    "Model",
    "PartedExamples",
    "PartsModel",
    "PartsReport",
    "Predictions",
    "Reference",
    "choose_next",
    "examples_from_arrays",
    "fit_model",
    "fit_parts",
    "load_any_model",
    "load_examples",
    "load_model",
    "load_parted",
    "load_unlabeled",
    "save_model",
]
