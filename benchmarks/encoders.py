"""What a frozen encoder costs: CPU time per example on one thread, and memory, each in a process of its own.

`plain` is the network as it is published, 32 pictures at once; `ours` is what `encode_examples` runs: batch
normalization folded into convolutions, and four pictures at once.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from machine import cpu_name
from output import print_table
from rich.table import Table

from manyshot.base import write_json
from manyshot.classify.encode.frozen_encoders import FROZEN, FrozenEncoder, build_encoder, load_encoder
from manyshot.nets import PretrainedEncoder

EXAMPLES, REPEATS = 32, 4
SENTENCE = "please remind me to buy milk at the shop around the corner tomorrow at {}"


def main() -> None:
    """Measure every installed encoder, print a table and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(next(row for row in FROZEN if row.name == options.one))))
        return
    rows = {row.name: in_a_process(row.name) for row in FROZEN if row.is_installed}
    table = Table("encoder", "plain, ms", "ours, ms", "loading, s", "memory, MB")
    for name, result in rows.items():
        plain = f"{result['plain_ms']:.1f}" if "plain_ms" in result else ""
        table.add_row(name, plain, f"{result['ms']:.2f}", f"{result['loading_s']:.1f}", f"{result['memory_mb']:.0f}")
    print_table(table, {})
    if options.json:
        write_json(options.json, {"cpu": cpu_name(), "torch": torch.__version__, "encoders": rows})


def in_a_process(name: str) -> dict[str, float]:
    """The figures of one encoder, from a fresh process."""
    command = [sys.executable, __file__, "--one", name]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(result.stdout.splitlines()[-1])
    return figures


def measure(row: FrozenEncoder) -> dict[str, float]:
    """CPU milliseconds per example, CPU seconds to load, and the peak of memory beyond that of torch."""
    torch.set_num_threads(1)
    before, start = memory_mb(), time.process_time()
    loaded = load_encoder(row.name)
    figures = {"loading_s": time.process_time() - start}
    items: Any = [SENTENCE.format(number) for number in range(EXAMPLES)]
    if row.kind == "pictures":
        items = torch.randint(256, (EXAMPLES, 3, row.resolution, row.resolution), dtype=torch.uint8)
    times = []
    for repeat in range(REPEATS):
        fresh = items if row.kind == "pictures" else [f"{text} {repeat}" for text in items]
        times.append(cpu_ms(lambda fresh=fresh: loaded(fresh)))
    figures |= {"ms": min(times), "memory_mb": memory_mb() - before}
    module = build_encoder(row.name)
    if isinstance(module, PretrainedEncoder):
        with torch.inference_mode():
            images = items.float() / 255
            figures["plain_ms"] = min(cpu_ms(lambda: module._through(images, 0, module.depth)) for _ in range(REPEATS))
    return figures


def cpu_ms(work: Callable[[], object]) -> float:
    """CPU milliseconds per example."""
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1000 / EXAMPLES


def memory_mb() -> float:
    """Peak of the resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
