"""Group the ops of a pipeline into passes over the pixels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from manyshot.augment.engine.flatten_pipeline import Leaf
from manyshot.augment.engine.geometry import is_displaced, is_exact, matrix_of
from manyshot.augment.image.corruption.sharpness import Sharpness
from manyshot.augment.image.cut.erase import Erase
from manyshot.augment.image.geometric.warp import Warp
from manyshot.augment.image.intensity.color import ColorOp
from manyshot.augment.image.intensity.curve_op import CurveOp
from manyshot.augment.image.intensity.fuse_color_ops import chains
from manyshot.augment.ops.combine import Combined
from manyshot.augment.ops.compose import PERMUTATIONS


@dataclass(frozen=True)
class Fused:
    """Ops that share one pass: each pixel is fetched, mapped by a color matrix, looked up in a table, then erased.

    Args:
        warps: Warps; together they give the source of each pixel.
        colors: Color ops; together one matrix on the channels.
        points: Point ops; together one table of 256 levels.
        erases: Erasing ops; together a list of rectangles.
    """

    warps: tuple[Leaf, ...] = ()
    colors: tuple[Leaf, ...] = ()
    points: tuple[Leaf, ...] = ()
    erases: tuple[Leaf, ...] = ()

    @property
    def padding_mode(self) -> str:
        """Padding mode of the warps."""
        return next(
            (leaf.op.padding_mode for leaf in self.warps if isinstance(leaf.op, Warp) and leaf.op.padding_mode),
            "border",
        )

    @property
    def pointed(self) -> bool:
        """Whether the pass needs one source point per pixel: no matrix or displacement field describes the warps."""
        known = is_exact(self.warps) or all(matrix_of(leaf.op) for leaf in self.warps)
        return bool(self.warps) and not known and not is_displaced(self.warps)

    @property
    def measured(self) -> bool:
        """Whether a table depends on the histogram of the pass's input."""
        return any(isinstance(leaf.op, CurveOp) and leaf.op.measured for leaf in self.points)

    def __str__(self) -> str:
        parts = []
        if self.warps:
            if is_exact(self.warps):
                how = "whole pixels moved"
            elif all(matrix_of(leaf.op) for leaf in self.warps):
                how = f"one 3 x 3 matrix, padding {self.padding_mode}"
            elif is_displaced(self.warps):
                how = f"one 3 x 3 matrix and a field of displacements, padding {self.padding_mode}"
            else:
                how = f"one field of points, padding {self.padding_mode}"
            parts.append(f"{_names(self.warps)}: {how}")
        if self.colors:
            parts.append(f"{_names(self.colors)}: one matrix on the channels")
        if self.points:
            parts.append(f"{_names(self.points)}: one table of 256 levels")
        if self.erases:
            parts.append(f"{_names(self.erases)}: rectangles")
        return "; ".join(parts) or "nothing"


@dataclass(frozen=True)
class Layered:
    """An op that chooses ops per image: one pass per layer, in which each image goes through its own op."""

    leaf: Leaf

    def __str__(self) -> str:
        return f"{self.leaf.name}: one pass per layer, each image by its own op"


@dataclass(frozen=True)
class Neighborhood:
    """An op on neighboring pixels with an in-place kernel."""

    leaf: Leaf

    def __str__(self) -> str:
        return f"{self.leaf.name}: each pixel and its neighbors"


@dataclass(frozen=True)
class Single:
    """An op without a kernel, applied by torch to floats."""

    leaf: Leaf

    def __str__(self) -> str:
        return f"{self.leaf.name}: torch, on floats"


Pass = Fused | Layered | Neighborhood | Single


def fuse_ops(leaves: Sequence[Leaf], c: int) -> Iterator[Pass]:
    """Group ops into passes.

    An op joins the previous pass if its stage (fetch, color matrix, table, erase) is not before the last stage of that
    pass. Only flips and quarter turns may be reordered: they permute whole pixels, so they may act before an earlier
    color op or table.

    Args:
        leaves: Ops in the order in which they act.
        c: Number of channels.
    """
    current: Fused | None = None
    for leaf in leaves:
        alone = _alone(leaf, c)
        joined = None if alone else _join(current or Fused(), leaf)
        if joined is None and current is not None:
            yield current
            current = None
        if alone:
            yield alone
        else:
            current = joined or _join(Fused(), leaf)
    if current is not None:
        yield current


def _alone(leaf: Leaf, c: int) -> Pass | None:
    """Return the pass of an op that cannot be fused; None if it can."""
    op = leaf.op
    if isinstance(op, Combined):
        return Layered(leaf)
    if type(op) is Sharpness:
        return Neighborhood(leaf)
    known = (
        (isinstance(op, Warp) and (matrix_of(op) is not None or type(op).change is Warp.change))
        or chains(op, c)
        or (isinstance(op, CurveOp) and type(op).change is CurveOp.change)
        or type(op) is Erase
    )
    return None if known else Single(leaf)


def _join(current: Fused, leaf: Leaf) -> Fused | None:
    """Return the pass with one more op; None if the op may not join."""
    op = leaf.op
    if isinstance(op, Warp):
        free = not (current.colors or current.points) or isinstance(op, PERMUTATIONS)
        warps = (*current.warps, leaf)
        modes = {warp.op.padding_mode for warp in warps if isinstance(warp.op, Warp)} - {None}
        if current.erases or not free or (len(modes) > 1 and not is_exact(warps)):
            return None
        if current.measured and not isinstance(op, PERMUTATIONS):
            return None
        return replace(current, warps=warps)
    if isinstance(op, ColorOp):
        return None if current.points or current.erases else replace(current, colors=(*current.colors, leaf))
    if isinstance(op, CurveOp):
        untouched = (
            not current.colors and not current.points and all(isinstance(w.op, PERMUTATIONS) for w in current.warps)
        )
        return (
            None
            if current.erases or (op.measured and not untouched)
            else replace(current, points=(*current.points, leaf))
        )
    assert isinstance(op, Erase)
    if op.fill == "zero":
        fits = all(isinstance(erase.op, Erase) and erase.op.fill == "zero" for erase in current.erases)
    else:
        fits = not current.erases if op.fill == "noise" else current == Fused()
    return replace(current, erases=(*current.erases, leaf)) if fits else None


def _names(leaves: Sequence[Leaf]) -> str:
    return ", ".join(leaf.name for leaf in leaves)
