"""How good a generative model's items are, by the encoder of another run."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from manyshot.base import InputError
from manyshot.base.seeds import generator
from manyshot.generate.judge import Scores, score
from manyshot.generate.made_source import made_items
from manyshot.tasks import Source
from manyshot.training.features import encode
from manyshot.training.generator_config import load_generator_sources
from manyshot.training.generator_run import GeneratorRun
from manyshot.training.run import Run

MOST = 4000
"""Real items, and made ones, that are compared at most."""
PAIRS = 24
"""Pairs of a made item and the nearest training item that are kept to be shown."""


@dataclass(frozen=True, eq=False)
class Scored:
    """Scores of made items, and those of as many real ones, which say what could be reached.

    Args:
        made: of the model.
        real: of fresh real items in their place.
        judged_on: which part of the data: "test", "validation" or, where nothing was held out, "training".
        classes: how many classes were compared.
        items: how many real items.
        pairs: made pictures and the training pictures nearest to them in the encoder's features, nearest pair first;
            None for vectors.
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
    are made as the halves have.

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

    training, label = features(parts.training), torch.from_numpy(real.labels)
    judged = features(real)
    found, copies = score(training, judged, label, features(made), asked)
    known = torch.from_numpy(other.labels)
    reached, _ = score(training, judged, label, features(other), known if asked is not None else None)
    pairs = None
    if pictures:
        order = copies.distance.argsort()[:PAIRS]
        pairs = _all(made)[order], parts.training.gather(copies.nearest[order].numpy())
    return Scored(found, reached, judged_on, len(real.class_names), len(real), pairs)


def _made(run: GeneratorRun, real: Source, other: Source, seed: int) -> tuple[Source, Tensor | None]:
    """As many made items as real ones, and the class of each, by its number among the real ones, if it has one."""
    if run.model.wants == "nothing":
        with torch.no_grad():
            items = run.model.sample(len(real), generator=generator(seed, "score")).cpu()
        return Source.of(items, ["made"] * len(real)), None
    each = -(-len(real) // len(real.class_names))
    made = made_items(run.model, other, each, seed, run.class_names)
    return made, torch.from_numpy(made.labels)


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
