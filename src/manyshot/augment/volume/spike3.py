"""Spikes: stripes across a volume, from one corrupted sample of the spectrum of a scan."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.image_op import per_item
from manyshot.augment.ops.op import Params, check_number, uniform
from manyshot.augment.volume.volume_op import VolumeOp


@dataclass(frozen=True)
class Spike3(VolumeOp):
    """Add a plane wave to each volume: what one spike in the spectrum leaves.

    The result is `x + intensity s cos(2 pi (f . p) + phase)` with s the mean absolute value of the volume, p the place
    from 0 to 1 and f whole numbers of waves along each axis. Any values are allowed.

    Args:
        strength: Largest intensity, as a multiple of the mean absolute value; each volume draws its own.
        waves: Largest number of waves along an axis; each volume and axis draws its own, in either direction.

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> nothing = torch.zeros(2, 1, 8, 9, 10)
        >>> bool(Spike3()(nothing).any())
        False
    """

    strength: float = 0.5
    waves: int = 24

    def __post_init__(self) -> None:
        check_number(self, "strength", high=10)
        check_number(self, "waves", low=1, high=1000, whole=True)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `intensity [n]`, `waves [n, 3]` along (z, y, x), and `phase [n]` in turns."""
        waves = torch.randint(1, self.waves + 1, (n, 3), generator=generator)
        signs = torch.randint(2, (n, 3), generator=generator) * 2 - 1
        return {
            "intensity": uniform(n, 0.0, self.strength, generator),
            "waves": waves * signs,
            "phase": uniform(n, 0.0, 1.0, generator),
        }

    def change(self, images: Float[Tensor, "n c d h w"], params: Params) -> Float[Tensor, "n c d h w"]:
        """Add the wave; differentiable in volumes, intensity and phase."""
        waves, phase = params["waves"].to(images), params["phase"].to(images)
        angles = [
            2 * torch.pi * waves[:, axis, None] * ((torch.arange(side).to(images) + 0.5) / side)
            for axis, side in enumerate(images.shape[2:])
        ]
        z, y, x = angles
        plane = (z[:, :, None] + y[:, None] + 2 * torch.pi * phase[:, None, None])[..., None]
        # cos(a + b) = cos a cos b - sin a sin b, so that only lines and planes need a cosine.
        across = x[:, None, None]
        wave = plane.cos() * across.cos() - plane.sin() * across.sin()
        size = images.abs().flatten(1).mean(1) if images.numel() else images.new_zeros(len(images))
        changed: Tensor = images + per_item(params["intensity"].to(images) * size, images) * wave[:, None]
        return changed
