"""Detection of generated examples that copy the training examples."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from manyshot.base import InputError
from manyshot.sample_metrics.neighbors import check_features, nearest

MAX_REFERENCES = 2000
"""Largest number of training examples whose nearest-neighbor distances set the limit."""
COPY_QUANTILE = 0.05
"""Quantile of the nearest-neighbor distances of training examples below which a distance counts as that of a copy."""
ROUNDING = 1e-5
"""Distance, relative to the root mean squared norm of the features, up to which two examples are duplicates."""


@dataclass(frozen=True, eq=False)
class CopyCheck:
    """The nearest training example of each generated example.

    Args:
        nearest: `[m]` index of the training example.
        distance: `[m]` distance to it.
        limit: Largest distance at which a generated example counts as a copy.
    """

    nearest: Int[Tensor, " m"]
    distance: Float[Tensor, " m"]
    limit: float

    @property
    def fraction(self) -> float:
        """Fraction of the generated examples that count as copies; about 0.05 is expected of fresh real examples."""
        return float((self.distance <= self.limit).double().mean())


def copy_check(training: Float[Tensor, "n d"], generated: Float[Tensor, "m d"]) -> CopyCheck:
    """Find generated examples that are copies of training examples.

    A copy is as close to a training example as the closest 1 in 20 training examples are to another one; duplicates
    among the training examples are left out. Look at the pairs as well: distances are as good as the features.

    Args:
        training: Features of all examples that the model was trained on, at least 2.
        generated: Features of generated examples.

    Raises:
        InputError: If there are fewer than 2 training examples.

    Example:
        >>> import torch
        >>> x = torch.randn(100, 2, generator=torch.Generator().manual_seed(0))
        >>> copy_check(x, x[:10]).fraction, copy_check(x, x[:10] + 50).fraction
        (1.0, 0.0)
    """
    training, generated = check_features(training, generated)
    if len(training) < 2:
        raise InputError("1 training example: the distance that counts as close cannot be computed; give at least 2")
    references = training[:: max(1, len(training) // MAX_REFERENCES)]
    # The nearest of all is the example itself.
    between = nearest(references, training, 2)[0][:, 1]
    duplicate = ROUNDING * float(training.square().sum(1).mean().sqrt())
    distinct = between[between > duplicate]
    limit = float(distinct.quantile(COPY_QUANTILE)) if len(distinct) else duplicate
    distance, index = nearest(generated, training, 1)
    return CopyCheck(index[:, 0], distance[:, 0], limit)
