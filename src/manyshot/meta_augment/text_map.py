"""A linear map from what is said of a class to the mean of its features, fitted on other classes in closed form."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from manyshot.base import InputError
from manyshot.tasks import Source

PENALTIES = tuple(10.0 ** (exponent / 2) for exponent in range(-6, 5))
"""Penalties that are tried, relative to the mean squared length of the centered vectors."""
FOLDS = 8
"""Parts into which classes, or their groups, are split to hold them out."""
LEAST_GROUPS = 3
"""With so many groups of classes, of which none has more than half of the classes, groups are held out as a whole."""
SHOTS = (1, 2, 5, 10)
"""Numbers of shots at which the weight of a prediction is chosen."""
WEIGHTS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0)
"""Weights at one shot that are tried, relative to one real example."""
SHARES = [0.25, 0.5, 0.75]
"""Shares of a prediction in a prototype that maps are compared at."""
FALLS = (0.01, 0.5, 1.0)
"""Exponents by which the weight may fall with the number of shots."""
WAYS, QUERIES, TASKS = 10, 5, 200
"""Size and number of the tasks at each number of shots that weights are tried on."""


@dataclass(frozen=True)
class ClassRows:
    """Features class after class, and what of them belongs together.

    Args:
        items: Features.
        starts: First row of each class, and the number of rows.
        authors: Who made each (a speaker, a patient), or None.
        groups: Group of each class (an alphabet, a domain), or None.
    """

    items: Float[Tensor, "n d"]
    starts: Int[Tensor, " c1"]
    authors: Int[Tensor, " n"] | None = None
    groups: Int[Tensor, " c"] | None = None

    @staticmethod
    def of(source: Source, chosen: Bool[Tensor, " c"]) -> "ClassRows":
        """The examples of some classes of a source of features, with their authors and groups.

        Args:
            source: Features.
            chosen: Which of its classes.
        """
        kept = chosen.repeat_interleave(torch.from_numpy(source.counts))
        starts = torch.tensor([0, *source.counts[chosen.numpy()]]).cumsum(0)
        authors = None if source.authors_of_rows is None else torch.from_numpy(source.authors_of_rows)[kept]
        groups = None
        if source.groups is not None:
            groups = torch.from_numpy(np.unique(np.array(source.groups), return_inverse=True)[1])[chosen]
        return ClassRows(source.gather(np.flatnonzero(kept.numpy())).double(), starts, authors, groups)

    @property
    def counts(self) -> Int[Tensor, " c"]:
        """Number of examples of each class."""
        return self.starts.diff()

    def means(self) -> Float[Tensor, "c d"]:
        """Mean of each class."""
        counts = self.counts
        means = torch.zeros(len(counts), self.items.shape[1], dtype=self.items.dtype)
        return means.index_add_(0, torch.arange(len(counts)).repeat_interleave(counts), self.items).div_(
            counts[:, None]
        )

    def folds(self, generator: torch.Generator) -> Int[Tensor, " c"]:
        """The fold in which each class is held out, with its whole group where there are enough (`LEAST_GROUPS`).

        Names of classes of one group often share words, and their examples look alike; what a name says of classes of a
        new group is only seen if groups are held out.

        Args:
            generator: Random numbers.
        """
        of_class = torch.arange(len(self.counts))
        if self.groups is not None:
            _, inverse, sizes = torch.unique(self.groups, return_inverse=True, return_counts=True)
            if len(sizes) >= LEAST_GROUPS and 2 * int(sizes.max()) <= len(of_class):
                of_class = inverse
        units = int(of_class.max()) + 1
        return (torch.randperm(units, generator=generator) % min(FOLDS, units))[of_class]


@dataclass(frozen=True)
class TextMap:
    """A map t -> m + W (t - c) from vectors of texts to means of features, with predictions for its own classes.

    Args:
        text_mean: c, the mean of the vectors.
        feature_mean: m, the mean of the classes' means.
        matrix: W, transposed.
        penalty: The penalty that was chosen.
        prior: a, towards which the penalty draws W: a times the identity.
        held_out: Prediction of each class's mean by a map fitted without that class, or without its group.
        explained: Fraction of the variance of the classes' means that these predictions explain; negative if they are
            worse than the mean of all classes.
    """

    text_mean: Float[Tensor, " e"]
    feature_mean: Float[Tensor, " d"]
    matrix: Float[Tensor, "e d"]
    penalty: float
    prior: float
    held_out: Float[Tensor, "c d"]
    explained: float


def fit_text_map(texts: Float[Tensor, "c e"], rows: ClassRows, generator: torch.Generator) -> TextMap:
    """Fit the map by ridge regression, with the penalty whose predictions of held-out classes classify best.

    min_W sum_k ||mu_k - m - W (t_k - c)||^2 + penalty ||W - a I||^2

    a is 0 or 1, which does better where texts and examples are sentences of one encoder: what is said of a class is
    then an example of it already. Penalty and a are chosen by the accuracy, on one-shot tasks of the same classes, of
    prototypes between a shot and a prediction; the squared error would prefer predictions that are all alike.

    Args:
        texts: Vectors of unit length, one a class.
        rows: Features of the classes. Classes are held out by group; shots and queries are by different authors.
        generator: Random numbers of folds and tasks.

    Raises:
        InputError: If there are fewer than four classes.

    Example:
        >>> texts = torch.nn.functional.normalize(torch.eye(6)[:, :3] + torch.arange(6.0)[:, None], dim=1)
        >>> items = (texts @ torch.rand(3, 8)).repeat_interleave(4, 0)
        >>> rows = ClassRows(items, torch.arange(7) * 4)
        >>> fit_text_map(texts, rows, torch.Generator().manual_seed(0)).matrix.shape
        torch.Size([3, 8])
    """
    count = len(texts)
    if count < 4:
        raise InputError(f"{count} classes of which something is said; a map from texts needs at least 4")
    means, fold = rows.means(), rows.folds(generator)
    priors = (0.0, 1.0) if texts.shape[1] == means.shape[1] else (0.0,)
    settings = [(penalty, prior) for prior in priors for penalty in PENALTIES]
    predicted = torch.zeros(len(settings), *means.shape, dtype=means.dtype)
    for index in range(int(fold.max()) + 1):
        kept, left = fold != index, fold == index
        for place, (text_mean, feature_mean, matrix) in enumerate(_ridge(texts[kept], means[kept], settings)):
            predicted[place, left] = feature_mean + (texts[left] - text_mean) @ matrix
    shots, queries, classes = _tasks(rows, 1, generator)
    accuracy = [_accuracies(queries, shots, one[classes], SHARES).mean(1).max() for one in predicted]
    best = int(torch.stack(accuracy).argmax())
    ((text_mean, feature_mean, matrix),) = _ridge(texts, means, settings[best : best + 1])
    spread = (means - feature_mean).square().sum().clamp(min=1e-12)
    explained = 1 - float((predicted[best] - means).square().sum() / spread)
    return TextMap(text_mean, feature_mean, matrix, *settings[best], predicted[best], explained)


def _ridge(texts: Tensor, means: Tensor, settings: list[tuple[float, float]]) -> list[tuple[Tensor, Tensor, Tensor]]:
    """The mean of the texts, the mean of the means and W for each penalty and prior, from one decomposition."""
    text_mean, feature_mean = texts.mean(0), means.mean(0)
    t, y = texts - text_mean, means - feature_mean
    u, s, vt = torch.linalg.svd(t, full_matrices=False)
    scale = t.square().sum() / len(t)
    fits = []
    for penalty, prior in settings:
        shrunk = s / (s.square() + penalty * scale).clamp(min=1e-12)
        if not prior:
            fits.append(vt.mT @ (shrunk[:, None] * (u.mT @ y)))
            continue
        rest = vt.mT @ (shrunk[:, None] * (u.mT @ (y - prior * t)))
        fits.append(rest + prior * torch.eye(t.shape[1], dtype=t.dtype))
    return [(text_mean, feature_mean, matrix) for matrix in fits]


def choose_weight(rows: ClassRows, predicted: Float[Tensor, "c d"], generator: torch.Generator) -> tuple[float, float]:
    """Choose b and f of the weight b k^(-f) of a prediction among k shots by accuracy on tasks of the same classes.

    The classifier is the nearest prototype p_k = (sum of the shots + b k^(-f) prediction) / (k + b k^(-f)). Of the
    weights whose accuracy is within half a standard error of the best, the smallest is taken.

    Args:
        rows: Features of the classes; shots and queries are by different authors.
        predicted: Prediction of each class's mean by a map fitted without that class, or without its group.
        generator: Random numbers of the tasks.

    Example:
        >>> items = torch.eye(6).repeat_interleave(8, 0) + 0.5 * torch.rand(48, 6)
        >>> rows = ClassRows(items, torch.arange(7) * 8)
        >>> weight, fall = choose_weight(rows, torch.eye(6), torch.Generator().manual_seed(0))
        >>> weight in WEIGHTS, fall in FALLS
        (True, True)
    """
    settings = [(weight, fall) for fall in FALLS for weight in WEIGHTS]
    least = int(rows.counts.min())
    scores = []
    for shots in [k for k in SHOTS if k < least] or [1]:
        means, queries, classes = _tasks(rows, shots, generator)
        shares = [weight * shots**-fall / (shots + weight * shots**-fall) for weight, fall in settings]
        scores.append(_accuracies(queries, means, predicted[classes], shares))
    accuracy = torch.cat(scores, 1)
    mean, error = accuracy.mean(1), accuracy.std(1) / accuracy.shape[1] ** 0.5
    best = int(mean.argmax())
    close = [i for i in range(len(settings)) if mean[i] >= mean[best] - error[best] / 2]
    return settings[min(close, key=lambda i: (settings[i][0], -settings[i][1]))]


def _tasks(
    rows: ClassRows, shots: int, generator: torch.Generator
) -> tuple[Float[Tensor, "t ways d"], Float[Tensor, "t ways q d"], Int[Tensor, "t ways"]]:
    """Means of the shots of each class, the queries, and the classes of some tasks.

    Authors come in a random order in each task; shots are by the first of a class, queries by the last.
    """
    counts, starts, items = rows.counts, rows.starts, rows.items
    ways, most = min(WAYS, len(counts)), int(counts.max())
    queries = max(min(QUERIES, int(counts.min()) - shots), 1)
    classes = torch.rand(TASKS, len(counts), generator=generator).argsort(1)[:, :ways]
    rank = torch.rand(TASKS, ways, most, generator=generator)
    members = (starts[classes][..., None] + torch.arange(most)).clamp(max=len(items) - 1)
    last = counts[classes][..., None] - 1
    first = torch.full_like(last, shots)
    if rows.authors is not None:
        place = torch.rand(TASKS, int(rows.authors.max()) + 1, generator=generator).argsort(1).to(rank.dtype)
        rank = rank + place.gather(1, rows.authors[members].flatten(1)).view_as(rank)
        first = (last + 1 - queries).clamp(min=shots)
    rank.masked_fill_(torch.arange(most) > last, torch.inf)
    order = members.gather(2, rank.argsort(-1))
    asked = order.gather(2, (first + torch.arange(queries)).minimum(last))  # one example alone is shot and query
    return items[order[..., :shots]].mean(2), items[asked], classes


def _accuracies(
    queries: Float[Tensor, "t ways q d"],
    one: Float[Tensor, "t ways d"],
    other: Float[Tensor, "t ways d"],
    shares: list[float],
) -> Float[Tensor, "s t"]:
    """Accuracy of the nearest of the prototypes (1 - share) one + share other, for each share."""
    with_one, with_other = (torch.einsum("twqd,tvd->twqv", queries, side) for side in (one, other))
    squares = one.square().sum(-1), (one * other).sum(-1), other.square().sum(-1)
    target = torch.arange(queries.shape[1])[:, None]
    rows = []
    for share in shares:
        a, b = 1 - share, share
        norm = a * a * squares[0] + 2 * a * b * squares[1] + b * b * squares[2]
        nearest = (2 * a * with_one + 2 * b * with_other - norm[:, None, None]).argmax(-1)
        rows.append((nearest == target).to(queries.dtype).mean((1, 2)))
    return torch.stack(rows)
