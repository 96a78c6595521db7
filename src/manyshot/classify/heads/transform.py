"""What happens to frozen features before a head sees them: Tukey's power, centering, length 1."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.base import InputError

TINY = 1e-12


@dataclass(frozen=True)
class Transform:
    """Make frozen features fit for a linear head: power, minus the training mean, length 1, in this order.

    Centering and normalizing is the CL2N of SimpleShot (Wang, Chao, Weinberger and van der Maaten 2019); the power is
    Tukey's ladder, as in Yang, Liu and Xu (2021). Where it differs: the mean is that of the few training examples,
    not of other classes; negative features keep their sign, x -> sign(x) |x|^power.

    Args:
        power: Exponent above 0, such as 0.5 for the square root; None leaves the features as they are.
        center: Whether to subtract the weighted mean of the training rows.
        normalize: Whether to divide each row by its length.

    Raises:
        InputError: If the power is not above 0.

    Example:
        >>> x = torch.tensor([[1.0, 0.0], [9.0, 16.0]])
        >>> fitted = Transform(power=0.5, normalize=False).fit(x, torch.ones(1, 2))
        >>> fitted.mean.tolist(), fitted(x).tolist()
        ([[2.0, 2.0]], [[[-1.0, -2.0], [1.0, 2.0]]])
    """

    power: float | None = None
    center: bool = True
    normalize: bool = True

    def __post_init__(self) -> None:
        if self.power is not None and not 0 < self.power < float("inf"):
            raise InputError(f"power={self.power}: give a number above 0, or none")

    def raise_to_power(self, x: Float[Tensor, "*n d"]) -> Float[Tensor, "*n d"]:
        """The first step alone, which needs no fitting; in float64.

        Args:
            x: Features `[..., d]`.
        """
        x = x.double()
        if self.power is None or self.power == 1:
            return x
        return x.sign() * x.abs() ** self.power

    def fit(self, x: Float[Tensor, "n d"], w: Float[Tensor, "b n"]) -> "FittedTransform":
        """Compute the mean of each split.

        Args:
            x: Features `[n, d]`.
            w: Weights `[B, n]` of the rows in each split, 0 for those that are left out.

        Raises:
            InputError: If a split has no row of positive weight.
        """
        total = w.double().sum(1, keepdim=True)
        if not bool((total > 0).all()):
            raise InputError("a split without training examples; each needs one of positive weight")
        if not self.center:
            return FittedTransform(self, torch.zeros(len(w), x.shape[1], dtype=torch.float64))
        return FittedTransform(self, w.double() @ self.raise_to_power(x) / total)


@dataclass(frozen=True)
class FittedTransform:
    """A transform and the training means of B splits.

    Args:
        transform: Its steps.
        mean: Mean `[B, d]` of the training rows after the power; zeros without centering.
    """

    transform: Transform
    mean: Float[Tensor, "b d"]

    def __call__(self, x: Float[Tensor, "m d"]) -> Float[Tensor, "b m d"]:
        """Transform rows for each split.

        Args:
            x: Features `[m, d]`.

        Returns:
            Float64 `[B, m, d]`.
        """
        rows = self.transform.raise_to_power(x) - self.mean[:, None]
        return rows / rows.norm(dim=-1, keepdim=True).clamp(min=TINY) if self.transform.normalize else rows
