"""New pictures of a folder of millions: streamed by several processes or machines into shards."""

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from manyshot.augment import Plan
from manyshot.augment.ops.item_kinds import require_kind
from manyshot.base import InputError, did_you_mean, is_whole, locked_folder, note, read_json, write_json
from manyshot.base.atomic_files import sweep
from manyshot.base.lock import LOCK
from manyshot.base.progress import bar
from manyshot.base.seeds import check_seed
from manyshot.runtime.ray_cluster import HERE, check_place, run_on_cluster
from manyshot.samples.make_shard import ENCODINGS, PICTURES, PROGRESS, Noted, ShardSettings, make_shard, set_up_worker
from manyshot.samples.picture_listing import class_folders, shard_offsets, write_listing
from manyshot.samples.shard_writers import WRITERS, require_pyarrow

SETTINGS, CLASSES = "shards.json", "classes.json"
SHARD_SIZE, MAX_PER_ITEM = 10_000, 1_000


@dataclass(frozen=True)
class Shards:
    """What was written.

    Args:
        folder: Folder of the shards.
        shards: Number of shards.
        made: Number of those that this call made; the others were there.
        samples: Number of new pictures.
        classes: Number of classes.
        skipped: Damaged pictures of which none were made, and the reasons.
    """

    folder: Path
    shards: int
    made: int
    samples: int
    classes: int
    skipped: Sequence[Mapping[str, str]]


def augment_shards(
    data: Path | str,
    plan: Plan,
    out: Path | str,
    form: str = "webdataset",
    *,
    per_item: int = 1,
    shard_size: int = SHARD_SIZE,
    encode: str = "png",
    seed: int = 0,
    jobs: int = 1,
    on: str = HERE,
) -> Shards:
    """Make new pictures of a folder of any number of pictures and write them as shards, in flat memory.

    Each picture keeps its size. The pictures are dealt to shards at random, so that every shard holds all classes. The
    same seed gives the same bytes, however many processes there are. A call that was stopped is continued by the same
    call: shards are there or not, and those that are there are kept.

    `out` receives `00000.tar`, `00001.tar`, ... (or `.parquet`, or folders), `classes.json` with the names of the
    classes by index, and `shards.json` with the settings.

    Args:
        data: Folder with a folder of pictures per class.
        plan: Plan whose ops for shots make the pictures; its ops for the support if it has none for shots.
        out: Folder to write: empty, missing, or of the same call before.
        form: "webdataset" (tar), "parquet" or "folders".
        per_item: Number of new pictures per picture, at most `MAX_PER_ITEM`.
        shard_size: Number of new pictures of a shard, about.
        encode: "png" or "jpeg" (quality 95).
        seed: Seed of draws and order.
        jobs: Number of processes, each of which makes a shard; on Ray, the number of shards at a time.
        on: "here"; "ray", or the address of a Ray cluster whose nodes all see both folders.

    Raises:
        InputError: If an argument is out of range, the plan does not fit, or `out` holds something else.
        OSError: If the disk is full; continue when there is room.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> pets, new = (Path(tempfile.mkdtemp()) for _ in range(2))
        >>> (pets / "cat").mkdir()
        >>> Image.new("RGB", (40, 30)).save(pets / "cat" / "tom.png")
        >>> augment_shards(pets, Plan("shots: flip"), new, per_item=3).samples
        3
        >>> sorted(path.name for path in new.glob("[!.]*"))
        ['00000.tar', 'classes.json', 'shards.json']
    """
    named = Path(out).expanduser()
    data, out = Path(data).expanduser().resolve(), named.resolve()
    _check(plan, per_item, shard_size, jobs, seed)
    _check_names(form, encode)
    check_place(on)
    if out.is_relative_to(data):
        raise InputError(f"{out}: lies inside the folder of the images; give another folder")
    classes = class_folders(data)
    settings = ShardSettings(
        str(data), str(plan), str(out), per_item, form, max(1, shard_size // per_item), encode, seed
    )
    with locked_folder(out):
        offsets = _begin(settings, classes, out)
        if jobs > len(offsets):
            shards = "1 shard" if len(offsets) == 1 else f"{len(offsets)} shards"
            note(f"{shards} for {jobs} processes: a smaller shard size (--shard-size) gives all of them work")
        waiting = [n for n in range(len(offsets)) if not settings.is_done(n)]
        work = [(settings, n, offsets[n]) for n in waiting]
        _run(work, jobs, on, total=len(offsets))
        noted = [read_json(settings.note(n), Noted) for n in range(len(offsets))]
    skipped = [one for shard in noted for one in shard["skipped"]]
    samples = sum(shard["samples"] for shard in noted)
    if not samples:
        raise InputError(f"{data}: none of its pictures can be read, such as: {skipped[0]['reason']}")
    return Shards(named, len(offsets), len(waiting), samples, len(classes), skipped)


def _check(plan: Plan, per_item: int, shard_size: int, jobs: int, seed: int) -> None:
    require_kind(plan.item_op(), "images")
    check_seed(seed)
    if not (is_whole(per_item) and 1 <= per_item <= MAX_PER_ITEM):
        raise InputError(f"per_item={per_item}: give 1 to {MAX_PER_ITEM:,} new pictures per picture (--per-item)")
    for name, value in (("shard_size", shard_size), ("jobs", jobs)):
        if not (is_whole(value) and value >= 1):
            raise InputError(f"{name}={value}: give a whole number, at least 1 (--{name.replace('_', '-')})")


def _check_names(form: str, encode: str) -> None:
    if form not in WRITERS:
        raise InputError(f"form='{form}': {did_you_mean(form, WRITERS)} (--shards)")
    if encode not in ENCODINGS:
        raise InputError(f"encode='{encode}': {did_you_mean(encode, ENCODINGS)} (--encode)")
    if form == "parquet":
        require_pyarrow()


def _begin(settings: ShardSettings, classes: tuple[str, ...], out: Path) -> tuple[int, ...]:
    """Write the listing and the settings, or check those that are there; where each shard begins in the listing."""
    path, own = out / SETTINGS, asdict(settings)
    if not path.exists():
        ours = (LOCK, PROGRESS, PICTURES.removesuffix(".jsonl"))
        foreign = next((one.name for one in sorted(out.iterdir()) if not one.name.startswith(ours)), None)
        if foreign is not None:
            raise InputError(f"{out}: holds '{foreign}' and no shards; give another folder (--out)")
        sweep(out / PICTURES)
        count = write_listing(Path(settings.data), classes, out / PICTURES, settings.seed)
        (out / PROGRESS).mkdir(exist_ok=True)
        write_json(path, own | {"count": count})
    else:
        had = read_json(path, kind=dict)
        changed = next((name for name, value in own.items() if name != "out" and had.get(name) != value), None)
        if changed is not None:
            was = f"{changed}={had.get(changed)}, not {own[changed]}"
            raise InputError(f"{out}: holds shards of another call ({was}); repeat that, or give another --out")
    _sweep_shards(out)
    write_json(out / CLASSES, list(classes))
    return shard_offsets(out / PICTURES, settings.pictures)


def _sweep_shards(out: Path) -> None:
    """Remove what writers that were killed left of their shards."""
    for left in [*out.glob(".[0-9]*-????????*"), *(out / PROGRESS).glob(".[0-9]*-????????*")]:
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink()


def _run(work: Sequence[tuple[Any, ...]], jobs: int, on: str, total: int) -> None:
    with bar() as display:
        line = display.add_task("write shards", total=total, completed=total - len(work), note="")
        tally = Counter[str]()
        for noted in _made(work, min(jobs, len(work)), on):
            tally += Counter(samples=noted["samples"], skipped=len(noted["skipped"]))
            note = f"{tally['samples']:,} pictures" + (f", {tally['skipped']:,} damaged" if tally["skipped"] else "")
            display.update(line, advance=1, note=note)


def _made(work: Sequence[tuple[Any, ...]], jobs: int, on: str) -> Iterator[Noted]:
    """What each shard notes, in the order in which they are complete."""
    if on != HERE:
        yield from (noted for _, noted in run_on_cluster(make_shard, work, on, jobs))
    elif jobs <= 1:
        yield from (make_shard(*one) for one in work)
    else:
        spawn = get_context("spawn")
        stop = spawn.Event()
        with ProcessPoolExecutor(jobs, spawn, set_up_worker, (stop,)) as pool:
            try:
                for one in as_completed([pool.submit(make_shard, *job) for job in work]):
                    yield one.result()
            except BaseException:
                stop.set()
                pool.shutdown(cancel_futures=True)
                raise
