"""Tasks of sources that are larger than the memory, which lie in memory-mapped files."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

LIMITED = """
import json, resource, sys
import numpy as np
import torch
from manyshot.datasets import pixel_cache
from manyshot.tasks import EpisodeSampler, Source

examples = int(sys.argv[1])
CLASSES, SHAPE = 64, (3, 256, 256)
size = examples * 3 * 256 * 256
resource.setrlimit(resource.RLIMIT_DATA, (size // 4, size // 4))

def fill(allocate):
    # Each class has its number in all pixels of two examples, and the file holes elsewhere, which take no disk.
    pixels = allocate(examples, *SHAPE)
    pixels[: 2 * CLASSES] = np.repeat(np.arange(CLASSES, dtype=np.uint8), 2)[:, None, None, None]
    labels = [str(label) for label in range(CLASSES) for _ in range(2)]
    return pixel_cache.Contents(labels=labels + ["rest"] * (examples - len(labels)))

pixel_cache.os.posix_fallocate = lambda *_: None
source = pixel_cache.cached_source("large", {"stamp": 1}, fill)
marked = source.subset(classes=[str(label) for label in range(CLASSES)])
right = 0
for task in range(50):
    episode = EpisodeSampler(marked, 5, 1, 1, seed=task).batch(0, 1)
    pixels = episode.support.items.flatten(2).double()
    right += bool((pixels.std(-1) == 0).all() and len(pixels.mean(-1).unique()) == 5)
everywhere = EpisodeSampler(source.subset(classes=["rest", "1"]), 2, 1, 1, seed=0).batch(0, 60)
try:
    np.zeros(size // 2, np.uint8)[:] = 1
    refused = False
except MemoryError:
    refused = True
print(json.dumps({"right": right, "sum": int(everywhere.query.items.max()), "refused": refused}))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits memory as Linux does, and needs sparse files")
def test_a_cached_source_of_four_times_the_memory_gives_tasks(tmp_path: Path) -> None:
    script = tmp_path / "limited.py"
    script.write_text(LIMITED)
    examples = (6 << 30) // (3 * 256 * 256)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MANYSHOT_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-W", "ignore", str(script), str(examples)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["refused"], "the limit is to bite, or nothing is shown"
    assert found["right"] == 50
    assert found["sum"] == 1
    (cached,) = (tmp_path / "cache" / "packed").glob("*.npy")
    assert cached.stat().st_size > 6 << 30
