"""Are made items copies of those that the generator was trained on?"""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from manyshot.base import InputError
from manyshot.sample_metrics.neighbours import as_sets, nearest

ENOUGH = 2000
"""Training items that are looked at for what counts as near."""
NEAR = 0.05
"""Share of the training items that lie nearer to another one than what counts as a copy."""
ROUNDING = 1e-5
"""Of the items' root mean squared length: two items that are no farther apart are twins."""


@dataclass(frozen=True, eq=False)
class CopyCheck:
    """Each made item beside its nearest training item.

    Args:
        nearest: `[m]` the place of the training item.
        distance: `[m]` how far it is.
        limit: up to it an item counts as a copy.
    """

    nearest: Int[Tensor, " m"]
    distance: Float[Tensor, " m"]
    limit: float

    @property
    def share(self) -> float:
        """Of the made items, how many count as copies; about 0.05 is expected of fresh real ones."""
        return float((self.distance <= self.limit).double().mean())


def copy_check(training: Float[Tensor, "n d"], made: Float[Tensor, "m d"]) -> CopyCheck:
    """Compare made items with what the generator has seen.

    What counts as a copy is as near to a training item as the nearest 1 in 20 training items are to another one, where
    items that have a twin among them, the same but for rounding, are left out. Look at the pairs, too: nearness is as
    good as the features are.

    Args:
        training: features of all items that the generator was trained on, at least 2.
        made: features of made ones.

    Raises:
        InputError: if there are fewer.

    Example:
        >>> import torch
        >>> x = torch.randn(100, 2, generator=torch.Generator().manual_seed(0))
        >>> copy_check(x, x[:10]).share, copy_check(x, x[:10] + 50).share
        (1.0, 0.0)
    """
    training, made = as_sets(training, made)
    if len(training) < 2:
        raise InputError("1 training item: what counts as near to it cannot be said; give more")
    some = training[:: max(1, len(training) // ENOUGH)]
    # The nearest of all is the item itself.
    between = nearest(some, training, 2)[0][:, 1]
    twins = ROUNDING * float(training.square().sum(1).mean().sqrt())
    parted = between[between > twins]
    limit = float(parted.quantile(NEAR)) if len(parted) else twins
    distance, place = nearest(made, training, 1)
    return CopyCheck(place[:, 0], distance[:, 0], limit)
