"""Trainings in child processes that are stopped at bad moments and go on; `test_resume.py` runs this file by itself.

It forks instead of starting anew, so that loading torch and our kernels, which takes longer than the trainings, is paid
once.
"""

import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from child_processes import fork
from manyshot.augment import Plan
from manyshot.base import quieten
from manyshot.learners import MAML, Learner, Prototypes
from manyshot.nets import Conv4, DropBlock
from manyshot.runtime.checkpoint import load_checkpoint
from manyshot.runtime.metrics_log import MetricsLog, read_metrics
from manyshot.tasks import EpisodeSampler, Source
from manyshot.training import Settings, fit

INTERRUPTED = 3


def source() -> Source:
    images = torch.randint(256, (60, 1, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    return Source.of(images, [f"class {i % 10}" for i in range(60)])


def learner(kind: str) -> Learner:
    torch.manual_seed(0)
    if kind == "prototypes":
        return Prototypes(Conv4(1, 8, (8, 8)))
    if kind == "drop-block":
        return Prototypes(torch.nn.Sequential(torch.nn.Conv2d(1, 8, 3), DropBlock(0.3, 2), torch.nn.Flatten()))
    return MAML(torch.nn.Sequential(Conv4(1, 8, (8, 8), "group"), torch.nn.Linear(32, 3)), ways=3, step_size=0.1)


def train(folder: Path, kind: str, steps: int, optimizer: str = "adamw") -> None:
    training, held_out = source().split((0.6, 0.4), seed=0)
    settings = Settings(
        steps=steps,
        meta_batch_size=2,
        learning_rate=0.01,
        optimizer=optimizer,
        warmup_steps=3,
        eval_every=4,
        validation_tasks=3,
        save_every=5,
        seed=7,
    )
    fit(
        learner(kind),
        EpisodeSampler(training, 3, 1, 2, seed=7),
        settings,
        Plan("support: affine(20) noise(0.1)"),
        EpisodeSampler(held_out, 3, 1, 2),
        folder,
        resume=True,
    )


def train_slowly(folder: Path, kind: str, steps: int) -> None:
    """Train so that a signal sent after a few steps arrives before the last one, however busy the machine."""
    write = MetricsLog.write

    def slow(self: MetricsLog, row: dict) -> None:
        write(self, row)
        time.sleep(0.05)

    MetricsLog.write = slow
    train(folder, kind, steps)


def forked(work: Callable[[], None]) -> int:
    return fork(work, {KeyboardInterrupt: INTERRUPTED})


def finish(child: int) -> int:
    """Wait for a child; returns its exit status, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def whole(work: Callable[[], None]) -> float:
    """Do the work to its end; returns how long it took."""
    began = time.monotonic()
    assert finish(forked(work)) == 0
    return time.monotonic() - began


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in ("last.safetensors", "best.safetensors", "metrics.jsonl")}


def stopped_anywhere(base: Path, number: int, kind: str, steps: int, optimizer: str) -> None:
    """Kill several times in a row, at random moments."""
    expected = base / "expected"
    took = whole(lambda: train(expected, kind, steps, optimizer))
    chance = random.Random()
    for attempt in range(2):
        folder = base / f"killed-{attempt}"
        folder.mkdir()
        kills = 0
        for _ in range(number):
            child = forked(lambda folder=folder: train(folder, kind, steps, optimizer))
            time.sleep(chance.uniform(0, took))
            os.kill(child, signal.SIGKILL)
            kills += finish(child) == -signal.SIGKILL
        whole(lambda folder=folder: train(folder, kind, steps, optimizer))
        assert contents(folder) == contents(expected), f"attempt {attempt}, {kills} kills"


def stopped_at_every_file(base: Path) -> None:
    """Kill just before and just after each file takes its place."""
    expected = base / "expected"
    whole(lambda: train(expected, "prototypes", 12))
    replace = Path.replace

    def dying(folder: Path, at: int, after: bool) -> None:
        count = 0

        def counted(self: Path, target: Path) -> Path:
            nonlocal count
            count += 1
            if count == at and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            result = replace(self, target)
            if count == at:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        Path.replace = counted
        train(folder, "prototypes", 12)

    at = 0
    while True:
        at += 1
        ends = []
        for after in (False, True):
            folder = base / f"at-{at}-{after}"
            folder.mkdir()
            ends.append(finish(forked(lambda f=folder, n=at, a=after: dying(f, n, a))))
            whole(lambda f=folder: train(f, "prototypes", 12))
            assert contents(folder) == contents(expected), f"file {at}, after: {after}"
            assert not list(folder.glob(".*")), "halves of files were left"
        if ends == [0, 0]:
            break
        assert ends == [-signal.SIGKILL] * 2, ends
    assert at > 6, at  # first weights, the record, at least one best, three later checkpoints


def interrupted(base: Path) -> None:
    """Press Ctrl-C: the step is ended, a checkpoint written, and the training goes on from there."""
    expected, folder = base / "expected", base / "interrupted"
    took = whole(lambda: train(expected, "maml", 60))
    folder.mkdir()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    child = forked(lambda: train_slowly(folder, "maml", 60))
    rows = folder / "metrics.jsonl"
    deadline = time.monotonic() + 20 * took + 20
    while not (rows.exists() and rows.read_bytes().count(b"\n") > 7) and time.monotonic() < deadline:
        time.sleep(0.001)
    os.kill(child, signal.SIGINT)
    assert finish(child) == INTERRUPTED
    stopped = load_checkpoint(folder / "last.safetensors", learner("maml"))["step"]
    assert stopped == read_metrics(rows)[-1]["step"], "it stopped without a checkpoint of its last step"
    assert 7 <= stopped < 60
    whole(lambda: train(folder, "maml", 60))
    assert contents(folder) == contents(expected)


def damaged_record(base: Path) -> None:
    """Cut the record's last line short, as a full disk would."""
    expected, folder = base / "expected", base / "cut"
    whole(lambda: train(expected, "prototypes", 12))
    shutil.copytree(expected, folder)
    path = folder / "metrics.jsonl"
    path.write_bytes(path.read_bytes() + b'{"step": 13, "lo')
    whole(lambda: train(folder, "prototypes", 12))
    assert contents(folder) == contents(expected)


if __name__ == "__main__":
    torch.set_num_threads(1)
    quieten()
    for kind in ("prototypes", "maml"):  # load what the first training of a process would load
        train(Path(sys.argv[1]) / f"{kind} before", kind, 1)
    parts: dict[str, Callable[[Path], None]] = {
        "random": lambda base: stopped_anywhere(base, 3, "prototypes", 40, "adamw"),
        "random-sgd": lambda base: stopped_anywhere(base, 2, "maml", 20, "sgd"),
        "random-drop-block": lambda base: stopped_anywhere(base, 1, "drop-block", 15, "adamw"),
        "files": stopped_at_every_file,
        "interrupt": interrupted,
        "record": damaged_record,
    }
    for name in sys.argv[2:]:
        parts[name](Path(sys.argv[1]) / name)
