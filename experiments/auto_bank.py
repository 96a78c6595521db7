"""Thousands of tasks from hundreds of sets: what is seen of each support, and what each plan gains on clean queries.

    python experiments/auto_bank.py PACK.zip OUT.curriculum [--encoder NAME] [--shard 0/3] [--minutes 6] [--quick]

PACK comes from `experiments/auto_sets.py`. The data sets as they are come first, then sets with nuisances, one
after the other until the time is up; each is appended to OUT as soon as it is measured. `read_curriculum` reads them.
"""

import argparse
import io
import json
import struct
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from conv4_by_families import STEPS, half_of, train_conv4
from drawn_pictures import drawn
from numpy.typing import NDArray
from PIL import Image

from manyshot.base.seeds import generator
from manyshot.meta_augment.auto.bank import Bank, Encode, draw_tasks, fill_bank, look, measure_gains
from manyshot.meta_augment.auto.curriculum import CurriculumSet, make_curriculum_set
from manyshot.meta_augment.auto.menu import CANDIDATES, COPIES, SIDE
from manyshot.nets import ENCODERS, pretrained

MOST, MOST_AS_IS = 50, 96
"""Pictures of a set with nuisances, and of a data set as it is."""
TASKS = {1: 24, 2: 24, 5: 24}
PLAIN_TASKS = {1: 100, 2: 100, 5: 100, 10: 30}
"""Tasks by shots, of a set with nuisances and of a data set as it is."""
WAYS = (2, 3, 5, 5, 5)
QUERIES = 15
ROWS_AT_ONCE = 40_000
"""Rows of supports that are fitted at once, copies counted."""
SCALE, FINE = 127 / float(np.arcsinh(8 * 8.0)), 60_000

Sets = dict[str, dict[str, list[bytes]]]


@dataclass(frozen=True)
class Job:
    """A curriculum set to make: a data set, a seed, and whether nuisances are put in."""

    name: str
    seed: int
    nuisances: bool


def family(name: str) -> str:
    """Data sets that are held out together: alphabets of Omniglot, scripts of printed letters, both sets of cells."""
    first = name.split(" ")[0]
    return {"glyphs": "printed letters", "Omniglot": "Omniglot", "white": "blood cells"}.get(first, name)


def read_pack(path: Path) -> Sets:
    """Pictures as files, by set and class; textures and shapes are drawn here."""
    sets: Sets = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            of_set, _, rest = name.partition("/")
            label = rest.rpartition("/")[0]
            sets.setdefault(of_set, {}).setdefault(label, []).append(archive.read(name))
    for kind in ("textures", "shapes"):
        for label, picture in drawn(kind, per_class=36, classes=24):
            file = io.BytesIO()
            picture.save(file, "PNG", compress_level=1)
            sets.setdefault(kind, {}).setdefault(label, []).append(file.getvalue())
    return sets


def list_jobs(sets: Sets, first: int, rounds: int) -> list[Job]:
    """Data sets as they are, three of a family at most, then rounds in which each family has one or two."""
    families: dict[str, list[str]] = {}
    for name in sets:
        families.setdefault(family(name), []).append(name)
    jobs = [Job(name, 0, nuisances=False) for members in families.values() for name in members[:3]]
    for number in range(first, first + rounds):
        for members in families.values():
            each = min(2, len(members))
            jobs += [
                Job(members[(each * number + k) % len(members)], 100 + number, nuisances=True) for k in range(each)
            ]
    return jobs


def build_curriculum_set(job: Job, sets: Sets, most: int, device: torch.device) -> CurriculumSet:
    """Draw classes and pictures of a set, and put nuisances in."""
    random = np.random.default_rng((job.seed, zlib.crc32(job.name.encode())))
    classes = list(sets[job.name].values())
    largest = int(np.median([len(files) for files in classes]))
    each = min(largest, int(random.choice([10, 12, 16]))) if job.nuisances else min(largest, 16)
    chosen = [classes[i] for i in random.permutation(len(classes))[: max(2, most // each)]]
    pictures, labels = [], []
    for label, files in enumerate(chosen):
        for index in random.permutation(len(files))[:each]:
            pictures.append(decode(files[index]))
            labels.append(label)
    pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous().to(device).float() / 255
    ids = np.array(labels)
    return (
        make_curriculum_set(pixels, ids, int(random.integers(2**31)))
        if job.nuisances
        else CurriculumSet(pixels, ids, ())
    )


def build_encoders(name: str, sets: Sets, device: torch.device, steps: int) -> tuple[Encode, Encode]:
    """The encoder of the families of each half: the same, or for "conv4" one that was trained on the other half."""
    if name != "conv4":
        encode = build_encoder(name, device)
        return encode, encode
    halves: tuple[list[torch.Tensor], list[torch.Tensor]] = ([], [])
    for of_set, classes in sets.items():
        for files in classes.values():
            pixels = torch.from_numpy(np.stack([decode(file) for file in files])).permute(0, 3, 1, 2).contiguous()
            halves[half_of(family(of_set))].append(pixels)
    return train_conv4(halves[1], device, steps), train_conv4(halves[0], device, steps)


def decode(file: bytes) -> NDArray[np.uint8]:
    """A picture at `SIDE` pixels, in color."""
    return np.asarray(Image.open(io.BytesIO(file)).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def build_encoder(name: str, device: torch.device) -> Encode:
    """The frozen encoder, in the fastest precision whose features agree with those of float32."""
    pretrained.AT_ONCE, pretrained.AT_ONCE_PER_THREAD = 2048, 4
    module: Any = ENCODERS.build(name, channels=3, size=SIDE, norm="batch").folded().to(device)
    probe = torch.rand(1024 if device.type == "cuda" else 8, 3, SIDE, SIDE, device=device)
    probe = torch.nn.functional.avg_pool2d(probe, 5, 1, 2)
    resolution = module.size

    def of(dtype: torch.dtype) -> Encode:
        net = (
            module.to(dtype)
            if dtype == torch.float32
            else ENCODERS.build(name, channels=3, size=SIDE, norm="batch").folded().to(device, dtype)
        )

        @torch.inference_mode()
        def encode(pictures: torch.Tensor) -> torch.Tensor:
            resized = torch.nn.functional.interpolate(
                pictures, (resolution, resolution), mode="bilinear", antialias=True
            )
            return net(resized.to(dtype)).float()

        return encode

    exact = of(torch.float32)
    best, fastest = exact, _seconds(exact, probe)
    print(f"{name} float32: {len(probe) / fastest:.0f} pictures/s", flush=True)
    for dtype in (torch.float16, torch.bfloat16) if device.type == "cuda" else ():
        encode = of(dtype)
        seconds = _seconds(encode, probe)
        a, b = exact(probe), encode(probe)
        a, b = a - a.mean(0), b - a.mean(0)
        agreement = torch.nn.functional.cosine_similarity(a, b).mean().item()
        print(
            f"{name} {dtype}: {len(probe) / seconds:.0f} pictures/s, centered cosine with float32 {agreement:.5f}",
            flush=True,
        )
        if agreement > 0.995 and seconds < fastest:
            best, fastest = encode, seconds
    return best


def _seconds(encode: Encode, pictures: torch.Tensor) -> float:
    times = []
    for _ in range(4):
        start = time.monotonic()
        encode(pictures).sum().item()
        times.append(time.monotonic() - start)
    return min(times)


def measure(
    bank: Bank, labels: NDArray[np.int64], ways: int, counts: dict[int, int], seed: int
) -> dict[int, NDArray[np.float32]]:
    """A row a task, by shots: the task, the moves and gains of each row of the menu, the accuracy of each candidate."""
    device = bank.traits.device
    rows: dict[int, NDArray[np.float32]] = {}
    for shots, count in counts.items():
        drawn = draw_tasks(labels, ways, shots, QUERIES, count, np.random.default_rng((seed, shots)))
        parts = []
        size = max(1, ROWS_AT_ONCE // max(1, drawn.support.shape[1] * (1 + COPIES))) if len(drawn.support) else 1
        for start in range(0, len(drawn.support), size):
            support, query, own, of_query = (
                torch.from_numpy(np.ascontiguousarray(part[start : start + size])).to(device)
                for part in (drawn.support, drawn.query, drawn.labels, drawn.of_query)
            )
            seen = look(bank, support, own)
            right = measure_gains(bank, support, query, own, of_query)
            parts.append(torch.cat([seen.task, seen.moves.flatten(1), seen.gains.flatten(1), right], 1).cpu())
        if parts:
            rows[shots] = torch.cat(parts).numpy()
    return rows


def write_set(path: Path, head: dict[str, Any], rows: dict[int, NDArray[np.float32]]) -> None:
    """Append a set: a line of JSON, what is seen in a byte a number, finer near 0, and accuracies in two bytes."""
    table = np.concatenate(list(rows.values()))
    seen, right = table[:, : -len(CANDIDATES)], table[:, -len(CANDIDATES) :]
    small = np.round(np.arcsinh(8 * seen) * SCALE).clip(-127, 127).astype(np.int8)
    head = {**head, "shape": small.shape, "shots": {shots: len(part) for shots, part in rows.items()}}
    # Columns change little from task to task: they compress better than rows.
    fine = np.round(right * FINE).astype(np.uint16)
    body, line = zlib.compress(small.T.tobytes() + fine.T.tobytes(), 9), json.dumps(head).encode()
    with path.open("ab") as file:
        file.write(struct.pack("<QQ", len(line), len(body)) + line + body)


def read_curriculum(path: Path) -> Iterator[tuple[dict[str, Any], dict[int, NDArray[np.float32]]]]:
    """What `write_set` wrote; a set that was cut off is left out."""
    data, at = path.read_bytes(), 0
    while at + 16 <= len(data):
        line, body = struct.unpack_from("<QQ", data, at)
        at += 16
        if at + line + body > len(data):
            return
        head = json.loads(data[at : at + line])
        stored = zlib.decompress(data[at + line : at + line + body])
        tasks, columns = head["shape"]
        small = np.frombuffer(stored, np.int8, tasks * columns).reshape(columns, tasks).T
        fine = np.frombuffer(stored, np.uint16, offset=tasks * columns).reshape(-1, tasks).T
        table = np.concatenate([np.sinh(small.astype(np.float32) / SCALE) / 8, fine.astype(np.float32) / FINE], 1)
        at += line + body
        rows, start = {}, 0
        for shots, count in head["shots"].items():
            rows[int(shots)] = table[start : start + count]
            start += count
        yield head, rows


def run(given: argparse.Namespace) -> None:
    """Measure sets until the time is up."""
    start = time.monotonic()
    device = torch.device("cuda" if torch.cuda.is_available() and not given.quick else "cpu")
    index, shards = map(int, given.shard.split("/"))
    sets = read_pack(given.pack)
    encoders = build_encoders(given.encoder, sets, device, 5 if given.quick else STEPS)
    jobs = list_jobs(sets, given.first, rounds=1000)
    plain = sum(not job.nuisances for job in jobs)
    jobs = [jobs[0], jobs[plain]] if given.quick else jobs[index::shards]
    print(f"{len(sets)} sets ready after {time.monotonic() - start:.0f} s", flush=True)
    for job in jobs:
        begun = time.monotonic()
        if begun - start > 60 * given.minutes or (given.out.exists() and given.out.stat().st_size > 15_500_000):
            break
        try:
            data = build_curriculum_set(job, sets, 24 if given.quick else MOST if job.nuisances else MOST_AS_IS, device)
            bank = fill_bank(data.pictures, encoders[half_of(family(job.name))], COPIES, generator(job.seed, 3))
            if device.type == "cuda":
                torch.cuda.synchronize()
            filled = time.monotonic()
            ways = int(np.random.default_rng(job.seed).choice(WAYS)) if job.nuisances else 5
            counts = TASKS if job.nuisances else PLAIN_TASKS
            rows = measure(bank, data.labels, ways, {1: 3, 2: 3, 5: 3} if given.quick else counts, job.seed)
        except (RuntimeError, ValueError) as error:  # one set less is no reason to lose the machine's time
            print(f"{job}: {type(error).__name__}: {error}", flush=True)
            continue
        if rows:
            head = {
                "set": job.name,
                "family": family(job.name),
                "seed": job.seed,
                "nuisances": data.nuisances,
                "encoder": given.encoder,
            }
            write_set(given.out, head, rows)
        print(
            f"{time.monotonic() - start:.0f} s: {job.name} {data.nuisances} {len(data.labels)} pictures: "
            f"bank {filled - begun:.2f} s, tasks {time.monotonic() - filled:.2f} s",
            flush=True,
        )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--encoder", default="efficientnet-lite0(resolution=96)", help="or conv4, trained here")
    parser.add_argument("--shard", default="0/1", help="which part of the sets, such as 0/3")
    parser.add_argument("--first", type=int, default=0, help="round of sets with nuisances to begin with")
    parser.add_argument("--minutes", type=float, default=6.0)
    parser.add_argument("--quick", action="store_true", help="two small curriculum sets on the CPU")
    run(parser.parse_args())


if __name__ == "__main__":
    main()
