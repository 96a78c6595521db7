"""Class names as a zero-shot classifier: for each encoder, one direction per class in the space of its features."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from manyshot.base.sound import RATE
from manyshot.classify.choose.candidates import Candidate
from manyshot.classify.choose.cross_validate import join_views
from manyshot.classify.encode.encoded_examples import EncodedExamples
from manyshot.classify.encode.frozen_encoders import FROZEN, encoder_blocks, load_encoder
from manyshot.classify.examples.example_set import Kind
from manyshot.classify.heads import Transform
from manyshot.datasets.speech_synthesis import PROGRAM, speak
from manyshot.nets.imagenet_classifier import classifier_weights, imagenet_classes
from manyshot.training.class_texts import read_texts

READERS = ("minilm", "universal")
"""Encoders of names: one for texts in Latin letters, and one of 16 languages for the others."""
NEARNESS = 0.2
"""Temperature of the weights that classes of ImageNet have for a name, of cosine similarities around their mean."""
VOICES = 12
TINY = 1e-12


@dataclass(frozen=True, eq=False)
class ClassDirections:
    """Where each class should lie, from its name or description alone.

    Pictures: the mean of the rows of the classifier that the encoder was trained with (1,000 classes of ImageNet), each
    weighted by how near its name is to what is said of the class, softmax(cos / 0.2). No picture was used for it, and
    nothing was fitted. After DeViSE (Frome et al. 2013) and ConSE (Norouzi et al. 2014), which map pictures to texts.
    Sentences: what is said, as one more sentence. Recordings: what is said, by a synthesizer in several voices, if the
    user has eSpeak NG.

    Args:
        vectors: By encoder, `[c, d]`; NaN rows for classes of which nothing is said.
        are_examples: Whether the vectors are features, to be transformed as the examples are.

    Example:
        >>> said = ClassDirections({"a": torch.tensor([[3.0, 0.0], [0.0, 3.0]])}, are_examples=False)
        >>> said.rows("a+b", Transform(), [2, 1]).round(decimals=2)
        tensor([[ 0.7100, -0.7100,  0.0000],
                [-0.7100,  0.7100,  0.0000]], dtype=torch.float64)
    """

    vectors: Mapping[str, Float[Tensor, "c d"]]
    are_examples: bool

    def covers(self, candidate: Candidate) -> bool:
        """Whether something is said in the space of an encoder of the candidate.

        Args:
            candidate: Encoder and setting.
        """
        return any(block in self.vectors for block in encoder_blocks(candidate.encoder))

    def of_others(self) -> "ClassDirections":
        """The control: each class has the direction of the next one."""
        return ClassDirections({name: rows.roll(1, 0) for name, rows in self.vectors.items()}, self.are_examples)

    def rows(self, encoder: str, transform: Transform, widths: Sequence[int]) -> Float[Tensor, "c d"]:
        """Directions in the transformed features of an encoder, or of several side by side.

        They are centered, as the features are, and of length 1; 0 where nothing is said.

        Args:
            encoder: Encoders, joined by "+".
            transform: What happens to features before the head.
            widths: Length of each encoder's features.
        """
        count = len(next(iter(self.vectors.values())))
        parts = []
        for block, width in zip(encoder_blocks(encoder), widths, strict=True):
            vectors = self.vectors.get(block)
            if vectors is None:
                parts.append(torch.zeros(count, width, dtype=torch.float64))
                continue
            raised = transform.raise_to_power(vectors) if self.are_examples else vectors.double()
            centered = raised - raised.nanmean(0)
            parts.append(F.normalize(centered, dim=1, eps=TINY).nan_to_num())
        return torch.cat(parts, 1)

    def logits(
        self, encoded: EncodedExamples, candidate: Candidate, training: Float[Tensor, "b n"]
    ) -> Float[Tensor, "b n c"]:
        """The inner products of each example's features, centered by each training set, with the directions.

        Args:
            encoded: Features of n examples.
            candidate: Encoder, transform and views.
            training: 1 `[B, n]` for the examples of each training set, 0 for the others.
        """
        setting = candidate.setting
        each = 1 + setting.copies
        weights = training.double().repeat_interleave(each, 1) * encoded.row_weights(setting)
        blocks = encoded.rows(candidate.encoder, setting)
        widths = [block.shape[1] for block in blocks]
        total = torch.zeros(())
        directions = torch.split(self.rows(candidate.encoder, setting.transform, widths), widths, 1)
        for block, rows in zip(blocks, directions, strict=True):
            total = total + _inner_products(setting.transform, block, weights, rows)
        return join_views(total.view(len(training), len(encoded), each, -1), setting)


@dataclass(frozen=True, eq=False)
class NameTerm:
    """What names add to the logits of a head: a multiple of the inner products with the directions.

    Args:
        said: The directions.
        scale: The factor.
    """

    said: ClassDirections
    scale: float

    def logits(
        self, encoded: EncodedExamples, candidate: Candidate, training: Float[Tensor, "b n"]
    ) -> Float[Tensor, "b n c"]:
        """What is added; `ClassDirections.logits` documents the arguments."""
        return self.scale * self.said.logits(encoded, candidate, training)


def _inner_products(transform: Transform, block: Tensor, weights: Tensor, rows: Tensor) -> Tensor:
    """Of transformed rows with directions, `[B, rows, c]`, without the transformed rows themselves."""
    fitted, raised = transform.fit(block, weights), transform.raise_to_power(block)
    products = raised @ rows.mT - (fitted.mean @ rows.mT)[:, None]
    if not transform.normalize:
        return products
    squares = raised.square().sum(1) - 2 * fitted.mean @ raised.mT + fitted.mean.square().sum(1)[:, None]
    return products / squares.clamp(min=TINY).sqrt()[..., None]


def class_directions(kind: Kind, encoders: Sequence[str], texts: Sequence[str]) -> ClassDirections | None:
    """Directions for the encoders in whose spaces names can be placed; None if there is none.

    Pictures need an encoder that came with a classifier (EfficientNet-Lite) and one of sentences (MiniLM, or Universal
    Sentence Encoder where a text has other than Latin letters); recordings need eSpeak NG. Scans have none.

    Args:
        kind: What the examples are.
        encoders: Encoders of the examples, each alone.
        texts: What is said of each class; empty if nothing is.
    """
    said = torch.tensor([bool(text.strip()) for text in texts])
    if int(said.sum()) < 2 or kind == "scans":
        return None
    known = [text for text in texts if text.strip()]
    if kind == "pictures":
        found = _from_classifiers(encoders, known)
    elif kind == "sentences":
        found = {name: load_encoder(name)(known) for name in encoders}
    else:
        found = _spoken(encoders, known)
    if not found:
        return None
    vectors = {}
    for name, rows in found.items():
        vectors[name] = torch.full((len(texts), rows.shape[1]), torch.nan, dtype=torch.float64)
        vectors[name][said] = rows.double()
    return ClassDirections(vectors, are_examples=kind != "pictures")


def _from_classifiers(encoders: Sequence[str], texts: Sequence[str]) -> dict[str, Tensor]:
    by_encoder = {name: rows for name in encoders if (rows := classifier_weights(name)) is not None}
    installed = {row.name for row in FROZEN if row.is_installed}
    reader = READERS[not all(character < "\u0250" for text in texts for character in text if character.isalpha())]
    if not by_encoder or reader not in installed:
        return {}
    named = read_texts(imagenet_classes(), reader).double()
    center = F.normalize(named, dim=1).mean(0)
    read = read_texts(texts, reader).double()
    own, others = (F.normalize(F.normalize(x, dim=1) - center, dim=1) for x in (read, named))
    nearness = (own @ others.mT / NEARNESS).softmax(1)
    return {name: nearness @ rows for name, rows in by_encoder.items()}


def _spoken(encoders: Sequence[str], texts: Sequence[str]) -> dict[str, Tensor]:
    if shutil.which(PROGRAM) is None:
        return {}
    sounds = speak(texts, 2 * RATE, VOICES).flatten(0, 1)[:, None]
    return {name: load_encoder(name)(list(sounds)).view(len(texts), VOICES, -1).mean(1) for name in encoders}
