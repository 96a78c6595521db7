"""Ghosts in volumes: faint shifted copies, as breathing and pulsation leave them in a scan."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.ops.op import Params, check_choice, check_number, uniform
from manyshot.augment.volume.line_op import LineOp, chosen_axes, circulant, frequencies
from manyshot.augment.volume.volume_op import AXES


@dataclass(frozen=True)
class Ghosting3(LineOp):
    """Overlay faint copies of each volume, evenly spaced along one axis.

    Periodic motion weakens every k-th line of the spectrum: those lines, except the constant one, are multiplied by
    `1 - intensity`, which leaves k copies, each shifted by 1/k of the volume. Any values are allowed; results can leave
    the range of the input a little.

    Args:
        strength: Largest intensity, from 0 to 1; each volume draws its own from 0 up to it.
        ghosts: Largest number of copies; each volume draws its own from 2 up to it.
        axis: The axis of phase encoding: z, y or x; any draws one for each volume.

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> Ghosting3()(torch.rand(2, 1, 8, 9, 10)).shape
        torch.Size([2, 1, 8, 9, 10])
    """

    strength: float = 0.5
    ghosts: int = 6
    axis: str = "any"

    def __post_init__(self) -> None:
        check_number(self, "strength", high=1)
        check_number(self, "ghosts", low=2, high=100, whole=True)
        check_choice(self, "axis", (*AXES, "any"))

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `intensity [n]`, `ghosts [n]` and `axis [n]`, 0 to 2 for z, y and x."""
        axis = torch.randint(3, (n,), generator=generator)
        return {
            "intensity": uniform(n, 0.0, self.strength, generator),
            "ghosts": torch.randint(2, self.ghosts + 1, (n,), generator=generator),
            "axis": axis if self.axis == "any" else torch.full((n,), AXES.index(self.axis)),
        }

    def matrices(self, params: Params, side: int, axis: int, like: Tensor) -> Float[Tensor, "n side side"] | None:
        """Return the matrices that weaken lines of the spectrum."""
        if not params["axis"].is_meta and not bool((params["axis"] == axis).any()):
            return None
        line = frequencies(side, like)
        weak = (line % params["ghosts"].to(like)[:, None] == 0) & (line > 0)
        gains = 1 - params["intensity"].to(like)[:, None] * weak.to(like)
        return chosen_axes(params["axis"], axis, circulant(gains))
