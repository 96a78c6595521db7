"""Gibbs ringing of volumes: edges echo where a scan measured too few lines of the spectrum."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.ops.op import Params, check_number, uniform
from manyshot.augment.volume.along_axis_op import AlongAxisOp, circulant, frequencies


@dataclass(frozen=True)
class Gibbs3(AlongAxisOp):
    """Cut off the high frequencies of each volume along all axes, as a scan with fewer lines that is filled with zeros.

    Unlike a blur it leaves ripples beside edges (Gibbs 1899). Any values are allowed; ripples leave the range of the
    input by up to 9 % of a jump along each axis.

    Args:
        strength: Largest share of the frequencies of each axis that is cut off; each volume draws its own.
        in_plane: Whether only the axes within slices are cut.

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> import torch
        >>> Gibbs3()(torch.rand(2, 1, 8, 9, 10)).shape
        torch.Size([2, 1, 8, 9, 10])
    """

    strength: float = 0.6
    in_plane: bool = False

    def __post_init__(self) -> None:
        check_number(self, "strength", high=1)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `share [n]`, of the frequencies that are cut off."""
        return {"share": uniform(n, 0.0, self.strength, generator)}

    def matrices(self, params: Params, side: int, axis: int, like: Tensor) -> Float[Tensor, "n side side"] | None:
        """Return the matrices that keep the lowest frequencies."""
        if axis == 0 and self.in_plane:
            return None
        kept = (1 - params["share"].to(like)[:, None]) * (side / 2)
        return circulant((frequencies(side, like) <= kept).to(like))
