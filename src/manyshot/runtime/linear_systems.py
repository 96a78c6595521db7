"""Batches of linear systems, solved where PyTorch's own batching can wait forever."""

import numpy as np
import torch
from torch import Tensor

LARGE = 64
"""Unknowns from which a batch is solved one system at a time."""


def solve_systems(systems: Tensor, right: Tensor) -> Tensor:
    """`torch.linalg.solve`, with large systems of a batch one after the other on the CPU.

    After `torch.set_num_threads(n)` with n > 1, a batch of systems of more than about 128 unknowns never returns from
    `torch.linalg.solve` on the CPU: each thread of PyTorch calls MKL's LU factorization, which waits for a team of
    threads of its own, and may report a wrong parameter on the way. One system at a time has no outer threads.

    Args:
        systems: `[..., k, k]` matrices.
        right: `[..., k, m]` right sides; leading axes are broadcast.

    Example:
        >>> solve_systems(2 * torch.eye(3).expand(4, 3, 3), torch.ones(4, 3, 1))[0, :, 0]
        tensor([0.5000, 0.5000, 0.5000])
    """
    if systems.ndim == 2 or systems.shape[-1] < LARGE or systems.device.type != "cpu":
        together: Tensor = torch.linalg.solve(systems, right)
        return together
    batch = np.broadcast_shapes(systems.shape[:-2], right.shape[:-2])
    pairs = zip(
        systems.expand(*batch, *systems.shape[-2:]).flatten(0, -3),
        right.expand(*batch, *right.shape[-2:]).flatten(0, -3),
        strict=True,
    )
    solved = [torch.linalg.solve(system, side) for system, side in pairs]
    shape = (*batch, *right.shape[-2:])
    return torch.stack(solved).reshape(shape) if solved else right.new_zeros(shape)
