"""One drawing's points bent onto another's: robust point matching with soft assignment (Chui and Rangarajan 2003)."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from manyshot.contrib.deformation_matching.registration_kernels import bent_onto as compiled

WIDTHS = np.geomspace(0.7, 0.15, 15).astype(np.float32)
"""sigma of each round, in standard deviations of the drawing: from coarse to fine."""
CENTRES = np.stack(np.meshgrid(*[np.linspace(-2, 2, 5)] * 2), -1).reshape(-1, 2).astype(np.float32)
"""g_k, a grid over the drawing."""

Points = Float[np.ndarray, "6 _"]
"""What `stroke_points` makes; drawings differ in how many they have."""


class Bend(NamedTuple):
    """How one drawing was bent onto another, and what is left over.

    Args:
        over: sum_i w_i r(min_j e_ij), how far the source's ink lies from the target's; r(e) = e / (1 + e/6), at sigma
            0.24.
        lacking: sum_j v_j r(min_i e_ij), how far the target's ink lies from the source's.
        strain: |A - I|^2, how much the source was squeezed, slanted or turned.
        bumps: sum_k |c_k|^2, how much it was bent besides.
    """

    over: float
    lacking: float
    strain: float
    bumps: float


def bent_onto(source: Points, target: Points) -> Bend:
    """How the source, bent as well as can be, covers the target.

    T(p) = A p + t + sum_k c_k exp(-|p - g_k|^2 / 2) is found by rounds of assigning and fitting, sigma falling from
    0.7 to 0.15:

    e_ij = |T(p_i) - q_j|^2 / (2 sigma^2) + kappa (1 - s_i s_j cos 2(theta_i - theta_j)),
    a_ij = w_i v_j exp(-e_ij) (1 / sum_j v_j exp(-e_ij) + 1 / sum_i w_i exp(-e_ij)),
    min over T of sum_ij a_ij |T(p_i) - q_j|^2 + sigma^2 (a_A |A - I|^2 + a_t |t|^2 + a_c |c|^2)

    Where it differs from the paper: points have directions theta (s says how sure they are) and shares w and v,
    assignment is normalised over rows and columns apart and the two are added, and bending is a sum of bumps on a grid.

    Args:
        source: points p as `stroke_points` makes them.
        target: points q.

    Example:
        >>> import torch
        >>> from manyshot.contrib.deformation_matching.strokes import stroke_points
        >>> bar, cross = torch.zeros(2, 1, 96, 96)
        >>> bar[:, 46:50, 20:76] = cross[:, 46:50, 20:76] = cross[:, 20:76, 46:50] = 1
        >>> bar, cross = stroke_points(bar), stroke_points(cross)
        >>> bent_onto(bar, bar).lacking < 0.2 < 0.5 < bent_onto(bar, cross).lacking
        True
    """
    return Bend(*map(float, compiled(source, target, CENTRES, WIDTHS)))
