"""One call of the kernel: what each image of a chunk needs, gathered from a pass and its params."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from manyshot.augment.engine.geometry import EDGE_CODES, Fetch, fetch, matrix_of
from manyshot.augment.engine.kernels import channels, copies, images
from manyshot.augment.engine.kernels import workspace as room
from manyshot.augment.engine.kernels.workspace import Looks, Sink
from manyshot.augment.engine.leaves import Leaf
from manyshot.augment.engine.passes import Fused, passes
from manyshot.augment.engine.values import Holes, colours, histograms, holes, table
from manyshot.augment.image.geometric.warp import Warp
from manyshot.augment.image.intensity.point import LEVELS
from manyshot.augment.ops.combine import Part
from manyshot.augment.ops.op import Params

Array = npt.NDArray[Any]
LAYOUTS = {"nchw": 0, "nhwc": 1}


@dataclass(frozen=True)
class Pixels:
    """A chunk of images as bytes in a row, and how they lie."""

    data: Array
    n: int
    c: int
    h: int
    w: int
    layout: str

    @property
    def each(self) -> int:
        """Bytes an image."""
        return self.c * self.h * self.w

    def blank(self) -> "Pixels":
        """Room for as many."""
        return replace(self, data=np.empty_like(self.data))

    def as_rows(self) -> Array:
        """`[n, bytes]`, the same memory."""
        return self.data.reshape(self.n, -1)

    def chosen(self, rows: Array) -> "Pixels":
        """A copy of some of the images."""
        return replace(self, data=self.as_rows()[rows].ravel(), n=len(rows))

    @property
    def read_only(self) -> Array:
        """The bytes as an array that may not be written, whatever it was: kernels are compiled for one kind."""
        data = self.data.view()
        data.flags.writeable = False
        return data

    @property
    def fast(self) -> bool:
        """Whether the kernels for few channels take the images."""
        return self.c in (1, 3) and self.h * self.w <= images.MOST_PACKED

    @property
    def may_stay(self) -> bool:
        """Whether a pass may write the images where it reads them: each is copied first if pixels move."""
        return self.fast

    def tensor(self) -> torch.Tensor:
        """`[n, c, h, w]` of uint8, the same memory."""
        if self.layout == "nchw":
            return torch.from_numpy(self.data.reshape(self.n, self.c, self.h, self.w))
        return torch.from_numpy(self.data.reshape(self.n, self.h, self.w, self.c)).permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Job:
    """The arguments of `kernels.images.run` beside the images themselves."""

    kinds: Array
    edges: Array
    moved: Fetch
    recoloured: Array
    maps: Array
    pulls: Array
    pulled: Array
    tabled: Array
    tables: Array
    cut: Holes

    def run(self, source: Pixels, target: Array, floats: Array, scale: Array, shift: Array) -> None:
        """Carry it out, to bytes in `target`, which may be the source's, or normalised into `floats`, given room."""
        in_place = target is source.data
        more = self.recoloured.any() or (self.tabled >= 0).any() or self.cut.places.size or floats.size
        if self.moved.kind == room.MOVE and not more and not in_place:
            planes, step = (source.c, 1) if source.layout == "nchw" else (1, source.c)
            moves = room.plain(self.moved.moves(self.kinds, self.edges))
            copies.move(
                source.read_only, target, source.n, planes, step, source.h, source.w,
                moves.columns, moves.rows, moves.turned,
            )  # fmt: skip
            return
        means = np.zeros((source.n, source.c), np.float32)
        if self.cut.fill == 1:
            means = source.tensor().float().mean((2, 3)).numpy()
        looks = Looks(
            self.recoloured, self.maps, self.pulls, self.pulled, self.tabled, self.tables,
            self.cut.places, self.cut.fill, self.cut.seeds, means,
        )  # fmt: skip
        layout = LAYOUTS[source.layout]
        sink = Sink(target, floats, layout, scale, shift, in_place)
        moves, looks = room.plain(self.moved.moves(self.kinds, self.edges)), room.plain(looks)
        data = source.read_only
        n, c, h, w = source.n, source.c, source.h, source.w
        if not source.fast:
            channels.run(data, layout, n, c, h, w, moves, looks, sink, channels.rows_for(c, w))
            return
        moving = self.kinds != room.STAY
        stashing = (moving & (self.pulled > 0)).any()
        own = room.room_for(c, h, w, moving=bool(moving.any()), stashing=bool(stashing))
        images.run(data, layout, n, c, h, w, moves, looks, sink, own)


def job(now: Fused, params: Params, source: Pixels) -> Job:
    """What a pass of fused ops asks of the kernel.

    Args:
        now: the pass.
        params: of the pipeline, for the images of the chunk.
        source: the chunk.
    """
    n, c, size = source.n, source.c, (source.h, source.w)
    made = _blank(n)
    moved = fetch(now.warps, now.edge, params, n, size)
    made = replace(made, moved=moved, kinds=np.full(n, moved.kind, np.int32), edges=np.full(n, moved.edge, np.int32))
    if now.colours:
        own = colours(now.colours, params, n, c)
        pulled = np.full(n, own.pulled, np.uint8)
        made = replace(made, recoloured=np.ones(n, np.uint8), maps=own.maps, pulls=own.pulls, pulled=pulled)
    if now.points:
        seen = torch.zeros(n, 1, LEVELS)
        if now.measured:
            seen = histograms(source.data, LAYOUTS[source.layout], c, source.h * source.w, np.arange(n))
        made = replace(made, tabled=np.arange(n, dtype=np.int32), tables=table(now.points, params, seen))
    if now.erases:
        made = replace(made, cut=holes(now.erases, params, n, size))
    return made


def layer_job(parts: Sequence[Part], source: Pixels) -> tuple[Job, list[Part]]:
    """What a layer, in which each image goes through its own op, asks of the kernel.

    Returns:
        The job, and the parts that it leaves undone.
    """
    n, c, size = source.n, source.c, (source.h, source.w)
    made, rest = _blank(n), []
    matrices, stages = np.zeros((n, 1, 9), np.float32), np.ones(n, np.int32)
    maps, pulls = np.zeros((n, c * (c + 1)), np.float32), np.zeros((n, c * c), np.float32)
    tables: list[Array] = []
    for part in parts:
        rows = np.arange(n) if part.rows is None else part.rows.numpy()
        leaf = Leaf(part.op)
        now = lone(leaf, c)
        if now is None or now.erases:
            rest.append(part)
        elif isinstance(part.op, Warp) and matrix_of(part.op):
            made.kinds[rows] = room.MATRIX
            made.edges[rows] = EDGE_CODES[part.op.edge or "border"]
            matrices[rows] = fetch((leaf,), now.edge, part.params, len(rows), size, exact=False).matrices
        elif now.colours:
            own = colours((leaf,), part.params, len(rows), c)
            made.recoloured[rows], made.pulled[rows] = 1, own.pulled
            maps[rows], pulls[rows] = own.maps, own.pulls
        elif now.points:
            seen = torch.zeros(len(rows), 1, LEVELS)
            if now.measured:
                seen = histograms(source.data, LAYOUTS[source.layout], c, source.h * source.w, rows)
            made.tabled[rows] = np.arange(len(rows)) + sum(map(len, tables))
            tables.append(np.broadcast_to(table((leaf,), part.params, seen), (len(rows), c, LEVELS)))
        else:
            rest.append(part)
    moved = replace(made.moved, matrices=matrices, stages=stages)
    made = replace(made, moved=moved, maps=maps, pulls=pulls)
    return (replace(made, tables=np.concatenate(tables)) if tables else made), rest


def lone(leaf: Leaf, c: int) -> Fused | None:
    """The pass of an op alone, if the kernel has one."""
    made = list(passes([leaf], c))
    return made[0] if len(made) == 1 and isinstance(made[0], Fused) else None


def _blank(n: int) -> Job:
    nothing = np.zeros((n, 1), np.float32)
    none = np.zeros(n, np.uint8)
    return Job(
        kinds=np.zeros(n, np.int32),
        edges=np.zeros(n, np.int32),
        moved=Fetch(),
        recoloured=none.copy(),
        maps=nothing,
        pulls=nothing,
        pulled=none.copy(),
        tabled=np.full(n, -1, np.int32),
        tables=np.zeros((1, 1, LEVELS), np.float32),
        cut=Holes(np.zeros((n, 0, 4), np.int32), 0, np.zeros(n, np.int64)),
    )
