"""Smooth displacement fields that cannot fold: cubic B-splines with bounded coefficients (Choi and Lee 2000)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.geometric.cubic_spline import cubic_weights
from manyshot.augment.image.geometric.warp import Points, Size, Warp, pixels
