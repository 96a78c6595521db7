"""The interquartile mean and the probability of improvement, as is usual for comparisons of agents."""

import numpy as np
from numpy.typing import NDArray

DRAWS = 1000
"""Number of bootstrap samples."""


def interquartile_mean(scores: NDArray[np.float64]) -> float:
    """Mean of the middle half of all scores (Agarwal et al. 2021): a quarter at either end is left out.

    Args:
        scores: `[seeds, worlds]` scores.

    Example:
        >>> interquartile_mean(np.array([[0.0, 1.0, 2.0, 9.0]]))
        1.5
    """
    values = np.sort(scores, axis=None)
    cut = len(values) // 4
    return float(values[cut : len(values) - cut].mean())


def interquartile_interval(scores: NDArray[np.float64], seed: int = 0) -> tuple[float, float]:
    """95 % interval of the interquartile mean: percentiles of a bootstrap of the seeds, world by world.

    With few seeds it is too narrow; `paired_difference` is the interval to trust, and this one stands beside it because
    other work prints it. With one seed both ends are the mean itself.

    Args:
        scores: `[seeds, worlds]` scores.
        seed: Seed of the bootstrap.

    Example:
        >>> low, high = interquartile_interval(np.random.default_rng(0).uniform(size=(5, 20)))
        >>> low < 0.5 < high
        True
    """
    seeds, worlds = scores.shape
    rows = np.random.default_rng(seed).integers(seeds, size=(DRAWS, seeds, worlds))
    means = [interquartile_mean(scores[chosen, np.arange(worlds)]) for chosen in rows]
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def probability_of_improvement(arm: NDArray[np.float64], baseline: NDArray[np.float64]) -> float:
    """How often a training of the arm beats one of the baseline in a world, a tie counting as half; mean over worlds.

    Args:
        arm: `[seeds, worlds]` scores.
        baseline: `[seeds, worlds]` scores of the baseline.

    Example:
        >>> probability_of_improvement(np.array([[1.0], [0.0]]), np.array([[0.0], [0.0]]))
        0.75
    """
    one, other = arm[:, None], baseline[None]
    return float(((one > other) + 0.5 * (one == other)).mean())
