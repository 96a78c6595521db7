"""One shard of new pictures, made in a process of its own."""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from manyshot.augment import Plan
from manyshot.augment.engine import Compiled
from manyshot.augment.ops.op import join
from manyshot.base import InputError, quieten, read_bytes, write_json
from manyshot.base.seeds import generator
from manyshot.datasets.folder_or_zip import MAX_FILE_BYTES
from manyshot.datasets.pictures import decode_in_own_size
from manyshot.runtime.worker_process import end_with_parent
from manyshot.samples.contact_sheet import to_pil
from manyshot.samples.export_pictures import MAX_PIXELS
from manyshot.samples.output_folder import STEM
from manyshot.samples.picture_listing import read_listing
from manyshot.samples.png import encode_png
from manyshot.samples.shard_writers import WRITERS
from manyshot.samples.write_variants import params_to_json, single_thread

PICTURES, PROGRESS = ".pictures.jsonl", ".progress"


def encode_jpeg(image: UInt8[Tensor, "c h w"]) -> bytes:
    """Encode a gray or an RGB image as JPEG of quality 95."""
    data = io.BytesIO()
    to_pil(image).save(data, format="JPEG", quality=95)
    return data.getvalue()


ENCODINGS: dict[str, Callable[[Tensor], bytes]] = {"png": encode_png, "jpeg": encode_jpeg}
"""How pictures are encoded, by name."""


class Noted(TypedDict):
    """What is noted of a shard: how many new pictures it has, and damaged pictures, of which none were made."""

    samples: int
    skipped: list[dict[str, str]]


@dataclass(frozen=True)
class ShardSettings:
    """What all shards of a folder have in common.

    Args:
        data: Folder with a folder of pictures per class.
        plan: Plan whose ops make the new pictures.
        out: Folder of the shards.
        per_item: Number of new pictures per picture.
        form: Format of the shards, one of `WRITERS`.
        pictures: Number of pictures that a shard is made from.
        encode: How the new pictures are encoded, one of `ENCODINGS`.
        seed: Seed of the draws.
    """

    data: str
    plan: str
    out: str
    per_item: int
    form: str
    pictures: int
    encode: str
    seed: int

    def shard(self, number: int) -> Path:
        """File or folder of a shard."""
        return Path(self.out) / f"{number:05}{WRITERS[self.form].suffix}"

    def note(self, number: int) -> Path:
        """The file that says that a shard is complete, and what is in it."""
        return Path(self.out) / PROGRESS / f"{number:05}.json"

    def is_done(self, number: int) -> bool:
        """Whether a shard is complete and still there."""
        return self.note(number).exists() and self.shard(number).exists()


def make_shard(settings: ShardSettings, number: int, offset: int) -> Noted:
    """Make one shard, and note that it is complete.

    The params of a new picture depend only on the seed, its source and its number, so shards can be made anywhere, in
    any order, and again.

    Args:
        settings: What all shards have in common.
        number: Number of the shard.
        offset: Where its pictures begin in the listing.

    Returns:
        What was noted: the number of `samples`, and the `skipped` pictures, which are damaged, with the reason.

    Raises:
        InputError: If the plan does not fit the pictures.
        OSError: If the disk is full.
    """
    fast = Compiled(Plan(settings.plan).item_op())
    ops = " ".join(map(str, _calls(settings.plan)))
    samples, skipped = 0, list[dict[str, str]]()
    with single_thread(), WRITERS[settings.form].write(settings.shard(number)) as put:
        for group in _alike(_originals(settings, offset, skipped)):
            for label, data, line in _samples(fast, group, settings):
                put(data, label, line | {"ops": ops, "plan": settings.plan})
                samples += 1
    noted = Noted(samples=samples, skipped=skipped)
    write_json(settings.note(number), noted)
    return noted


def set_up_worker(stop: Event) -> None:
    """In a worker process: end with the parent, and before the next picture once the event is set."""
    global _stop
    _stop = stop
    quieten()
    end_with_parent()


_stop: Event | None = None


class _Original(NamedTuple):
    """An original of which one new picture is made, the `number`-th of it."""

    label: int
    file: str
    number: int
    pixels: UInt8[Tensor, "1 c h w"]


def _originals(settings: ShardSettings, offset: int, skipped: list[dict[str, str]]) -> Iterator[_Original]:
    """The originals of a shard, each as often as it has new pictures; damaged ones are noted instead."""
    for label, file in read_listing(Path(settings.out) / PICTURES, offset, settings.pictures):
        if _stop is not None and _stop.is_set():
            raise KeyboardInterrupt
        try:
            pixels = _read(Path(settings.data) / file)
        except InputError as error:
            skipped.append({"file": file, "reason": str(error)})
            continue
        for number in range(settings.per_item):
            yield _Original(label, file, number, pixels)


def _alike(originals: Iterable[_Original]) -> Iterator[list[_Original]]:
    """Originals of one size that follow each other, few enough that they take little memory."""
    group: list[_Original] = []
    for original in originals:
        if group:
            first = group[0].pixels
            if original.pixels.shape != first.shape or (len(group) + 1) * first.numel() > BYTES_AT_ONCE:
                yield group
                group = []
        group.append(original)
    if group:
        yield group


BYTES_AT_ONCE = 1 << 20
"""Most bytes of pixels that are changed in one call, unless one picture has more."""


def _samples(
    fast: Compiled, group: Sequence[_Original], settings: ShardSettings
) -> Iterator[tuple[int, bytes, dict[str, Any]]]:
    """The label, the file and the line of the manifest of each new picture."""
    drawn = [fast.sample(1, generator(settings.seed, "shards", one.file, one.number)) for one in group]
    try:
        changed = fast.apply(torch.cat([one.pixels for one in group]), join(drawn))
    except InputError as error:  # an op does not know which file its pictures come from
        raise InputError(f"{Path(settings.data) / group[0].file}: {error}") from None
    for original, params, image in zip(group, drawn, changed, strict=True):
        label, file = original.file.split("/")
        name = f"{label}/{file.rpartition('.')[0][:STEM]}-{original.number:05}.{settings.encode}"
        line = {"file": name, "class": label, "source": original.file, "number": original.number}
        line |= {"params": params_to_json(params), "seed": settings.seed}
        yield original.label, ENCODINGS[settings.encode](image), line


def _read(path: Path) -> UInt8[Tensor, "1 c h w"]:
    pixels = decode_in_own_size(read_bytes(path, MAX_FILE_BYTES), str(path), MAX_PIXELS)
    return torch.from_numpy(np.require(pixels, requirements="W"))[None]


def _calls(plan: str) -> tuple[Any, ...]:
    clauses = {placement: clause for clause in Plan(plan).syntax.clauses for placement in clause.placements}
    return tuple((clauses.get("shots") or clauses["support"]).calls)
