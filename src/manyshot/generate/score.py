"""Scores of a trained generative model, by the encoder of another run."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from manyshot.base import InputError
from manyshot.base.seeds import generator
from manyshot.generate.batches import as_floats
from manyshot.generate.generated_source import generate_examples
from manyshot.generate.generator_config import load_generator_sources
from manyshot.generate.generator_run import GeneratorRun
from manyshot.sample_metrics import Scores, score
from manyshot.tasks import Source
from manyshot.training.encode_source import encode
from manyshot.training.load_run import Run

MAX_EXAMPLES = 4000
"""Largest number of real examples, and of generated ones, that are compared."""
MAX_PAIRS = 24
"""Number of pairs of a generated image and its nearest training image that are kept for display."""
MAX_GIVEN, PER_GIVEN = 100, 8
"""The diversity per example takes `PER_GIVEN` generated examples for each of at most `MAX_GIVEN` given ones."""


@dataclass(frozen=True, eq=False)
class ScoreReport:
    """Scores of generated examples, and of as many real ones, which show what could be reached.

    Args:
        generated: Scores of the model's examples.
        real: Scores of fresh real examples in their place.
        part: Part of the data that was scored on: "test", "validation" or, where nothing was held out, "training".
        classes: Number of classes that were compared.
        examples: Number of real examples.
        pairs: Generated images and the nearest of the images that the model was trained on or given, closest pair
            first; None for models of features.
    """

    generated: Scores
    real: Scores
    part: str
    classes: int
    examples: int
    pairs: tuple[Tensor, Tensor] | None

    def as_dict(self) -> dict[str, Any]:
        """Scores and sizes, for JSON."""
        sizes = {"part": self.part, "classes": self.classes, "examples": self.examples}
        return {"generated": self.generated.as_dict(), "real": self.real.as_dict(), **sizes}


def score_run(run: GeneratorRun, encoder: Run | None, seed: int = 0) -> ScoreReport:
    """Score a model on examples that its training set aside.

    The real examples of each class are halved. One half is what generated examples are compared with. The other half
    stands in for generated examples to show what could be reached, and is what a model that is conditioned on examples
    is given. Each class gets as many generated examples as the half has. Copies are looked for among the training
    examples and the given ones; for the real examples in place of generated ones, the first half counts as given.

    Args:
        run: Run of the model.
        encoder: Run whose encoder yields the features, trained on such images; None for models of features.
        seed: Seed of the halves and of the noise.

    Raises:
        InputError: If a model of images comes without an encoder, or there are too few examples.
    """
    images = len(run.model.shape) == 3
    if images == (encoder is None):
        hint = "name a run with an encoder of such images (--encoder-run)" if images else "leave the encoder out"
        raise InputError(f"this model generates {'images' if images else 'features'}: {hint}")
    sources = load_generator_sources(run.config, run.model.conditioning)
    part = next(name for name in ("test", "validation", "training") if getattr(sources, name) is not None)
    held_out: Source = getattr(sources, part)
    real, fresh = _at_most(held_out.subset(at_least=4), seed).split((0.5, 0.5), seed=seed, by="item")
    generated, generated_labels = _generate(run, real, fresh, seed)

    def features(source: Source) -> Tensor:
        return _gather_all(source) if encoder is None else _gather_all(encode(_fixed_encoder(encoder), source))

    training_features, real_features, fresh_features = features(sources.training), features(real), features(fresh)
    labels, fresh_labels = torch.from_numpy(real.labels), torch.from_numpy(fresh.labels)
    given = None
    if run.model.conditioning in ("item", "mean"):
        by_item = run.model.conditioning == "item"
        given, control = (fresh, real) if by_item else (_class_means(fresh), _class_means(real))
        seen = torch.cat([training_features, fresh_features if by_item else features(given)])
        repeated = _generate_per_given(run, given, seed)
        per_example = features(repeated), torch.from_numpy(repeated.labels)
        scores, copies = score(seen, real_features, labels, features(generated), generated_labels, per_example)
        seen = torch.cat([training_features, real_features if by_item else features(control)])
        fresh_set = (fresh_features, fresh_labels)
        reachable, _ = score(seen, real_features, labels, *fresh_set, fresh_set)
    else:
        scores, copies = score(training_features, real_features, labels, features(generated), generated_labels)
        known = None if generated_labels is None else fresh_labels
        reachable, _ = score(training_features, real_features, labels, fresh_features, known)
    pairs = None
    if images:
        order = copies.distance.argsort()[:MAX_PAIRS]
        pairs = _gather_all(generated)[order], _gather_seen(sources.training, given, copies.nearest[order])
    return ScoreReport(scores, reachable, part, len(real.class_names), len(real), pairs)


def _fixed_encoder(run: Run) -> torch.nn.Module:
    parts = run.learner.on_features()
    if parts is None:
        raise InputError(
            f"{run.folder}: its learner adapts the encoder to each task, so features are not fixed; name another run "
            "(--encoder-run)"
        )
    return parts[0]


def _generate(run: GeneratorRun, real: Source, given: Source, seed: int) -> tuple[Source, Tensor | None]:
    """As many generated examples of each class as real ones, and their classes, if the model knows any."""
    if run.model.conditioning == "nothing":
        with torch.no_grad():
            items = run.model.sample(len(real), generator=generator(seed, "score")).cpu()
        return Source.of(items, ["generated"] * len(real)), None
    most = int(real.counts.max())
    generated = generate_examples(run.model, given, most, seed, run.class_names)
    generated = generated.subset(items=(np.arange(most) < real.counts[:, None]).reshape(-1))
    return generated, torch.from_numpy(generated.labels)


def _generate_per_given(run: GeneratorRun, given: Source, seed: int) -> Source:
    """Several generated examples of each of some given ones, as a class of their own."""
    some = np.unique(np.linspace(0, len(given) - 1, min(MAX_GIVEN, len(given))).round().astype(np.int64))
    single = Source.of(given.gather(some), [f"{index:04}" for index in range(len(some))])
    return generate_examples(run.model, single, PER_GIVEN, seed)


def _class_means(source: Source) -> Source:
    """The mean of each class, which models of means are given."""
    items = as_floats(_gather_all(source))
    means = [items[start:end].mean(0) for start, end in pairwise(source.starts.tolist())]
    return Source.of(torch.stack(means), source.class_names)


def _gather_seen(training: Source, given: Source | None, indices: Tensor) -> Tensor:
    """Examples by index among the training examples followed by the given ones."""
    items: Tensor = training.gather(indices.clamp(max=len(training) - 1).numpy())
    if given is not None:
        later = indices >= len(training)
        items[later] = given.gather((indices[later] - len(training)).numpy())
    return items


def _at_most(source: Source, seed: int) -> Source:
    """Bound the number of examples: fewer of each class, and if that leaves too few of each, fewer classes."""
    per_class = max(20, 2 * MAX_EXAMPLES // len(source.class_names))
    keep = np.zeros(len(source), dtype=bool)
    for start, count in zip(source.starts.tolist(), source.counts.tolist(), strict=False):
        order = torch.randperm(count, generator=generator(seed, "bounded", start)).numpy()
        keep[start + order[:per_class]] = True
    source = source.subset(items=keep)
    most = max(2, 2 * MAX_EXAMPLES // per_class)
    if len(source.class_names) <= most:
        return source
    drawn = torch.randperm(len(source.class_names), generator=generator(seed, "bounded")).tolist()
    return source.subset(classes=[source.class_names[c] for c in drawn[:most]])


def _gather_all(source: Source) -> Tensor:
    items: Tensor = source.gather(np.arange(len(source)))
    return items
