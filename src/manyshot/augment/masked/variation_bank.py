"""How scans of one kind differ from a reference scan: shapes and looks, each as a mean and principal components."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.augment.image.geometric.cubic_spline import cubic_field
from manyshot.base import InputError
from manyshot.base.tensor_file import read_tensors, write_tensors

FORMAT = "manyshot variation bank 1"
KEPT = 1e-6
"""Components with less than this fraction of the largest standard deviation are left out."""


@dataclass(frozen=True, eq=False)
class Components:
    """Vectors as a mean and principal components.

    Args:
        mean: `[d]`.
        basis: Orthonormal directions `[k, d]`, the one of most variance first.
        scores: Coordinates `[m, k]` of each vector; they have the mean 0.
    """

    mean: Float[Tensor, "d"]
    basis: Float[Tensor, "k d"]
    scores: Float[Tensor, "m k"]

    @classmethod
    def of(cls, vectors: Float[Tensor, "m d"]) -> "Components":
        """Principal components of m vectors, which they span without loss.

        Example:
            >>> parts = Components.of(torch.tensor([[0.0, 0.0], [2.0, 0.0], [4.0, 0.0]]))
            >>> parts.mean.tolist(), parts.deviation.tolist()
            ([2.0, 0.0], [2.0])
        """
        mean = vectors.mean(0)
        left, values, right = torch.linalg.svd(vectors - mean, full_matrices=False)
        kept = values > KEPT * values.max().clamp(min=1e-12)
        return cls(mean, right[kept], left[:, kept] * values[kept])

    @property
    def deviation(self) -> Float[Tensor, "k"]:
        """Standard deviation of the coordinates along each direction."""
        return self.scores.square().sum(0).div(max(len(self.scores) - 1, 1)).sqrt()

    def vectors(self, scores: Float[Tensor, "n k"]) -> Float[Tensor, "n d"]:
        """The vectors with these coordinates."""
        return self.mean + scores @ self.basis


@dataclass(frozen=True, eq=False)
class VariationBank:
    """Shapes and looks of m scans, as changes of one reference scan.

    Args:
        shapes: Coefficients of the displacement field of each scan: those of every level of `cells`, flattened.
        looks: Change of intensity of each scan, in the frame of the reference, flattened.
        cells: Number of cells along each axis of each level of B-splines, the coarsest level first.
        size: (channels, height, width) or (channels, depth, height, width) of the looks.
    """

    shapes: Components
    looks: Components
    cells: tuple[int, ...]
    size: tuple[int, ...]

    def field(self, scores: Float[Tensor, "n k"], size: Sequence[int]) -> Float[Tensor, "n d *size"]:
        """Displacement fields (x, y) or (x, y, z), in units of half the image, on a grid of this size."""
        return shape_field(self.shapes.vectors(scores), self.cells, size)

    def look(self, scores: Float[Tensor, "n l"]) -> Float[Tensor, "n c *size"]:
        """Changes of intensity."""
        return self.looks.vectors(scores).view(-1, *self.size)

    def to(self, like: Tensor) -> "VariationBank":
        """The bank on the device and in the precision of a tensor."""

        def move(parts: Components) -> Components:
            return Components(parts.mean.to(like), parts.basis.to(like), parts.scores.to(like))

        return VariationBank(move(self.shapes), move(self.looks), self.cells, self.size)


def shape_field(
    coefficients: Float[Tensor, "n k"], cells: Sequence[int], size: Sequence[int]
) -> Float[Tensor, "n d *size"]:
    """The sum of the displacement fields of several levels of B-splines.

    Args:
        coefficients: Of all levels, flattened: d (cells + 3)^d of each.
        cells: Number of cells along each axis of each level.
        size: Size of the grid.

    Example:
        >>> shape_field(torch.zeros(2, 2 * 5**2 + 2 * 7**2), (2, 4), (8, 8)).shape
        torch.Size([2, 2, 8, 8])
    """
    axes, start = len(size), 0
    field = coefficients.new_zeros(len(coefficients), axes, *size)
    for count in cells:
        shape = (axes, *[count + 3] * axes)
        stop = start + torch.Size(shape).numel()
        field = field + cubic_field(coefficients[:, start:stop].reshape(-1, *shape), size)
        start = stop
    return field


def write_bank(path: Path | str, bank: VariationBank) -> None:
    """Write a bank as a safetensors file."""
    tensors = {
        f"{name}.{field}": getattr(getattr(bank, name), field)
        for name in ("shapes", "looks")
        for field in ("mean", "basis", "scores")
    }
    tensors["cells"], tensors["size"] = torch.tensor(bank.cells), torch.tensor(bank.size)
    write_tensors(path, tensors, {"format": FORMAT})


def read_bank(path: Path | str) -> VariationBank:
    """Read a bank that `write_bank` wrote.

    Raises:
        InputError: If the file is missing, damaged or no bank.
    """
    tensors, metadata = read_tensors(path)
    if metadata.get("format") != FORMAT:
        raise InputError(f"{path}: not a bank of variation; make one with `manyshot segment learn`")
    try:
        parts = [Components(*(tensors[f"{name}.{field}"] for field in ("mean", "basis", "scores"))) for name in _PARTS]
        bank = VariationBank(parts[0], parts[1], tuple(tensors["cells"].tolist()), tuple(tensors["size"].tolist()))
    except KeyError as error:
        raise InputError(f"{path}: damaged, {error} is missing; restore the file") from None
    axes = len(bank.size) - 1
    lengths = (sum(axes * (count + 3) ** axes for count in bank.cells), torch.Size(bank.size).numel())
    for name, part, length in zip(_PARTS, parts, lengths, strict=True):
        fits = part.mean.shape == (length,) and part.basis.ndim == part.scores.ndim == 2
        if not fits or part.basis.shape != (part.scores.shape[1], length):
            raise InputError(f"{path}: damaged, the sizes of '{name}' do not agree; restore the file")
    return bank


_PARTS = ("shapes", "looks")
