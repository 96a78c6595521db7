"""Classify drawings by how well one can be bent onto the other: a match by deformation, without any training."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.base import InputError
from manyshot.contrib.deformation_matching.registration import Points, bent_onto
from manyshot.contrib.deformation_matching.strokes import pieces, stroke_points
from manyshot.learners.learner import Classifier, Learner
from manyshot.tasks import Examples


class Drawing(NamedTuple):
    """What is known of a drawing.

    Args:
        points: see `stroke_points`.
        pieces: of its ink, see there.
    """

    points: Points
    pieces: int

    @staticmethod
    def of(item: Float[Tensor, "c h w"]) -> "Drawing":
        """See `stroke_points`, also for the errors."""
        return Drawing(stroke_points(item), pieces(item))


class Differences(NamedTuple):
    """What two drawings differ in; each drawing is bent onto the other (`Bend`), and the two ways are added.

    Args:
        residual: over and lacking, of both ways.
        imbalance: |(over there + lacking back) - (lacking there + over back)|: that one has ink which the other lacks.
        strain: of both ways.
        bumps: of both ways.
        pieces: how many more pieces of ink one has.
    """

    residual: float
    imbalance: float
    strain: float
    bumps: float
    pieces: float

    @staticmethod
    def of(one: Drawing, other: Drawing) -> "Differences":
        """Bend each onto the other.

        Example:
            >>> bar, cross = torch.zeros(2, 1, 96, 96)
            >>> bar[:, 46:50, 20:76] = cross[:, 46:50, 20:76] = cross[:, 20:76, 46:50] = 1
            >>> bar, cross = Drawing.of(bar), Drawing.of(cross)
            >>> same, unlike = Differences.of(bar, bar), Differences.of(bar, cross)
            >>> same.residual < 0.4 < 1 < unlike.residual, same.imbalance < 0.01 < 0.5 < unlike.imbalance
            (True, True)
        """
        there, back = bent_onto(one.points, other.points), bent_onto(other.points, one.points)
        first, second = there.over + back.lacking, there.lacking + back.over
        return Differences(
            first + second,
            abs(first - second),
            there.strain + back.strain,
            there.bumps + back.bumps,
            float(abs(one.pieces - other.pieces)),
        )


COEFFICIENTS = Differences(residual=3.5, imbalance=3.6, strain=6.5, bumps=1.7, pieces=2.4)
"""Of a logistic regression on tasks of Omniglot's small1, by experiments/matching_coefficients.py."""


class DeformationMatching(Learner):
    """Classify by the support drawing that is least unlike: robust point matching, both ways.

    c(a, b) = l . d(a, b),   logit_k(q) = -min over {i of class k, w_i > 0} of c(x_i, q)

    d are the `Differences` of two drawings, l their coefficients. There is nothing to train, and no gradient. Place and
    size of a drawing mean nothing to it; turning and slanting cost strain. It asks of a weight only whether it is above
    0, and of a soft label only which class has the largest share. A pair takes about three milliseconds, so a task of
    20 classes with 20 queries more than a second.

    It errs on other drawings than a trained network does, so an `Ensemble` of both may err less than either.

    Args:
        coefficients: l; those of a logistic regression.

    Raises:
        InputError: if a coefficient is negative; on adapting, if items are no pictures.

    Example:
        >>> bar, cross = torch.zeros(2, 1, 96, 96)
        >>> bar[:, 46:50, 20:76] = cross[:, 46:50, 20:76] = cross[:, 20:76, 46:50] = 1
        >>> support = Examples(torch.stack([bar, cross])[None], torch.eye(2)[None], torch.ones(1, 2),
        ...     torch.ones(1, 2, dtype=torch.bool))
        >>> DeformationMatching().adapt(support)(torch.stack([cross, bar])[None]).argmax(-1)
        tensor([[1, 0]])
    """

    def __init__(self, coefficients: Differences = COEFFICIENTS) -> None:
        super().__init__()
        for name, value in coefficients._asdict().items():
            if not value >= 0:
                raise InputError(f"{name}={value}: give a coefficient of at least 0")
        self.coefficients = coefficients

    def adapt(self, support: Examples) -> Classifier:
        """Find the strokes of the support's drawings; the rest happens when a query comes."""
        known = _every(support.items, support.weight)
        classes = support.class_ids

        def classify(queries: Tensor, weight: Tensor | None = None) -> Tensor:
            asked = _every(queries, weight)
            tasks, ways = support.class_mask.shape
            logits = torch.full((tasks, queries.shape[1], ways), -torch.inf)
            for task, (drawings, questions) in enumerate(zip(known, asked, strict=True)):
                for place, question in questions.items():
                    for other, drawing in drawings.items():
                        way = int(classes[task, other])
                        logits[task, place, way] = max(float(logits[task, place, way]), -self._cost(drawing, question))
            # What is said of items of weight 0 means nothing, but a softmax of it shall be a number.
            unasked = logits.isinf().all(-1, keepdim=True)
            logits = logits.masked_fill(unasked, 0.0).to(support.labels)
            return logits.masked_fill(~support.class_mask[:, None], -torch.inf)

        return classify

    def _cost(self, drawing: Drawing, question: Drawing) -> float:
        found = Differences.of(drawing, question)
        return sum(part * each for part, each in zip(self.coefficients, found, strict=True))


def _every(items: Float[Tensor, "t n ..."], weight: Float[Tensor, "t n"] | None) -> list[dict[int, Drawing]]:
    """Of each task, each item of positive weight, by its place."""
    if items.ndim != 5:
        raise InputError("deformation matching is for pictures of drawings; take another learner for other items")
    real = np.ones(items.shape[:2], bool) if weight is None else (weight > 0).cpu().numpy()
    return [
        {place: Drawing.of(item) for place, item in enumerate(task) if here[place]}
        for task, here in zip(items, real, strict=True)
    ]
