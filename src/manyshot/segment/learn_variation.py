"""Learn how scans vary: register a reference to unlabeled scans, and keep shapes and looks (after Zhao et al. 2019)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.augment.masked.scan_variation import centers, sample_at
from manyshot.augment.masked.smooth import smooth
from manyshot.augment.masked.variation_bank import Components, VariationBank, shape_field
from manyshot.base import InputError

INVERSIONS = 20
"""Fixed-point steps to the inverse of a displacement field."""


@dataclass(frozen=True)
class Registration:
    """How a reference is registered to other scans.

    Minimizes `1 - local correlation + stiffness * mean squared second difference of the coefficients` by Adam, for all
    scans at once. Correlation is that of windows of `window` pixels a side, so looks need not agree.

    Args:
        cells: Number of cells along each axis of each level of B-splines, the coarsest level first.
        steps: Number of steps.
        rate: Step size, in units of half the image.
        stiffness: Weight of the second differences, which keep the field smooth.
        window: Side of the windows in pixels, odd.
        smoothing: Standard deviation of the blur of changes of intensity, in pixels.
    """

    cells: tuple[int, ...] = (2, 6)
    steps: int = 80
    rate: float = 0.02
    stiffness: float = 3.0
    window: int = 7
    smoothing: float = 1.5


def learn_variation(
    reference: Float[Tensor, "c *size"], scans: Float[Tensor, "m c ..."], settings: Registration | None = None
) -> VariationBank:
    """Learn shapes and looks of scans, as changes of the reference.

    Args:
        reference: The labeled image or volume, values from 0 to 1.
        scans: Unlabeled ones of the same size, at least two.
        settings: How they are registered.

    Raises:
        InputError: If there are fewer than two scans, or their sizes differ.

    Example:
        >>> scans = torch.rand(3, 1, 16, 16)
        >>> bank = learn_variation(scans[0], scans[1:], Registration(steps=2))
        >>> bank.field(bank.shapes.scores, (16, 16)).shape
        torch.Size([2, 2, 16, 16])
    """
    if len(scans) < 2 or scans.shape[1:] != reference.shape:
        raise InputError(
            f"scans of shape {list(scans.shape)} beside a reference of shape {list(reference.shape)}: "
            "give at least two scans of its size"
        )
    settings = settings or Registration()
    coefficients = register(reference, scans, settings)
    field = shape_field(coefficients, settings.cells, reference.shape[1:])
    back = inverse(field)
    here = sample_at(scans, centers(scans) + back.movedim(1, -1))
    width = reference.new_full((len(scans),), settings.smoothing)
    looks = smooth(here - reference, width, settings.smoothing)
    return VariationBank(
        Components.of(coefficients), Components.of(looks.flatten(1)), settings.cells, tuple(reference.shape)
    )


def register(
    reference: Float[Tensor, "c *size"], scans: Float[Tensor, "m c *size"], settings: Registration
) -> Float[Tensor, "m k"]:
    """Coefficients of the fields by which the reference looks most like each scan.

    The output at x shows the reference at `x + field(x)`; see `shape_field`.
    """
    size = reference.shape[1:]
    count = sum(len(size) * (cells + 3) ** len(size) for cells in settings.cells)
    coefficients = scans.new_zeros(len(scans), count, requires_grad=True)
    optimizer = torch.optim.Adam([coefficients], settings.rate)
    moving = reference.expand_as(scans)
    grid = centers(scans)
    with torch.enable_grad():
        for _ in range(settings.steps):
            field = shape_field(coefficients, settings.cells, size)
            moved = sample_at(moving, grid + field.movedim(1, -1))
            likeness = local_correlation(moved, scans, settings.window)
            bend = _bending(coefficients, settings.cells, len(size))
            loss = (1 - likeness + settings.stiffness * bend).sum()
            (coefficients.grad,) = torch.autograd.grad(loss, coefficients)
            optimizer.step()
    return coefficients.detach()


def local_correlation(
    first: Float[Tensor, "n c *size"], second: Float[Tensor, "n c *size"], window: int
) -> Float[Tensor, "n"]:
    """Mean squared correlation of the windows of two images or volumes, 0 to 1 (Avants et al. 2008).

    Example:
        >>> images = torch.rand(1, 1, 16, 16)
        >>> local_correlation(images, 0.2 + images / 2, 5).round(decimals=2)
        tensor([1.])
    """

    def mean(values: Tensor) -> Tensor:
        for axis in range(2, values.ndim):
            values = _window_mean(values, axis, window)
        return values

    a, b = mean(first), mean(second)
    covariance = mean(first * second) - a * b
    variances = (mean(first.square()) - a.square()).clamp(min=0), (mean(second.square()) - b.square()).clamp(min=0)
    floor = 1e-5  # of flat windows, whose noise has nothing to say
    return (covariance.square() / ((variances[0] + floor) * (variances[1] + floor))).flatten(1).mean(1)


def _window_mean(values: Tensor, axis: int, window: int) -> Tensor:
    """Means of windows along an axis; border values repeat beyond it."""
    length = values.shape[axis]
    index = torch.arange(-(window // 2) - 1, length + window // 2, device=values.device).clamp(0, length - 1)
    total = values.index_select(axis, index).cumsum(axis)
    return (total.narrow(axis, window, length) - total.narrow(axis, 0, length)) / window


def _bending(coefficients: Float[Tensor, "m k"], cells: Sequence[int], axes: int) -> Float[Tensor, "m"]:
    """Mean squared second difference of the coefficients along the axes, summed over levels, in units of cells."""
    start, total = 0, coefficients.new_zeros(len(coefficients))
    for count in cells:
        shape = (axes, *[count + 3] * axes)
        stop = start + torch.Size(shape).numel()
        knots = coefficients[:, start:stop].reshape(-1, *shape) * (count / 2)
        for axis in range(2, 2 + axes):
            total = total + knots.diff(n=2, dim=axis).square().flatten(1).mean(1)
        start = stop
    return total


def inverse(field: Float[Tensor, "n d *size"]) -> Float[Tensor, "n d *size"]:
    """Displacement fields that undo others, by fixed-point iteration: `back(y) = -field(y + back(y))`.

    It converges where the field changes by less than its distance, which stiff registration sees to.

    Example:
        >>> shift = torch.full((1, 2, 8, 8), 0.25)
        >>> inverse(shift).unique()
        tensor([-0.2500])
    """
    grid = centers(field)
    back = -field
    for _ in range(INVERSIONS):
        back = -sample_at(field, grid + back.movedim(1, -1))
    return back
