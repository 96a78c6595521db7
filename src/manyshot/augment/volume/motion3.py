"""Motion during a scan: parts of the spectrum were measured while the person lay elsewhere."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.ops.op import Params, check_number, uniform
from manyshot.augment.volume.affine3 import Affine3
from manyshot.augment.volume.along_axis_op import along, circulant
from manyshot.augment.volume.volume_op import VolumeOp, check_axis, draw_axes


@dataclass(frozen=True)
class Motion3(VolumeOp):
    """Let each volume move rigidly during the scan (after Shaw et al. 2019).

    Lines of the spectrum along one axis are measured from one end to the other. At random times the volume jumps to
    another place; every part of the spectrum is that of the volume at its time, and the real part of the transform back
    is shown. The volume lies still while the middle of the spectrum is measured, so masks stay where they are. Since
    only one axis is encoded in time, a part of the spectrum is a matrix along that axis. Any values are allowed.

    Args:
        degrees: Largest rotation about each axis.
        shift: Largest translation along each axis, as a fraction of half the volume.
        times: Number of jumps.
        axis: The axis of phase encoding: z, y or x; any draws one for each volume.

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> volumes = torch.rand(2, 1, 8, 9, 10)
        >>> torch.allclose(Motion3(degrees=0, shift=0)(volumes), volumes, atol=1e-4)
        True
    """

    degrees: float = 5.0
    shift: float = 0.05
    times: int = 2
    axis: str = "any"

    def __post_init__(self) -> None:
        check_axis(self)
        check_number(self, "degrees", high=180)
        check_number(self, "shift", high=2)
        check_number(self, "times", low=1, high=20, whole=True)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `degrees [n, times, 3]`, `shift [n, times, 3]`, `at [n, times]` from 0 to 1, and `axis [n]`."""
        axis = draw_axes(self.axis, n, generator)
        count = n * self.times * 3
        return {
            "degrees": uniform(count, -self.degrees, self.degrees, generator).view(n, self.times, 3),
            "shift": uniform(count, -self.shift, self.shift, generator).view(n, self.times, 3),
            "at": torch.rand(n, self.times, generator=generator).sort(1).values,
            "axis": axis,
        }

    def change(self, images: Float[Tensor, "n c d h w"], params: Params) -> Float[Tensor, "n c d h w"]:
        """Add the parts of the spectrum of the moved volumes; differentiable in volumes, degrees and shift."""
        if not images.numel():
            return images
        at: Tensor = params["at"]
        edges = torch.cat((torch.full_like(at[:, :1], -1.0), at, torch.full_like(at[:, :1], 2.0)), 1)
        result = images
        for number in range(at.shape[1]):
            # The place of a jump in the second half lasts until the next jump, that of an earlier one began before it.
            late = at[:, number] > 0.5
            start = torch.where(late, edges[:, number + 1], edges[:, number])
            stop = torch.where(late, edges[:, number + 2], edges[:, number + 1])
            moved = self._moved(images, params, number) - images
            for axis in range(3):
                here = (params["axis"] == axis).to(images.device)
                if here.is_meta or bool(here.any()):
                    matrices = circulant(_measured(start, stop, images.shape[2 + axis]).to(images))
                    result = result + along(moved, matrices * here[:, None, None], axis)
        return result

    @staticmethod
    def _moved(images: Tensor, params: Params, number: int) -> Tensor:
        n = len(images)
        drawn = {
            "degrees": params["degrees"][:, number],
            "scale": torch.ones(n),
            "shear": torch.zeros(n, 3),
            "shift": params["shift"][:, number],
        }
        return Affine3(padding_mode="border").change(images, drawn)


def _measured(start: Float[Tensor, "n"], stop: Float[Tensor, "n"], side: int) -> Float[Tensor, "n side"]:
    """Return 1 for the lines, in the order of `torch.fft.fft`, that are measured between two times from 0 to 1.

    The constant line is measured at 0.5.
    """
    line = torch.arange(side)
    when = ((line + side // 2) % side - side // 2).to(start) / side + 0.5
    return ((when > start[:, None]) & (when < stop[:, None])).to(start.dtype)
