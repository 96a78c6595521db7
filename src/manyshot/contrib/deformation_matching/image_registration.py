"""Deform the points of one drawing onto another's: robust point matching (Chui and Rangarajan 2003)."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from manyshot.contrib.deformation_matching.registration_kernels import bent_onto as compiled

WIDTHS = np.geomspace(0.7, 0.15, 15).astype(np.float32)
"""sigma of each iteration, in standard deviations of the drawing, from coarse to fine."""
CENTERS = np.stack(np.meshgrid(*[np.linspace(-2, 2, 5)] * 2), -1).reshape(-1, 2).astype(np.float32)
"""Grid points g_k over the drawing."""

Points = Float[np.ndarray, "6 _"]
"""Points returned by `stroke_points`; their number differs between drawings."""


class Bend(NamedTuple):
    """Cost and residuals of deforming one drawing onto another.

    Args:
        over: Distance of the source's ink from the target's: sum_i w_i r(min_j e_ij), r(e) = e / (1 + e/6), at sigma
            0.24.
        lacking: Distance of the target's ink from the source's: sum_j v_j r(min_i e_ij).
        strain: Affine part of the deformation: |A - I|^2.
        bumps: Nonlinear part of the deformation: sum_k |c_k|^2.
    """

    over: float
    lacking: float
    strain: float
    bumps: float


def bent_onto(source: Points, target: Points) -> Bend:
    """Deform the source onto the target.

    T(p) = A p + t + sum_k c_k exp(-|p - g_k|^2 / 2) is fitted by alternating soft assignment and least squares, while
    sigma falls from 0.7 to 0.15:

    e_ij = |T(p_i) - q_j|^2 / (2 sigma^2) + kappa (1 - s_i s_j cos 2(theta_i - theta_j)),
    a_ij = w_i v_j exp(-e_ij) (1 / sum_j v_j exp(-e_ij) + 1 / sum_i w_i exp(-e_ij)),
    min over T of sum_ij a_ij |T(p_i) - q_j|^2 + sigma^2 (a_A |A - I|^2 + a_t |t|^2 + a_c |c|^2)

    Differences from the paper: points have directions theta with certainty s and weights w and v; assignments are
    normalized over rows and over columns separately and added; the deformation is a sum of bumps on a grid.

    Args:
        source: Points p from `stroke_points`.
        target: Points q from `stroke_points`.

    Example:
        >>> import torch
        >>> from manyshot.contrib.deformation_matching.strokes import stroke_points
        >>> bar, cross = torch.zeros(2, 1, 96, 96)
        >>> bar[:, 46:50, 20:76] = cross[:, 46:50, 20:76] = cross[:, 20:76, 46:50] = 1
        >>> bar, cross = stroke_points(bar), stroke_points(cross)
        >>> bent_onto(bar, bar).lacking < 0.2 < 0.5 < bent_onto(bar, cross).lacking
        True
    """
    return Bend(*map(float, compiled(source, target, CENTERS, WIDTHS)))
