"""Bandits that choose among plans while an agent learns: as published, and corrected."""

from abc import abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn

from manyshot.base.check_numbers import check_range
from manyshot.base.registry import Registry


class Bandit(nn.Module):
    """Chooses one of k arms again and again; its buffers are part of the checkpoint.

    Args:
        arms: Number of arms.
    """

    pulls: Tensor

    def __init__(self, arms: int) -> None:
        super().__init__()
        self.register_buffer("pulls", torch.zeros(arms, dtype=torch.float64))

    @abstractmethod
    def choose(self) -> int:
        """The arm to pull."""

    @abstractmethod
    def update(self, arm: int, score: float) -> None:
        """Record the score of a pull."""


class PublishedUCB(Bandit):
    """UCB-DrAC as its authors' code has it (Raileanu et al. 2021), `ucb`.

        argmax_k Q_k + exploration sqrt(log t / N_k)

    Q_k is the mean of the last `window` scores of arm k and begins at 0, N_k begins at 1, and the score of an update is
    the mean return of its rollout, on the training worlds and with bootstrapped values. So no arm is tried first, ties
    go to the first one, and where returns grow while the agent learns, the arm that was pulled last looks best.

    Args:
        arms: Number of arms.
        exploration: Factor of the bonus.
        window: Number of scores of an arm that count.

    Raises:
        InputError: If an option is out of range.

    Example:
        >>> bandit = PublishedUCB(arms=3)
        >>> for _ in range(100):
        ...     arm = bandit.choose()
        ...     bandit.update(arm, 1.2 if arm == 2 else 1.0)
        >>> bandit.pulls.tolist()
        [100.0, 0.0, 0.0]
    """

    validates = False

    def __init__(self, arms: int, exploration: float = 0.1, window: int = 10) -> None:
        super().__init__(arms)
        check_range(0, 1e6, exploration=exploration)
        check_range(1, 10_000, whole=True, window=window)
        self.exploration, self.window = exploration, window
        self.register_buffer("recent", torch.zeros(arms, window, dtype=torch.float64))
        self.recent: Tensor

    def choose(self) -> int:
        """The arm with the largest upper bound; the first of equal ones."""
        kept = self.pulls.clamp(max=self.window)
        quality = self.recent.sum(1) / kept.clamp(min=1)
        bonus = (torch.log(1 + self.pulls.sum()) / (1 + self.pulls)).sqrt()
        return int((quality + self.exploration * bonus).argmax())

    def update(self, arm: int, score: float) -> None:
        """Keep a score of an arm, and forget its oldest one beyond the window."""
        self.recent[arm, int(self.pulls[arm]) % self.window] = score
        self.pulls[arm] += 1


class DiscountedUCB(Bandit):
    """Discounted UCB (Garivier and Moulines 2011) on standardized scores, each arm first, `bandit`.

        argmax_k (mean_k - mean) / deviation + exploration sqrt(log N / N_k)

    Means, the deviation and numbers of pulls are discounted at every pull, since what helps changes while
    the agent learns; the score is the change of the return on validation worlds from pull to pull, which does not grow
    with the level that was reached.

    Args:
        arms: Number of arms.
        exploration: Factor of the bonus.
        discount: Discount factor of earlier pulls, applied at every pull.

    Raises:
        InputError: If an option is out of range.

    Example:
        >>> bandit = DiscountedUCB(arms=3)
        >>> for score in (1.0, 1.0, 1.2):
        ...     bandit.update(bandit.choose(), score)
        >>> bandit.pulls.tolist(), bandit.choose()
        ([1.0, 1.0, 1.0], 2)
    """

    validates = True

    def __init__(self, arms: int, exploration: float = 1.0, discount: float = 0.95) -> None:
        super().__init__(arms)
        check_range(0, 1e6, exploration=exploration)
        check_range(0, 1, discount=discount)
        self.exploration, self.discount = exploration, discount
        self.register_buffer("sums", torch.zeros(3, arms, dtype=torch.float64))
        self.sums: Tensor

    def choose(self) -> int:
        """An arm that was never pulled, or the one with the largest upper bound."""
        if bool((self.pulls == 0).any()):
            return int((self.pulls == 0).nonzero()[0])
        return int(self.bounds().argmax())

    def bounds(self) -> Float[Tensor, "arms"]:
        """The upper bound of each arm, all of which have been pulled."""
        count, total, square = self.sums
        # Arms weigh the same, however often they were pulled: else the deviation shrinks while one arm is pulled, the
        # others seem ever worse, and none of them is tried again.
        means = total / count
        mean = means.mean()
        deviation = ((square / count).mean() - mean**2).clamp(min=0).sqrt()
        standard: Tensor = (means - mean) / deviation.clamp(min=1e-12)
        bonus: Tensor = (torch.log(count.sum().clamp(min=1)) / count).sqrt()
        return standard + self.exploration * bonus

    def update(self, arm: int, score: float) -> None:
        """Discount all that came before, and add a score of an arm."""
        self.sums *= self.discount
        self.sums[:, arm] += torch.tensor([1.0, score, score**2], dtype=torch.float64)
        self.pulls[arm] += 1


BANDITS: Registry[Bandit] = Registry(
    "choice", {"ucb": PublishedUCB, "bandit": DiscountedUCB}, base=Bandit, context=("arms",)
)
"""Bandits by name."""
