"""A pipeline as passes over the pixels: which ops share one, and in what order they may."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from manyshot.augment.engine.geometry import is_displaced, is_exact, matrix_of
from manyshot.augment.engine.leaves import Leaf
from manyshot.augment.image.corruption.sharpness import Sharpness
from manyshot.augment.image.cut.erase import Erase
from manyshot.augment.image.geometric.warp import Warp
from manyshot.augment.image.intensity.chain import chains
from manyshot.augment.image.intensity.color import ColorOp
from manyshot.augment.image.intensity.point import PointOp
from manyshot.augment.ops.combine import Combined
from manyshot.augment.ops.compose import PERMUTATIONS


@dataclass(frozen=True)
class Fused:
    """Ops that share one pass: each pixel is fetched, then recoloured, then looked up, then erased.

    Args:
        warps: where pixels are fetched from.
        colors: one matrix on the channels.
        points: one table of 256 levels.
        erases: rectangles.
    """

    warps: tuple[Leaf, ...] = ()
    colors: tuple[Leaf, ...] = ()
    points: tuple[Leaf, ...] = ()
    erases: tuple[Leaf, ...] = ()

    @property
    def padding_mode(self) -> str:
        """What lies beyond the image."""
        return next(
            (leaf.op.padding_mode for leaf in self.warps if isinstance(leaf.op, Warp) and leaf.op.padding_mode),
            "border",
        )

    @property
    def pointed(self) -> bool:
        """Whether each pixel's place is given, since no matrix or field tells it."""
        known = is_exact(self.warps) or all(matrix_of(leaf.op) for leaf in self.warps)
        return bool(self.warps) and not known and not is_displaced(self.warps)

    @property
    def measured(self) -> bool:
        """Whether a table follows from the histogram of the pass's input."""
        return any(isinstance(leaf.op, PointOp) and leaf.op.measured for leaf in self.points)

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
    """An op that chooses ops for each item: a pass a layer, in which each image goes through its own op."""

    leaf: Leaf

    def __str__(self) -> str:
        return f"{self.leaf.name}: a pass a layer, each image by its own op"


@dataclass(frozen=True)
class Neighbours:
    """An op that looks at the neighbours of each pixel, and has a kernel for that which works in place."""

    leaf: Leaf

    def __str__(self) -> str:
        return f"{self.leaf.name}: each pixel and its neighbours"


@dataclass(frozen=True)
class Single:
    """An op without a kernel, which torch applies to floats."""

    leaf: Leaf

    def __str__(self) -> str:
        return f"{self.leaf.name}: torch, on floats"


Pass = Fused | Layered | Neighbours | Single


def passes(leaves: Sequence[Leaf], c: int) -> Iterator[Pass]:
    """Group ops into passes.

    An op joins the pass before it if what it does comes no earlier there than what is done already: fetch, recolour,
    look up, erase. One kind of op may step before others: flips and quarter turns only change the places of whole
    pixels, so they may act before a change of colour or a table that was asked for first. Nothing else is reordered.

    Args:
        leaves: the ops in the order in which they act.
        c: channels.
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
    """The pass of an op that shares none."""
    op = leaf.op
    if isinstance(op, Combined):
        return Layered(leaf)
    if type(op) is Sharpness:
        return Neighbours(leaf)
    known = (
        (isinstance(op, Warp) and (matrix_of(op) is not None or type(op).change is Warp.change))
        or chains(op, c)
        or (isinstance(op, PointOp) and type(op).change is PointOp.change)
        or type(op) is Erase
    )
    return None if known else Single(leaf)


def _join(current: Fused, leaf: Leaf) -> Fused | None:
    """The pass with one more op, if that may join."""
    op = leaf.op
    if isinstance(op, Warp):
        free = not (current.colors or current.points) or isinstance(op, PERMUTATIONS)
        warps = (*current.warps, leaf)
        edges = {warp.op.padding_mode for warp in warps if isinstance(warp.op, Warp)} - {None}
        if current.erases or not free or (len(edges) > 1 and not is_exact(warps)):
            return None
        if current.measured and not isinstance(op, PERMUTATIONS):
            return None
        return replace(current, warps=warps)
    if isinstance(op, ColorOp):
        return None if current.points or current.erases else replace(current, colors=(*current.colors, leaf))
    if isinstance(op, PointOp):
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
