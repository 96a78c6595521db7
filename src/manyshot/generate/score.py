"""How good a generative model's items are, by the encoder of another run."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from manyshot.base import InputError
from manyshot.base.seeds import generator
from manyshot.generate.batches import as_floats
from manyshot.generate.config import load_generator_sources
from manyshot.generate.generated_source import made_items
from manyshot.generate.train import GeneratorRun
from manyshot.sample_metrics import Scores, score
from manyshot.tasks import Source
from manyshot.training.feature_cache import encode
from manyshot.training.run import Run

MOST = 4000
"""Real items, and made ones, that are compared at most."""
PAIRS = 24
"""Pairs of a made item and the nearest one that the model saw that are kept to be shown."""
ONES, NOISES = 100, 8
"""Of so many shown items at most, so many are made of each for the diversity of one."""


@dataclass(frozen=True, eq=False)
class Scored:
    """Scores of made items, and those of as many real ones, which say what could be reached.

    Args:
        made: of the model.
        real: of fresh real items in their place.
        judged_on: which part of the data: "test", "validation" or, where nothing was held out, "training".
        classes: how many classes were compared.
        items: how many real items.
        pairs: made pictures and the pictures nearest to them in the encoder's features, of those that the model was
            trained on or shown, nearest pair first; None for vectors.
    """

    made: Scores
    real: Scores
    judged_on: str
    classes: int
    items: int
    pairs: tuple[Tensor, Tensor] | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        facts = {"judged_on": self.judged_on, "classes": self.classes, "items": self.items}
        return {"made": self.made.as_dict(), "real": self.real.as_dict(), **facts}


def score_run(run: GeneratorRun, encoder: Run | None, seed: int = 0) -> Scored:
    """Judge a model on the items that its training set aside.

    The real items of each class are halved. One half is what made items are compared with. The other stands in for
    made ones to say what could be reached; and a model that is shown items is shown those of this half. As many items
    are made of each class as the half has. What a model is shown is searched for copies as its training items are, and
    for the real ones in the place of made ones the first half is searched in its stead.

    Args:
        run: the model's.
        encoder: a run that was trained on pictures of this kind, whose encoder gives the features; None for models of
            features, which are taken as they are.
        seed: of the halves and of the noise.

    Raises:
        InputError: if pictures come without an encoder, or there are too few items.
    """
    pictures = len(run.model.shape) == 3
    if pictures == (encoder is None):
        mend = "name a run whose encoder knows such pictures (--encoder-run)" if pictures else "leave the encoder out"
        raise InputError(f"this model makes {'pictures' if pictures else 'features'}: {mend}")
    parts = load_generator_sources(run.config, run.model.wants)
    judged_on = next(name for name in ("test", "validation", "training") if getattr(parts, name) is not None)
    whole: Source = getattr(parts, judged_on)
    real, other = _bounded(whole.subset(at_least=4), seed).split((0.5, 0.5), seed=seed, by="item")
    made, asked = _made(run, real, other, seed)

    def features(source: Source) -> Tensor:
        if encoder is None:
            return _all(source)
        parts = encoder.learner.on_features()
        if parts is None:
            raise InputError(
                f"{encoder.folder}: its learner adapts the encoder to each task; name another --encoder-run"
            )
        return _all(encode(parts[0], source))

    training, judged, fresh = features(parts.training), features(real), features(other)
    label, known = torch.from_numpy(real.labels), torch.from_numpy(other.labels)
    shown = None
    if run.model.wants in ("item", "mean"):
        shown, beside = (other, real) if run.model.wants == "item" else (_means(other), _means(real))
        seen = torch.cat([training, fresh if shown is other else features(shown)])
        one = _of_one(run, shown, seed)
        of_one = features(one), torch.from_numpy(one.labels)
        found, copies = score(seen, judged, label, features(made), asked, of_one)
        seen = torch.cat([training, judged if beside is real else features(beside)])
        reached, _ = score(seen, judged, label, fresh, known, (fresh, known))
    else:
        found, copies = score(training, judged, label, features(made), asked)
        reached, _ = score(training, judged, label, fresh, None if asked is None else known)
    pairs = None
    if pictures:
        order = copies.distance.argsort()[:PAIRS]
        pairs = _all(made)[order], _seen(parts.training, shown, copies.nearest[order])
    return Scored(found, reached, judged_on, len(real.class_names), len(real), pairs)


def _made(run: GeneratorRun, real: Source, shown: Source, seed: int) -> tuple[Source, Tensor | None]:
    """As many made items of each class as real ones, and their class, by its number among the real ones, if any."""
    if run.model.wants == "nothing":
        with torch.no_grad():
            items = run.model.sample(len(real), generator=generator(seed, "score")).cpu()
        return Source.of(items, ["made"] * len(real)), None
    most = int(real.counts.max())
    made = made_items(run.model, shown, most, seed, run.class_names)
    made = made.subset(items=(np.arange(most) < real.counts[:, None]).reshape(-1))
    return made, torch.from_numpy(made.labels)


def _of_one(run: GeneratorRun, shown: Source, seed: int) -> Source:
    """Several made items of each of some shown ones, as a class of their own."""
    some = np.unique(np.linspace(0, len(shown) - 1, min(ONES, len(shown))).round().astype(np.int64))
    alone = Source.of(shown.gather(some), [f"{place:04}" for place in range(len(some))])
    return made_items(run.model, alone, NOISES, seed)


def _means(source: Source) -> Source:
    """The mean of each class: what a model of means is shown."""
    items = as_floats(_all(source))
    means = [items[a:b].mean(0) for a, b in pairwise(source.starts.tolist())]
    return Source.of(torch.stack(means), source.class_names)


def _seen(training: Source, shown: Source | None, places: Tensor) -> Tensor:
    """Items by their places among those of the training and, after them, those that were shown."""
    items: Tensor = training.gather(places.clamp(max=len(training) - 1).numpy())
    if shown is not None:
        later = places >= len(training)
        items[later] = shown.gather((places[later] - len(training)).numpy())
    return items


def _bounded(source: Source, seed: int) -> Source:
    """At most so many items: of each class fewer, and if that leaves too few of each, of fewer classes."""
    each = max(20, 2 * MOST // len(source.class_names))
    keep = np.zeros(len(source), dtype=bool)
    for start, count in zip(source.starts.tolist(), source.counts.tolist(), strict=False):
        order = torch.randperm(count, generator=generator(seed, "bounded", start)).numpy()
        keep[start + order[:each]] = True
    source = source.subset(items=keep)
    most = max(2, 2 * MOST // each)
    if len(source.class_names) <= most:
        return source
    drawn = torch.randperm(len(source.class_names), generator=generator(seed, "bounded")).tolist()
    return source.subset(classes=[source.class_names[c] for c in drawn[:most]])


def _all(source: Source) -> Tensor:
    items: Tensor = source.gather(np.arange(len(source)))
    return items
