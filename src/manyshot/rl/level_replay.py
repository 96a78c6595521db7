"""Prioritized level replay: worlds with more to learn are played more often."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor, nn

from manyshot.base import InputError, did_you_mean
from manyshot.base.check_numbers import check_range
from manyshot.base.registry import Registry

SCORES = ("absolute", "positive")


class Uniform(nn.Module):
    """Every level has the same chance.

    Args:
        levels: Number of levels.

    Example:
        >>> Uniform(1).choose(2, torch.Generator())
        (tensor([0, 0]), tensor([True, True]))
    """

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.levels = levels

    def choose(self, count: int, draws: Generator) -> tuple[Int[Tensor, "n"], Bool[Tensor, "n"]]:
        """Levels of trials that begin, and whether the agent learns from each."""
        return torch.randint(self.levels, (count,), generator=draws), torch.ones(count, dtype=torch.bool)

    def after(self, levels: Int[Tensor, "t n"], advantages: Float[Tensor, "t n"]) -> dict[str, float]:
        """Learn from the levels that were played and the advantages there; returns what is logged."""
        return {}


class LevelReplay(Uniform):
    """Prioritized level replay (Jiang, Grefenstette and Rocktaeschel 2021), `plr`.

    While levels remain that were never played, a trial takes one of these with probability 1 - `replay`; otherwise it
    replays level i with probability

        (1 - staleness) rank_i^(-1 / temperature) / sum + staleness (clock - last_i) / sum

    where rank_i is 1 for the largest score, and last_i is the trial in which the level was chosen last. The score of a
    level is the mean of |A| over its steps of the last rollout that had any, or with `score=positive` of max(A, 0), as
    in DCD (Jiang et al. 2021); A are the generalized advantages. Differs from the authors' code, whose temporal-
    difference score has the wrong sign.

    Args:
        levels: Number of levels.
        replay: Probability of a replay while there are new levels.
        temperature: Smaller prefers the first ranks more.
        staleness: Share of what was not played for long.
        score: "absolute" or "positive" advantages.
        robust: Learn from replayed trials alone (robust PLR).

    Raises:
        InputError: If an option is out of range.
    """

    def __init__(
        self,
        levels: int,
        replay: float = 0.5,
        temperature: float = 0.1,
        staleness: float = 0.1,
        score: str = "absolute",
        robust: bool = False,
    ) -> None:
        super().__init__(levels)
        check_range(1e-3, 1e3, temperature=temperature)
        check_range(0, 1, replay=replay, staleness=staleness)
        if score not in SCORES:
            raise InputError(f"score='{score}': {did_you_mean(score, SCORES)}")
        self.replay, self.temperature, self.staleness = replay, temperature, staleness
        self.score, self.robust = score, robust
        self.register_buffer("scores", torch.zeros(levels, dtype=torch.float64))
        self.register_buffer("seen", torch.zeros(levels, dtype=torch.bool))
        self.register_buffer("last", torch.zeros(levels, dtype=torch.int64))
        self.register_buffer("clock", torch.zeros((), dtype=torch.int64))
        self.scores: Tensor
        self.seen: Tensor
        self.last: Tensor
        self.clock: Tensor

    def probabilities(self) -> Float[Tensor, "levels"]:
        """The probability that each level is replayed; 0 for levels that were not played yet."""
        scores = self.scores.masked_fill(~self.seen, -torch.inf)
        rank = torch.empty_like(self.scores)
        rank[scores.argsort(descending=True, stable=True)] = torch.arange(1.0, len(scores) + 1, dtype=torch.float64)
        by_score = (rank.pow(-1 / self.temperature) * self.seen).double()
        stale = ((self.clock - self.last) * self.seen).double()
        stale = stale if stale.sum() > 0 else self.seen.double()
        return (1 - self.staleness) * by_score / by_score.sum() + self.staleness * stale / stale.sum()

    def choose(self, count: int, draws: Generator) -> tuple[Int[Tensor, "n"], Bool[Tensor, "n"]]:
        """Levels of trials that begin, and whether the agent learns from each."""
        levels, learns = [], []
        for _ in range(count):
            new = bool(torch.rand((), generator=draws) >= self.replay) or not bool(self.seen.any())
            replays = bool(self.seen.all()) or not new
            weights = self.probabilities() if replays else (~self.seen).double()
            level = int(torch.multinomial(weights, 1, generator=draws))
            self.last[level] = self.clock
            self.clock += 1
            levels.append(level)
            learns.append(replays or not self.robust)
        return torch.tensor(levels), torch.tensor(learns)

    def after(self, levels: Int[Tensor, "t n"], advantages: Float[Tensor, "t n"]) -> dict[str, float]:
        """Take the scores of the levels that were played; returns what is logged."""
        gain = advantages.abs() if self.score == "absolute" else advantages.clamp(min=0)
        where = levels.flatten()
        steps = torch.bincount(where, minlength=self.levels)
        sums = torch.zeros(self.levels, dtype=torch.float64).index_add_(0, where, gain.flatten().double())
        played = steps > 0
        self.scores[played] = sums[played] / steps[played]
        self.seen |= played
        likely = self.probabilities()
        effective = torch.exp(-(likely * likely.clamp(min=1e-300).log()).sum())
        return {"levels_seen": float(self.seen.sum()), "levels_effective": float(effective)}


def _robust(levels: int, replay: float = 0.5, temperature: float = 0.1, staleness: float = 0.1) -> LevelReplay:
    """Robust PLR (Jiang et al. 2021): `plr` by positive advantages, which learns from replayed trials alone."""
    return LevelReplay(levels, replay, temperature, staleness, "positive", robust=True)


LEVELS: Registry[Uniform] = Registry(
    "choice of levels", {"uniform": Uniform, "plr": LevelReplay, "robust-plr": _robust}, context=("levels",)
)
"""Choices of levels by name."""
