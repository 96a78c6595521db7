"""A classifier of sentences that is fitted in a moment, without any choice."""

import torch

from manyshot.classify.calibrate.unknown_detector import UnknownDetector
from manyshot.classify.choose.candidates import Candidate, Setting, Variants
from manyshot.classify.encode.encode_examples import encode_examples
from manyshot.classify.encode.frozen_encoders import load_encoder
from manyshot.classify.examples.example_set import ExampleSet
from manyshot.classify.examples.read_examples import examples_from_arrays
from manyshot.classify.heads import HEADS, Transform
from manyshot.classify.model.model import Model, Reference

ENCODER = "ngrams"
PARCEL = ("where is my parcel", "track the parcel", "the parcel is late", "has my parcel been sent")
TEA = ("do you sell tea", "where can i buy green tea", "how much is the tea", "which tea is the best")


def questions() -> ExampleSet:
    """Eight questions of two classes."""
    return examples_from_arrays([*PARCEL, *TEA], ["parcel"] * 4 + ["tea"] * 4)


def fit_small(
    examples: ExampleSet, encoder: str = ENCODER, head: str = "ridge", temperature: float = 0.5, views: Variants = ()
) -> Model:
    """A model without any choice: one encoder, one head, no augmentation."""
    transform = Transform(power=0.5)
    features = encode_examples(encoder, examples)[:, 0]
    labels = torch.from_numpy(examples.labels)
    weight = torch.ones(1, len(examples), dtype=torch.float64)
    fitted = transform.fit(features, weight)
    rows = fitted(features)
    one_hot = torch.nn.functional.one_hot(labels, len(examples.class_names)).double()
    return Model(
        kind=examples.kind,
        class_names=examples.class_names,
        encoders=(encoder,),
        fingerprints=(load_encoder(encoder).fingerprint,),
        transforms=(fitted,),
        linear=HEADS.build(head).fit(rows, one_hot, weight),
        temperature=temperature,
        unknown=UnknownDetector.fit(features, labels),
        views=views,
        candidate=Candidate(encoder, Setting(transform, head)),
        report={"accuracy": 0.5},
        reference=Reference(rows[0].float(), labels, examples.names),
    )
