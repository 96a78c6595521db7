"""CIELAB: lightness and two axes of color, in which equal distances look about equally large (CIE 1976)."""

import torch
from jaxtyping import Float
from torch import Tensor

TO_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
"""From linear sRGB to XYZ (IEC 61966-2-1)."""
WHITE = (0.95047, 1.0, 1.08883)
"""XYZ of white under daylight, D65."""
KNEE = 6 / 29
"""Below the cube of this, the cube root is replaced by its tangent."""


def to_lab(images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """Convert sRGB, 0 to 1, to L from 0 to 100 and a, b from about -100 to 100; differentiable.

    Example:
        >>> to_lab(torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)).flatten().round()
        tensor([53., 80., 67.])
    """
    dark = images <= 0.04045
    linear = torch.where(dark, images / 12.92, ((images.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4)
    matrix = linear.new_tensor(TO_XYZ) / linear.new_tensor(WHITE)[:, None]
    xyz = torch.einsum("ij,njhw->nihw", matrix, linear)
    root = torch.where(xyz > KNEE**3, xyz.clamp(min=KNEE**3) ** (1 / 3), xyz / (3 * KNEE**2) + 4 / 29)
    x, y, z = root.unbind(1)
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), 1)


def from_lab(lab: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """Convert back to sRGB; colors that it cannot show are clipped to 0 to 1.

    Example:
        >>> images = torch.rand(1, 3, 4, 4)
        >>> torch.allclose(from_lab(to_lab(images)), images, atol=1e-4)
        True
    """
    lightness, a, b = lab.unbind(1)
    y = (lightness + 16) / 116
    root = torch.stack((y + a / 500, y, y - b / 200), 1)
    xyz = torch.where(root > KNEE, root**3, 3 * KNEE**2 * (root - 4 / 29))
    matrix = lab.new_tensor(TO_XYZ, dtype=torch.float64) / lab.new_tensor(WHITE, dtype=torch.float64)[:, None]
    linear = torch.einsum("ij,njhw->nihw", matrix.inverse().to(lab), xyz)
    bright = 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(linear <= 0.0031308, 12.92 * linear, bright).clamp(0, 1)
