"""Learner that classifies drawings by the cost of deforming one into another."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.base import InputError
from manyshot.contrib.deformation_matching.image_registration import Points, bent_onto
from manyshot.contrib.deformation_matching.strokes import pieces, stroke_points
from manyshot.learners.learner import Classifier, Learner
from manyshot.tasks import Examples


class Drawing(NamedTuple):
    """Features of a drawing.

    Args:
        points: Points along its strokes; see `stroke_points`.
        pieces: Number of connected pieces of ink; see `pieces`.
    """

    points: Points
    pieces: int

    @staticmethod
    def of(item: Float[Tensor, "c h w"]) -> "Drawing":
        """Extract the features of an image; see `stroke_points`."""
        return Drawing(stroke_points(item), pieces(item))


class Differences(NamedTuple):
    """Differences of two drawings. Each is deformed onto the other (`Bend`), and both directions are added.

    Args:
        residual: Sum of `over` and `lacking` of both directions.
        imbalance: Ink that only one drawing has:
            |(over forward + lacking backward) - (lacking forward + over backward)|.
        strain: Sum of `strain` of both directions.
        bumps: Sum of `bumps` of both directions.
        pieces: Difference of the numbers of pieces of ink.
    """

    residual: float
    imbalance: float
    strain: float
    bumps: float
    pieces: float

    @staticmethod
    def of(one: Drawing, other: Drawing) -> "Differences":
        """Deform each drawing onto the other.

        Example:
            >>> bar, cross = torch.zeros(2, 1, 96, 96)
            >>> bar[:, 46:50, 20:76] = cross[:, 46:50, 20:76] = cross[:, 20:76, 46:50] = 1
            >>> bar, cross = Drawing.of(bar), Drawing.of(cross)
            >>> same, unlike = Differences.of(bar, bar), Differences.of(bar, cross)
            >>> same.residual < 0.4 < 1 < unlike.residual, same.imbalance < 0.01 < 0.5 < unlike.imbalance
            (True, True)
        """
        forward, backward = bent_onto(one.points, other.points), bent_onto(other.points, one.points)
        first, second = forward.over + backward.lacking, forward.lacking + backward.over
        return Differences(
            first + second,
            abs(first - second),
            forward.strain + backward.strain,
            forward.bumps + backward.bumps,
            float(abs(one.pieces - other.pieces)),
        )


COEFFICIENTS = Differences(residual=3.5, imbalance=3.6, strain=6.5, bumps=1.7, pieces=2.4)
"""Coefficients of a logistic regression on tasks of Omniglot's small1 (experiments/matching_coefficients.py)."""


class DeformationMatching(Learner):
    """Classify by the most similar support drawing, by robust point matching in both directions.

    c(a, b) = l . d(a, b),   logit_k(q) = -min over {i of class k, w_i > 0} of c(x_i, q)

    d are the `Differences` of two drawings and l their coefficients. Nothing is trained and there are no gradients.
    Position and size of a drawing are ignored; rotation and slant cost strain. Of weights only whether they are
    positive matters, and of soft labels only the most likely class. A pair takes about three milliseconds, so a task of
    20 classes with 20 queries takes more than a second.

    Its errors differ from those of a trained network, so an `Ensemble` of both may be better than either.

    Args:
        coefficients: Coefficients l.

    Raises:
        InputError: If a coefficient is negative; when adapting, if items are not images.

    Example:
        >>> bar, cross = torch.zeros(2, 1, 96, 96)
        >>> bar[:, 46:50, 20:76] = cross[:, 46:50, 20:76] = cross[:, 20:76, 46:50] = 1
        >>> support = Examples.of(torch.stack([bar, cross])[None], torch.arange(2))
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
        """Extract the strokes of the support drawings; matching happens per query."""
        known = _drawings(support.items, support.weight)
        classes = support.class_ids

        def classify(queries: Tensor, weight: Tensor | None = None) -> Tensor:
            asked = _drawings(queries, weight)
            tasks, ways = support.class_mask.shape
            logits = torch.full((tasks, queries.shape[1], ways), -torch.inf)
            for task, (drawings, questions) in enumerate(zip(known, asked, strict=True)):
                for index, question in questions.items():
                    for other, drawing in drawings.items():
                        way = int(classes[task, other])
                        logits[task, index, way] = max(float(logits[task, index, way]), -self._cost(drawing, question))
            # Logits of items of weight 0 are arbitrary, but must be finite for a softmax.
            ignored = logits.isinf().all(-1, keepdim=True)
            logits = logits.masked_fill(ignored, 0.0).to(support.labels)
            return logits.masked_fill(~support.class_mask[:, None], -torch.inf)

        return classify

    def _cost(self, drawing: Drawing, question: Drawing) -> float:
        differences = Differences.of(drawing, question)
        return sum(weight * value for weight, value in zip(self.coefficients, differences, strict=True))


def _drawings(items: Float[Tensor, "t n ..."], weight: Float[Tensor, "t n"] | None) -> list[dict[int, Drawing]]:
    """Return the drawings of positive weight of each task, by index."""
    if items.ndim != 5:
        raise InputError("deformation matching needs images of drawings; use another learner for other items")
    real = np.ones(items.shape[:2], bool) if weight is None else (weight > 0).cpu().numpy()
    return [
        {index: Drawing.of(item) for index, item in enumerate(task) if mask[index]}
        for task, mask in zip(items, real, strict=True)
    ]
