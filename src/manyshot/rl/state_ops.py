"""Ops on vectors of measurements, such as positions and speeds, which agents see instead of images."""

from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.corruption.noise import gaussian
from manyshot.augment.ops.op import Op, Params, check_number, seeds, uniform
from manyshot.base import InputError
from manyshot.base.registry import Registry


class StateOp(Op):
    """Base class of ops on vectors `[n, d]` of floats."""

    def check(self, items: Any) -> None:  # noqa: ANN401 - whatever a caller has
        """Check that items are a batch of vectors.

        Raises:
            InputError: If they are not.
        """
        if not isinstance(items, Tensor) or items.ndim != 2 or not items.is_floating_point():
            shape = list(getattr(items, "shape", ()))
            raise InputError(f"{type(self).__name__}: observations of shape {shape}: give float vectors [n, d]")


@dataclass(frozen=True)
class Amplitude(StateOp):
    """Multiply all numbers of a vector by one random factor.

    Random amplitude scaling (Laskin et al. 2020, RAD), there from 0.6 to 1.2; here equally far up and down.

    Args:
        amount: Factors are drawn from 1 - amount to 1 + amount.

    Raises:
        InputError: If amount is outside 0 to 1.

    Example:
        >>> import torch
        >>> Amplitude().apply(torch.tensor([[1.0, -2.0]]), {"factor": torch.tensor([1.5])})
        tensor([[ 1.5000, -3.0000]])
    """

    amount: float = 0.2

    def __post_init__(self) -> None:
        check_number(self, "amount", high=1)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `factor [n]`."""
        return {"factor": uniform(n, 1 - self.amount, 1 + self.amount, generator)}

    def apply(self, items: Float[Tensor, "n d"], params: Params) -> Float[Tensor, "n d"]:
        """Multiply; differentiable in both."""
        self.check(items)
        factor: Tensor = params["factor"].to(items)[:, None]
        return items * factor


@dataclass(frozen=True)
class SensorNoise(StateOp):
    """Add one random offset to each number of a vector.

    Args:
        amount: Standard deviation of the offsets, in the units of the observation.

    Raises:
        InputError: If amount is negative.
    """

    amount: float = 0.05

    def __post_init__(self) -> None:
        check_number(self, "amount", high=1e6)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `seed [n]`, from which the offsets are computed: how many there are is not known here."""
        return {"seed": seeds(n, generator)}

    def apply(self, items: Float[Tensor, "n d"], params: Params) -> Float[Tensor, "n d"]:
        """Add the offsets; differentiable in the items."""
        self.check(items)
        return items + self.amount * gaussian(params["seed"], items.shape[1]).to(items)


STATE_OPS: Registry[StateOp] = Registry(
    "op on vectors", {"amplitude": Amplitude, "noise": SensorNoise}, base=StateOp, group="manyshot.state_ops"
)
"""What a `rollout:` or `view:` clause can name in worlds whose observations are vectors."""
