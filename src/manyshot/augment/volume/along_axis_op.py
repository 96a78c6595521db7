"""Changes along one axis: a matrix multiplies every line of voxels, as of a volume that is scanned line by line."""

from abc import abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.augment.ops.op import Params
from manyshot.augment.volume.volume_op import VolumeOp


class AlongAxisOp(VolumeOp):
    """Base class of ops that multiply the lines along axes by matrices."""

    @abstractmethod
    def matrices(self, params: Params, side: int, axis: int, like: Tensor) -> Float[Tensor, "n side side"] | None:
        """Return the matrix of each volume for an axis, 0 to 2 in (z, y, x), of `side` voxels; None to leave it."""

    def change(self, images: Float[Tensor, "n c d h w"], params: Params) -> Float[Tensor, "n c d h w"]:
        """Multiply along each axis in turn; differentiable in volumes and continuous params."""
        for axis in range(3):
            matrices = self.matrices(params, images.shape[2 + axis], axis, images)
            if matrices is not None:
                images = along(images, matrices, axis)
        return images


def along(
    volumes: Float[Tensor, "n c d h w"], matrices: Float[Tensor, "n side side"], axis: int
) -> Float[Tensor, "n c d h w"]:
    """Multiply every line of voxels along an axis, 0 to 2 in (z, y, x), by the matrix of its volume.

    Example:
        >>> volumes = torch.arange(4.0).view(1, 1, 1, 1, 4)
        >>> along(volumes, torch.eye(4)[None].flip(1), 2).flatten().tolist()
        [3.0, 2.0, 1.0, 0.0]
    """
    if not volumes.numel():
        return volumes
    if axis == 2:
        return torch.matmul(volumes.flatten(1, 3), matrices.mT).view(volumes.shape)
    if axis == 1:
        return matrices[:, None, None] @ volumes
    return torch.matmul(matrices[:, None], volumes.flatten(3)).view(volumes.shape)


def circulant(gains: Float[Tensor, "n side"]) -> Float[Tensor, "n side side"]:
    """Return the matrices that multiply the Fourier transform of a line by gains, and take the real part.

    Args:
        gains: Gains of the frequencies, in the order of `torch.fft.fft`.

    Example:
        >>> circulant(torch.ones(1, 3)).round(decimals=4).abs().tolist()
        [[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]]
    """
    side = gains.shape[1]
    turn = torch.arange(side, device=gains.device)
    angle = (turn[:, None] * turn).remainder(side).double() * (2 * torch.pi / side)
    first = gains @ angle.cos().to(gains) / side
    return first[:, (turn[:, None] - turn).remainder(side)]


def frequencies(side: int, like: Tensor) -> Float[Tensor, "side"]:
    """Return how often each Fourier component of a line goes around, without sign: 0, 1, 2, ..., 2, 1."""
    index = torch.arange(side, device=like.device)
    return torch.minimum(index, side - index).to(like)


def chosen_axes(axis: Tensor, number: int, matrices: Float[Tensor, "n side side"]) -> Float[Tensor, "n side side"]:
    """Return the matrices of the volumes whose drawn axis is `number`, and identities for the others."""
    same = torch.eye(matrices.shape[-1], dtype=matrices.dtype, device=matrices.device)
    return torch.where((axis.to(matrices.device) == number)[:, None, None], matrices, same)
