"""Ghosts in volumes: faint shifted copies, as breathing and pulsation leave them in a scan."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.corruption.mri import Ghosts, ghost_gains
from manyshot.augment.ops.op import Params
from manyshot.augment.volume.along_axis_op import AlongAxisOp, chosen_axes, circulant, frequencies
from manyshot.augment.volume.volume_op import check_axis, draw_axes


@dataclass(frozen=True)
class Ghosting3(Ghosts, AlongAxisOp):
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
        >>> from torch import rand
        >>> Ghosting3()(rand(2, 1, 8, 9, 10)).shape
        torch.Size([2, 1, 8, 9, 10])
    """

    axis: str = "any"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_axis(self)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `intensity [n]`, `ghosts [n]` and `axis [n]`, 0 to 2 for z, y and x."""
        axis = draw_axes(self.axis, n, generator)
        return {**super().sample(n, generator), "axis": axis}

    def matrices(self, params: Params, side: int, axis: int, like: Tensor) -> Float[Tensor, "n side side"] | None:
        """Return the matrices that weaken lines of the spectrum."""
        if not params["axis"].is_meta and not bool((params["axis"] == axis).any()):
            return None
        gains = ghost_gains(params, frequencies(side, like), like)
        return chosen_axes(params["axis"], axis, circulant(gains))
