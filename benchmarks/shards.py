"""Time `manyshot augment --shards` beside Albumentations in a DataLoader, on the same folder of pictures.

    python benchmarks/shards.py --quick
    python benchmarks/shards.py --json results/shards.json

Both read each picture, flip it, crop and resize it to 112 pixels and change its light, and write PNG files into a tar.
Each run is a process of its own on two folders, one with four times the pictures of the other: the difference in time
is what the pictures take, without starting up and compiling; the peak of memory shows whether it grows with the folder.
Given are pictures a CPU second, which other work on the machine hardly disturbs, and pictures a second of the clock,
which show what workers gain where cores are free. Runs of all rows are interleaved in rounds; printed are medians.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from machine import cpu_name
from output import print_table
from PIL import Image
from rich.table import Table

from manyshot.base import write_json

PLAN = "shots: flip resized_crop(0.5) brightness(0.3) contrast(0.3)"
PEER = """
import io, sys, tarfile
from pathlib import Path
import albumentations as A, cv2, numpy as np, torch
cv2.setNumThreads(1)
torch.set_num_threads(1)
files = sorted(Path(sys.argv[1]).glob("*/*.jpg"))
change = A.Compose([A.HorizontalFlip(), A.RandomResizedCrop((112, 112), scale=(0.5, 1)),
                    A.RandomBrightnessContrast(0.3, 0.3, p=1)])
class Pictures(torch.utils.data.Dataset):
    def __len__(self): return len(files)
    def __getitem__(self, index):
        picture = cv2.cvtColor(cv2.imread(str(files[index])), cv2.COLOR_BGR2RGB)
        changed = cv2.cvtColor(change(image=picture)["image"], cv2.COLOR_RGB2BGR)
        return index, cv2.imencode(".png", changed)[1].tobytes()
loader = torch.utils.data.DataLoader(Pictures(), batch_size=64, num_workers=int(sys.argv[3]), collate_fn=list)
with tarfile.open(sys.argv[2], "w") as tar:
    for batch in loader:
        for index, content in batch:
            entry = tarfile.TarInfo(f"{index}.png"); entry.size = len(content); tar.addfile(entry, io.BytesIO(content))
"""


def make_folder(folder: Path, count: int) -> None:
    """Write JPEGs of 112 x 112 pixels, smooth patterns, in four classes."""
    stream = np.random.default_rng(0)
    for index in range(count):
        path = folder / f"class{index % 4}" / f"{index:06}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(stream.integers(0, 256, (7, 7, 3), dtype=np.uint8))
        coarse.resize((112, 112), Image.Resampling.BICUBIC).save(path, quality=90)


def timed(command: list[str]) -> tuple[float, float, float]:
    """CPU seconds with children, seconds and peak MiB of the largest process of a command."""
    code = (
        "import resource,subprocess,sys,json,time;s=time.perf_counter();subprocess.run(sys.argv[1:],check=True,"
        "stdout=subprocess.DEVNULL);u=resource.getrusage(resource.RUSAGE_CHILDREN);"
        "print(json.dumps([u.ru_utime+u.ru_stime,time.perf_counter()-s,u.ru_maxrss/1024]))"
    )
    start = [sys.executable, "-c", code, *command]
    said = subprocess.run(start, check=True, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    cpu, wall, peak = json.loads(said.stdout)
    return cpu, wall, peak


def run(library: str, jobs: int, folder: Path, scratch: Path) -> tuple[float, float, float]:
    """One run of a row on a folder."""
    out = scratch / f"{time.monotonic_ns()}"
    if library == "manyshot":
        what = [
            str(folder),
            "--plan",
            PLAN,
            "--shards",
            "webdataset",
            "--shard-size",
            "200",
            "--jobs",
            str(jobs),
            "--out",
            str(out),
            "--quiet",
        ]
        return timed([sys.executable, "-m", "manyshot", "augment", *what])
    return timed([sys.executable, "-c", PEER, str(folder), f"{out}.tar", str(jobs if jobs > 1 else 0)])


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer pictures and one round")
    parser.add_argument("--pictures", type=int, default=1000, help="pictures of the smaller folder")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    small, rounds = (100, 1) if options.quick else (options.pictures, options.rounds)
    rows: dict[tuple[str, int], list[list[tuple[float, float, float]]]] = {}
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        folders = [scratch / "small", scratch / "large"]
        for folder, count in zip(folders, (small, 4 * small), strict=True):
            make_folder(folder, count)
        for _ in range(rounds):
            for library in ("manyshot", "albumentations"):
                for jobs in (1, 2):
                    both = [run(library, jobs, folder, scratch) for folder in folders]
                    rows.setdefault((library, jobs), []).append(both)
    table = Table(
        "library", "workers", "pictures a CPU second", "pictures a second", "peak MiB", "of four times as many"
    )
    results = []
    for (library, jobs), found in rows.items():
        cpu = median(3 * small / max(large[0] - few[0], 1e-9) for few, large in found)
        wall = median(3 * small / max(large[1] - few[1], 1e-9) for few, large in found)
        peaks = [median(each[k][2] for each in found) for k in (0, 1)]
        results.append(
            {
                "library": library,
                "workers": jobs,
                "pictures_a_cpu_second": round(cpu),
                "pictures_a_second": round(wall),
                "peak_mib": round(peaks[0]),
                "peak_mib_of_four_times_as_many": round(peaks[1]),
            }
        )
        table.add_row(library, str(jobs), f"{cpu:,.0f}", f"{wall:,.0f}", f"{peaks[0]:,.0f}", f"{peaks[1]:,.0f}")
    print_table(table, {})
    if options.json:
        load = os.getloadavg()[1] if hasattr(os, "getloadavg") else None
        machine = {"cpu": cpu_name(), "cores": os.cpu_count(), "rounds": rounds, "load_of_other_work": load}
        write_json(options.json, {"machine": machine, "plan": PLAN, "pictures": [small, 4 * small], "rows": results})


if __name__ == "__main__":
    main()
