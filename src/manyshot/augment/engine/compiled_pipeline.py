"""Pipelines on uint8 images in as few passes over the pixels as their ops allow."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from threading import Timer
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Generator, Tensor

from manyshot.augment.engine.flatten_pipeline import Leaf, flatten_pipeline
from manyshot.augment.engine.fuse_ops import Fused, Layered, Neighborhood, Pass, Single, fuse_ops
from manyshot.augment.engine.kernel_call import LAYOUTS, Pixels, make_kernel_call, make_layer_call
from manyshot.augment.engine.kernels import neighborhoods
from manyshot.augment.image.image_op import to_bytes
from manyshot.augment.image.intensity.curve_op import LEVELS
from manyshot.augment.ops.combine import Combined, Part
from manyshot.augment.ops.op import Op, Params, check_choice, check_number, take
from manyshot.base import InputError
from manyshot.base.progress import console

Array = npt.NDArray[Any]
CHUNK_BYTES = 1 << 20
"""Largest size of a buffer in bytes."""
CHUNK_IMAGES = 1024
"""Largest number of images per chunk; matrices, maps and tables are computed per chunk."""
NOTHING, NOTHING_AT_ALL = np.empty(0, np.float32), np.empty(0, np.uint8)


@dataclass(frozen=True)
class Compiled(Op):
    """An op, or a pipeline of ops, compiled for uint8 images on the CPU.

    Draws and params are those of the op, so the two are interchangeable: `apply` returns
    `op.apply(images / 255, params)` rounded to levels, up to how often values are rounded and pixels interpolated (see
    `docs/engine.md`). An op without a kernel is applied by torch in between.

    The first call compiles the kernels, which takes about 15 seconds once per machine. The pixels do not depend on the
    number of threads or on the other images of the batch.

    Args:
        op: Op or pipeline to compile.
        layout: Memory layout of images, "nchw" or "nhwc", of input and uint8 output.
        floats: Whether to return normalized float32 images `(x / 255 - mean) / std`, always as `[n, c, h, w]`.
        mean: Mean of each channel, from 0 to 1; one number for all channels; empty for 0.
        std: Standard deviation of each channel; one number for all channels; empty for 1.
        threads: Number of threads that work on a batch.

    Raises:
        InputError: If a value is out of range; when applied, if images are not uint8 `[n, c, h, w]` or `[n, h, w, c]`.

    Example:
        >>> from manyshot.augment import Compose
        >>> from manyshot.augment.image import Brightness, Flip, ResizedCrop
        >>> fast = Compiled(Compose((ResizedCrop(), Flip(), Brightness())))
        >>> images = torch.randint(256, (8, 3, 32, 32), dtype=torch.uint8)
        >>> fast.apply(images, fast.sample(8, torch.Generator().manual_seed(0))).dtype
        torch.uint8
        >>> print(fast.explain())
        1. ResizedCrop, Flip: one 3 x 3 matrix, padding border; Brightness: one matrix on the channels
    """

    op: Op
    layout: str = "nchw"
    floats: bool = False
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    threads: int = 1

    def __post_init__(self) -> None:
        check_choice(self, "layout", LAYOUTS)
        check_number(self, "threads", low=1, high=1024, whole=True)
        if (self.mean or self.std) and not self.floats:
            raise InputError("Compiled: mean and std apply to float results; add floats=True")
        if any(not value > 0 for value in self.std):
            raise InputError(f"Compiled: std={self.std}: give numbers above 0")

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw the op's params of n images."""
        return self.op.sample(n, generator)

    def explain(self, channels: int = 3) -> str:
        """Return the passes over the pixels as text, one line each, for images with this number of channels."""
        lines = [f"{number}. {current}" for number, current in enumerate(plan_passes(self.op, channels), start=1)]
        return "\n".join(lines) or "nothing"

    def apply(self, images: Any, params: Params) -> Any:  # noqa: ANN401 - numpy in, numpy out
        """Change n images, each by its own params.

        Args:
            images: A uint8 tensor on the CPU or numpy array, `[n, c, h, w]` or `[n, h, w, c]` according to `layout`;
                need not be contiguous.
            params: Params of n images, as drawn by `sample`.

        Returns:
            Changed images of the same type and layout; float32 `[n, c, h, w]` with `floats`.

        Raises:
            InputError: If images are not uint8 on the CPU with four axes.
        """
        if isinstance(images, Tensor):
            return torch.from_numpy(self.apply(_on_cpu(images).numpy(), params))
        if not (isinstance(images, np.ndarray) and images.dtype == np.uint8 and images.ndim == 4):
            kind = (
                f"{images.dtype} of shape {images.shape}" if isinstance(images, np.ndarray) else type(images).__name__
            )
            raise InputError(f"compiled pipelines take uint8 images [n, c, h, w] or [n, h, w, c], not {kind}")
        n, c, h, w = images.shape if self.layout == "nchw" else (images.shape[i] for i in (0, 3, 1, 2))
        result: Array = np.empty((n, c, h, w), np.float32) if self.floats else np.empty(images.shape, np.uint8)
        if not result.size:
            return result
        self.op.check(torch.empty(0, c, h, w))
        flow = list(plan_passes(self.op, c))
        if not flow or (self.floats and not _ends_in_floats(flow[-1])):
            flow.append(Fused())
        scale, shift = self._normalization(c)

        def work(start: int) -> None:
            stop = min(n, start + chunk)
            part = np.ascontiguousarray(images[start:stop])
            source = Pixels(part.reshape(-1), stop - start, c, h, w, self.layout)
            out = result[start:stop].reshape(-1)
            run(flow, source, out, narrow(params, start, stop), self.floats, scale, shift)

        may_stay = Pixels(NOTHING_AT_ALL, n, c, h, w, self.layout).may_stay
        chunk = self._chunk(n, c, h, w, flow, may_stay)
        starts = range(0, n, chunk)
        with _message_when_slow():
            self._work(work, starts)
        return result

    def _work(self, work: Callable[[int], None], starts: range) -> None:
        if self.threads == 1 or len(starts) == 1:
            for start in starts:
                work(start)
        else:
            list(_pool(os.getpid(), self.threads).map(work, starts))

    def _chunk(self, n: int, c: int, h: int, w: int, flow: list[Pass], may_stay: bool) -> int:
        """Number of images per chunk, so that their buffers fit into CHUNK_BYTES."""
        most = CHUNK_IMAGES
        each = [4 * LEVELS * 4 * c for current in flow if isinstance(current, Fused) and current.points]
        each += [8 * h * w for current in flow if isinstance(current, Fused) and current.pointed]
        if len(flow) > 1 and (self.floats or not may_stay):
            each.append(c * h * w)
        for size in each:
            most = max(1, min(most, CHUNK_BYTES // size))
        return min(most, -(-n // self.threads))

    def _normalization(self, c: int) -> tuple[Array, Array]:
        """Return scale and shift of each channel that normalize levels."""
        mean, std = (_each(name, getattr(self, name), c, blank) for name, blank in (("mean", 0.0), ("std", 1.0)))
        return (1 / (255 * std)).astype(np.float32), (-mean / std).astype(np.float32)


@lru_cache(maxsize=4)
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """Return threads that are kept for the next batch; a forked process has its own."""
    return ThreadPoolExecutor(threads, thread_name_prefix=f"manyshot-{process}")


@contextmanager
def _message_when_slow() -> Iterator[None]:
    """Print a message if the first batch of the process is slow because kernels are being compiled."""
    global _warmed_up
    if _warmed_up:  # starting a timer costs more than a small batch, so only the first batch of a process is timed
        yield
        return
    _warmed_up = True
    timer = Timer(2.0, console.print, ["Compiling image kernels, once on this machine: about 20 seconds ..."])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


_warmed_up = False
"""Whether this process has already applied a pipeline."""


def run(
    flow: Sequence[Pass], source: Pixels, out: Array, params: Params, floats: bool, scale: Array, shift: Array
) -> None:
    """Run passes on a chunk of images and write to `out`: bytes, or normalized values with `floats`."""
    for index, current in enumerate(flow):
        if floats and index == len(flow) - 1:
            if isinstance(current, Fused):
                make_kernel_call(current, params, source).run(source, NOTHING_AT_ALL, out, scale, shift)
            else:
                _single_to_floats(current.leaf, source, out, params, scale, shift)
            return
        if index and source.may_stay:
            target = source
        elif floats or (index < len(flow) - 1 and not source.may_stay):
            target = source.blank()
        else:
            target = replace(source, data=out)
        if isinstance(current, Fused):
            make_kernel_call(current, params, source).run(source, target.data, NOTHING, scale, shift)
        elif isinstance(current, Layered):
            _layered(current.leaf, source, target, params)
        elif isinstance(current, Neighborhood):
            if target is not source:
                target.data[:] = source.data
            _sharpen(current.leaf, target, params)
        else:
            _single(current.leaf, source, target, params)
        source = target


def _single(leaf: Leaf, source: Pixels, target: Pixels, params: Params) -> None:
    """Apply an op with torch, a few images at a time."""
    own, on = leaf.params(params), leaf.on(params)
    step = max(1, CHUNK_BYTES // (4 * source.each))
    before, after = source.tensor(), target.tensor()
    for start in range(0, source.n, step):
        stop = min(source.n, start + step)
        mine = narrow(own, start, stop)
        images = before[start:stop]
        if on is None:
            after[start:stop] = to_bytes(leaf.op.apply(images.contiguous().float() / 255, mine))
        else:
            rows = on[start:stop].nonzero().flatten()
            after[start:stop] = images
            if len(rows):
                changed = leaf.op.apply(images[rows].float() / 255, take(mine, rows))
                after[start:stop][rows] = to_bytes(changed)


def _single_to_floats(leaf: Leaf, source: Pixels, out: Array, params: Params, scale: Array, shift: Array) -> None:
    """Apply an op with torch at the end of a pipeline with float results, without rounding."""
    own, on = leaf.params(params), leaf.on(params)
    step = max(1, CHUNK_BYTES // (4 * source.each))
    before, after = source.tensor(), torch.from_numpy(out).view(source.n, source.c, source.h, source.w)
    gain, offset = torch.from_numpy(255 * scale)[:, None, None], torch.from_numpy(shift)[:, None, None]
    for start in range(0, source.n, step):
        stop = min(source.n, start + step)
        images, mine = before[start:stop].contiguous().float() / 255, narrow(own, start, stop)
        if on is None:
            images = leaf.op.apply(images, mine)
        else:
            rows = on[start:stop].nonzero().flatten()
            if len(rows):
                images[rows] = leaf.op.apply(images[rows], take(mine, rows))
        after[start:stop] = images * gain + offset


def _layered(leaf: Leaf, source: Pixels, target: Pixels, params: Params) -> None:
    """Apply an op that chooses ops per image, one layer at a time."""
    own, on = leaf.params(params), leaf.on(params)
    assert isinstance(leaf.op, Combined)
    if on is not None:
        rows = on.nonzero().flatten()
        if target is not source:
            target.data[:] = source.data
        some = source.chosen(rows.numpy())
        if some.n:
            changed = some.blank()
            _layered(Leaf(leaf.op), some, changed, take(own, rows))
            target.as_rows()[rows.numpy()] = changed.as_rows()
        return
    layers = leaf.op.layers(own)
    if not layers and target is not source:
        target.data[:] = source.data
    for index, parts in enumerate(layers):
        last = index == len(layers) - 1
        result = target if last or source.may_stay else source.blank()
        _layer(parts, source, result)
        source = result


def _layer(parts: list[Part], source: Pixels, target: Pixels) -> None:
    parts = [part for part in parts if part.rows is None or len(part.rows)]
    current, rest = make_layer_call(parts, source)
    none = np.zeros(source.c, np.float32)
    current.run(source, target.data, NOTHING, none, none)
    for part in rest:
        rows = np.arange(source.n) if part.rows is None else part.rows.numpy()
        flow = plan_passes(part.op, source.c)
        in_place = [one for one in flow if isinstance(one, Neighborhood)]
        if len(in_place) == len(flow):
            for one in in_place:
                _sharpen(one.leaf, target, part.params, rows)
            continue
        some = target.chosen(rows)
        changed = some.blank()
        run(flow, some, changed.data, part.params, False, none, none)
        target.as_rows()[rows] = changed.as_rows()


def _sharpen(leaf: Leaf, images: Pixels, params: Params, rows: Array | None = None) -> None:
    """Sharpen images in place; `params` belong to the images in `rows`, or to all."""
    own, on = leaf.params(params), leaf.on(params)
    rows = np.arange(images.n) if rows is None else rows
    sharp = slice(None) if on is None else on.numpy()
    planes, step = (images.c, 1) if images.layout == "nchw" else (1, images.c)
    above, here = np.empty((2, images.w * step), np.uint8)
    sums = np.empty(images.w * step, np.uint16)
    factors = own["factor"].numpy()[sharp]
    neighborhoods.sharpen(images.data, rows[sharp], factors, planes, images.h, images.w, step, above, here, sums)


def plan_passes(op: Op, channels: int) -> tuple[Pass, ...]:
    """Return the passes of an op on images with this number of channels.

    Example:
        >>> from manyshot.augment.image import Flip
        >>> [str(now) for now in plan_passes(Flip(), 3)]
        ['Flip: whole pixels moved']
    """
    return _plan_passes(op, channels)


@lru_cache(maxsize=256)
def _plan_passes(op: Op, channels: int) -> tuple[Pass, ...]:
    return tuple(fuse_ops(list(flatten_pipeline(op)), channels))


def narrow(params: Params, start: int, stop: int) -> dict[str, Any]:
    """Return the params of items from start to stop, without a copy.

    Example:
        >>> narrow({"degrees": torch.tensor([1.0, 2.0, 3.0])}, 1, 3)
        {'degrees': tensor([2., 3.])}
    """
    return {
        name: value[start:stop] if isinstance(value, Tensor) else narrow(value, start, stop)
        for name, value in params.items()
    }


def _ends_in_floats(current: Pass) -> bool:
    """Whether a pass can write normalized floats."""
    return isinstance(current, Fused | Single)


def _on_cpu(images: Tensor) -> Tensor:
    if images.device.type != "cpu":
        raise InputError(f"compiled pipelines run on the CPU, not on {images.device}; apply the op itself to them")
    return images.detach()


def _each(name: str, values: tuple[float, ...], c: int, blank: float) -> Array:
    if len(values) not in (0, 1, c):
        raise InputError(f"Compiled: {name}={values}: give one number, or one for each of {c} channels")
    return np.broadcast_to(np.array(values or (blank,), float), (c,))
