"""Classify drawings by how well one can be bent onto the other: a match by deformation, without any training."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.base import InputError
from manyshot.learners.learner import Classifier, Learner
from manyshot.learners.registration import Points, bent_onto
from manyshot.learners.strokes import stroke_points
from manyshot.tasks import Examples

RESIDUAL, STRAIN = 4.8, 6.4
"""Coefficients of a logistic regression on runs drawn from the five alphabets of Omniglot's small1."""


class DeformationMatching(Learner):
    """Classify by the support drawing that takes the least bending: robust point matching, both ways.

    c(a, b) = l_1 (residual(a -> b) + residual(b -> a)) + l_2 (strain(a -> b) + strain(b -> a)),
    logit_k(q) = -min over {i of class k, w_i > 0} of c(x_i, q)

    Residual and strain are those of `bent_onto`, on points along the drawings' strokes. There is nothing to train, and
    no gradient. Place and size of a drawing mean nothing to it; turning and slanting cost strain. It asks of a weight
    only whether it is above 0, and of a soft label only which class has the largest share. A pair takes about three
    milliseconds, so a task of 20 classes with 20 queries more than a second.

    It errs on other drawings than a trained network does, so an `Ensemble` of both may err less than either.

    Args:
        residual: l_1; so is strain.
        strain: l_2. Both were found on the alphabets of Omniglot's small1.

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

    def __init__(self, residual: float = RESIDUAL, strain: float = STRAIN) -> None:
        super().__init__()
        if not (residual >= 0 and strain >= 0):
            raise InputError(f"residual={residual}, strain={strain}: give numbers of at least 0")
        self.residual, self.strain = residual, strain

    def adapt(self, support: Examples) -> Classifier:
        """Find the strokes of the support's drawings; the rest happens when a query comes."""
        known = _every(support.items, support.weight)
        classes = support.hard

        def classify(queries: Tensor, weight: Tensor | None = None) -> Tensor:
            asked = _every(queries, weight)
            tasks, ways = support.present.shape
            logits = torch.full((tasks, queries.shape[1], ways), -torch.inf)
            for task, (drawings, questions) in enumerate(zip(known, asked, strict=True)):
                for place, question in questions.items():
                    for other, drawing in drawings.items():
                        way = int(classes[task, other])
                        logits[task, place, way] = max(float(logits[task, place, way]), -self._cost(drawing, question))
            # What is said of items of weight 0 means nothing, but a softmax of it shall be a number.
            unasked = logits.isinf().all(-1, keepdim=True)
            logits = logits.masked_fill(unasked, 0.0).to(support.labels)
            return logits.masked_fill(~support.present[:, None], -torch.inf)

        return classify

    def _cost(self, drawing: Points, question: Points) -> float:
        (there, squeezed), (back, stretched) = bent_onto(drawing, question), bent_onto(question, drawing)
        return self.residual * (there + back) + self.strain * (squeezed + stretched)


def _every(items: Float[Tensor, "t n ..."], weight: Float[Tensor, "t n"] | None) -> list[dict[int, Points]]:
    """Of each task, the points of each item of positive weight, by its place."""
    if items.ndim != 5:
        raise InputError("deformation matching is for pictures of drawings; take another learner for other items")
    real = np.ones(items.shape[:2], bool) if weight is None else (weight > 0).cpu().numpy()
    return [
        {place: stroke_points(item) for place, item in enumerate(task) if here[place]}
        for task, here in zip(items, real, strict=True)
    ]
