"""Out-of-distribution examples, unlike every class: a distance threshold with a stated false-alarm rate."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from scipy.special import ndtri, stdtrit  # scipy.stats takes a second to import
from torch import Tensor

from manyshot.base import InputError
from manyshot.classify.heads import Transform

CHUNK = 1024
"""Examples whose distances to all others are in memory at once."""
SAME = 1e-9
"""Nearer examples are copies of each other."""
PRIOR_DEVIATION = 0.3
"""Standard deviation of log(distance to the nearest training example) of new examples within a data set."""
PRIOR_EXAMPLES = 5.0
"""How many examples that prior is worth."""
BETWEEN_CLASSES = {True: 0.3, False: 0.1}
"""With one example of each class only distances between classes are known. The threshold is then this much above the
mean of their logarithms. With the root, 0.3 gave 4 % false alarms on average over nine sets of pictures (0 to 11 % on
one of them). Without it, 0.1 gave 5 % on average over tasks of 2 to 20 classes of sentences from the ten domains
of CLINC150: 1 % with 2 classes, 10 % with 15."""
ONE_EXAMPLE_DEVIATION = 0.38
"""Standard deviation over data sets and examples of what that is a quantile of."""


@dataclass(frozen=True)
class UnknownDetector:
    """Tells examples that are unlike every class by their distance to the nearest training example.

    distance(x) = 1 - max_i cosine(sqrt f(x), sqrt f(x_i)), without centering, which hides out-of-distribution examples:
    with few examples the mean is a point between the known classes. (There is no root for features with
    negative values.)

    The threshold comes from each training example's distance to the others. With n of them, 19 at 5 %, it is the
    conformal quantile, with at most the wanted rate of false alarms on average over training sets (Vovk, Gammerman and
    Shafer 2005; leaving one out in place of a held-out set makes that approximate). With fewer it is the quantile of
    the predictive t distribution of log(distance), whose variance is a mean of theirs and that of other data sets. With
    one example of each class it rests on other data sets.

    Args:
        rows: Training examples `[n, d]`, of length 1.
        threshold: Distance above which an example is unknown.
        false_alarms: Expected rate of false alarms: of examples of a known class that are called unknown.
        examples: Number of examples whose distances gave the threshold, 0 if it rests on other data sets.
        root: Whether the root of the features is taken.
    """

    rows: Float[Tensor, "n d"]
    threshold: float
    false_alarms: float
    examples: int
    root: bool

    @staticmethod
    def fit(
        features: Tensor | Sequence[Tensor],
        labels: Int[Tensor, " n"],
        false_alarms: float = 0.05,
        groups: Int[Tensor, " n"] | None = None,
    ) -> "UnknownDetector":
        """Find the threshold.

        Args:
            features: The encoder's features `[n, d]` of the training examples, not transformed; several blocks for
                several encoders.
            labels: Their classes `[n]`.
            false_alarms: The wanted rate of false alarms.
            groups: Groups `[n]`, such as patients, which are left out together.

        Raises:
            InputError: If the rate is not between 0 and 1, or the examples are all alike or of one group.

        Example:
            >>> x = torch.tensor([[4.0, 1.0], [4.0, 0.9], [1.0, 4.0], [0.9, 4.0]])
            >>> detector = UnknownDetector.fit(x, torch.tensor([0, 0, 1, 1]))
            >>> detector.is_unknown(torch.tensor([[4.1, 1.0], [1.0, 1.0]])).tolist()
            [False, True]
        """
        root = all(bool((block >= 0).all()) for block in _blocks(features))
        return UnknownDetector.of_directions(directions(features, root), labels, root, false_alarms, groups)

    @staticmethod
    def of_directions(
        rows: Float[Tensor, "n d"],
        labels: Int[Tensor, " n"],
        root: bool,
        false_alarms: float = 0.05,
        groups: Int[Tensor, " n"] | None = None,
    ) -> "UnknownDetector":
        """Find the threshold for rows of length 1, see `fit`.

        Args:
            rows: Training examples.
            labels: Their classes.
            root: Whether they are roots of features.
            false_alarms: The wanted rate of false alarms.
            groups: Groups, which are left out together.

        Raises:
            InputError: As `fit`.
        """
        if not 0 < false_alarms < 1:
            raise InputError(f"false_alarms={false_alarms}: give a rate between 0 and 1, such as 0.05")
        nearest, mated = _neighbors(rows, labels, groups)
        comparable = nearest.isfinite()
        if not bool(comparable.any()):
            raise InputError("the training examples are all alike or of one group; give examples that differ")
        count = int(mated.sum())
        if count < 2:
            quantile = float(ndtri(1 - false_alarms) - ndtri(0.95)) * ONE_EXAMPLE_DEVIATION
            log_threshold = float(nearest[comparable].log().mean()) + BETWEEN_CLASSES[root] + quantile
            return UnknownDetector(rows, math.exp(log_threshold), false_alarms, 0, root)
        threshold, rate = _threshold(nearest[mated], false_alarms)
        return UnknownDetector(rows, threshold, rate, count, root)

    def score(self, features: Tensor | Sequence[Tensor]) -> Float[Tensor, " m"]:
        """Distance to the nearest training example, over the threshold: above 1 is unknown.

        Args:
            features: Features `[m, d]` like those of `fit`.
        """
        return self.score_directions(directions(features, self.root))

    def score_directions(self, rows: Float[Tensor, "m d"]) -> Float[Tensor, " m"]:
        """The same for rows like those of `of_directions`.

        Args:
            rows: Rows of length 1.
        """
        nearest = torch.cat([(part @ self.rows.T).amax(1) for part in torch.split(rows, CHUNK)])
        return (1 - nearest).clamp(min=0) / self.threshold

    def is_unknown(self, features: Tensor | Sequence[Tensor]) -> Bool[Tensor, " m"]:
        """Whether examples are unlike every class.

        Args:
            features: Features `[m, d]` like those of `fit`.
        """
        return self.score(features) > 1


def _neighbors(
    rows: Float[Tensor, "n d"], labels: Int[Tensor, " n"], groups: Int[Tensor, " n"] | None
) -> tuple[Float[Tensor, " n"], Bool[Tensor, " n"]]:
    """Distance to the nearest example that is no copy and of another group, and whether the class has such a one."""
    nearest, mated = [], []
    for own in torch.split(torch.arange(len(rows)), CHUNK):
        distances = 1 - rows[own] @ rows.T
        other = distances > SAME
        if groups is not None:
            other &= groups[own, None] != groups
        nearest.append(distances.where(other, torch.inf).amin(1))
        mated.append((other & (labels[own, None] == labels)).any(1))
    return torch.cat(nearest), torch.cat(mated)


def _threshold(distances: Tensor, false_alarms: float) -> tuple[float, float]:
    """The threshold, and the rate of false alarms to expect."""
    n = len(distances)
    rank = math.ceil((1 - false_alarms) * (n + 1) - 1e-9)
    if rank <= n:
        return float(distances.sort().values[rank - 1]), 1 - rank / (n + 1)
    logs = distances.log()
    freedom = PRIOR_EXAMPLES + n - 1
    variance = (PRIOR_EXAMPLES * PRIOR_DEVIATION**2 + float((logs - logs.mean()).square().sum())) / freedom
    quantile = float(stdtrit(freedom, 1 - false_alarms)) * math.sqrt(variance * (1 + 1 / n))
    return math.exp(float(logs.mean()) + quantile), false_alarms


def _blocks(features: Tensor | Sequence[Tensor]) -> Sequence[Tensor]:
    return [features] if isinstance(features, Tensor) else features


def directions(features: Tensor | Sequence[Tensor], root: bool) -> Float[Tensor, "n d"]:
    """Rows of length 1, to which every encoder contributes equally.

    Args:
        features: Features `[n, d]`; several blocks for several encoders.
        root: Whether the root of the features is taken.
    """
    blocks = _blocks(features)
    transform = Transform(0.5 if root else None, center=False)
    rows = [transform.fit(block, torch.ones(1, len(block)))(block)[0] for block in blocks if len(block)]
    if not rows:
        return torch.zeros(0, sum(block.shape[1] for block in blocks), dtype=torch.float64)
    return torch.cat(rows, 1) / math.sqrt(len(blocks))
