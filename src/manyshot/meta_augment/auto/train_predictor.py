"""Fit the predictor of `auto` to tasks whose gains under every candidate are known."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from manyshot.meta_augment.auto.predictor import SHOTS, GainPredictor, lead
from manyshot.meta_augment.auto.variant_gram import TaskEvidence


@dataclass(frozen=True, eq=False)
class KnownTasks:
    """Tasks of one number of shots, what is seen of them, and what every candidate gains.

    Args:
        seen: Of n tasks.
        gains: Accuracy gained over no augmentation `[n, candidates]`, without the first, which gains 0.
        origin: Curriculum set of each, as a number.
        family: Family of each, as a number: data sets that are held out together.
        as_is: Whether nothing was put into its data set.
    """

    seen: TaskEvidence
    gains: Float[Tensor, "n candidates"]
    origin: Int[Tensor, " n"]
    family: Int[Tensor, " n"]
    as_is: NDArray[np.bool_]

    def select(self, rows: NDArray[np.int64]) -> "KnownTasks":
        """Some of the tasks."""
        kept = torch.from_numpy(rows)
        seen = TaskEvidence(self.seen.task[kept], self.seen.op_effects[kept], self.seen.scores[kept])
        return KnownTasks(seen, self.gains[kept], self.origin[kept], self.family[kept], self.as_is[rows])

    def means(self, with_nuisances: float) -> Float[Tensor, " candidates"]:
        """Mean gain of each candidate, the first included.

        Args:
            with_nuisances: As `weights` takes it.
        """
        return torch.cat([torch.zeros(1), self.weights(with_nuisances) @ self.gains])

    def weights(self, with_nuisances: float) -> Float[Tensor, " n"]:
        """Weights of the tasks: those of each family as it is add up to 1, those with nuisances to another number.

        Args:
            with_nuisances: That number.
        """
        group = (2 * self.family + torch.from_numpy(self.as_is).long()).numpy()
        _, index, count = np.unique(group, return_inverse=True, return_counts=True)
        each = torch.from_numpy(1 / count[index]).float()
        weight = torch.where(torch.from_numpy(self.as_is), each, with_nuisances * each)
        return weight / weight.sum()


@dataclass(frozen=True)
class Fit:
    """How a predictor is fitted.

    Args:
        with_nuisances: Weight of the tasks of a family with nuisances in means, where those of it as it is have 1.
        slopes: Slopes to choose from, as gain per unit of noise.
        thresholds: Thresholds to choose from, in units of noise.
        blind: Whether nothing may be seen: one policy for all tasks of a size.
    """

    with_nuisances: float = 0.0
    slopes: tuple[float, ...] = (0.01, 0.02, 0.04, 0.08)
    thresholds: tuple[float, ...] = (0.5, 1.0, 1.5, 2.0, 3.0)
    blind: bool = False


DEFAULT = Fit()


def fit_predictor(tasks: Mapping[int, KnownTasks], how: Fit = DEFAULT) -> GainPredictor:
    """Fit one predictor.

    Means are over families, each with the same weight. Slope and threshold are those whose choices gain most on
    families that were left out of the means; to look at nothing is one of the settings.

    Args:
        tasks: By each of `SHOTS`.
        how: Weights, and settings to choose from.
    """
    predictor = GainPredictor()
    for size, shots in enumerate(SHOTS):
        known = tasks[shots]
        predictor.means[size] = known.means(how.with_nuisances)
        predictor.noise[size] = noise_of(known, predictor.means[size])
        if not how.blind:
            predictor.slopes[size], predictor.thresholds[size] = _choose(known, how)
    return predictor.eval()


def noise_of(tasks: KnownTasks, means: Float[Tensor, " candidates"]) -> Float[Tensor, ""]:
    """Spread of what cross-validation says; 1 where it says nothing, with one shot.

    Args:
        tasks: Known tasks.
        means: Mean gains, of which the largest is the usual choice.
    """
    spread = lead(tasks.seen.scores, int(means.argmax())).std()
    return torch.where(spread > 0, spread, 1.0)


def _choose(known: KnownTasks, how: Fit) -> tuple[float, float]:
    """The slope and the threshold that choose best where families are left out of the means."""
    settings = [(0.0, 0.0), *product(how.slopes, how.thresholds)]
    found = torch.zeros(len(settings))
    every = torch.arange(len(known.gains)).numpy()
    for family in np.unique(known.family.numpy()).tolist():
        inside = (known.family == family).numpy()
        rest, own = known.select(every[~inside]), known.select(every[inside & known.as_is])
        if not len(own.gains) or not len(rest.gains):
            continue
        means = rest.means(how.with_nuisances)
        usual = int(means.argmax())
        ahead = lead(own.seen.scores, usual) / noise_of(rest, means)
        gains = torch.cat([torch.zeros(len(own.gains), 1), own.gains], 1)
        for number, (slope, threshold) in enumerate(settings):
            taken = (means + slope * (ahead - threshold).clamp(min=0)).argmax(1, keepdim=True)
            found[number] += gains.gather(1, taken).mean()
    return settings[int(found.argmax())]
