"""Trainings in several real processes over gloo; `test_distributed.py` runs this file by itself.

It forks instead of starting anew, so that loading torch and our kernels, which takes longer than the trainings, is paid
once.
"""

import json
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from child_processes import fork
from manyshot.augment import Plan
from manyshot.base import InputError, TrainingDiverged, quieten
from manyshot.base.seeds import generator
from manyshot.learners import MAML, Learner, Prototypes
from manyshot.nets import Conv4
from manyshot.objectives import OBJECTIVES
from manyshot.runtime.checkpoint import load_checkpoint
from manyshot.runtime.distributed import PeerLost, Processes, joined_processes
from manyshot.runtime.metrics_log import MetricsLog, read_metrics
from manyshot.tasks import Episode, EpisodeSampler, Source
from manyshot.training import Settings, fit

INTERRUPTED, LOST, REFUSED, DIVERGED = 3, 4, 5, 6
STATUSES = {KeyboardInterrupt: INTERRUPTED, PeerLost: LOST, TrainingDiverged: DIVERGED, InputError: REFUSED}


class Precise:
    """Tasks in float64, so that sums in another order differ by nothing that counts."""

    def __init__(self, tasks: EpisodeSampler) -> None:
        self.tasks = tasks

    def batch(self, first: int, count: int) -> Episode:
        return self.tasks.batch(first, count).as_float().to("cpu", torch.float64)


PLAN = Plan("task: turn; support+query: noise(0.1) flip")


def source() -> Source:
    images = torch.randint(256, (80, 1, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    return Source.of(images, [f"class {i % 10}" for i in range(80)])


def training_tasks() -> Precise:
    """Ways and shots vary, so that tasks weigh alike only if each counts as one."""
    return Precise(EpisodeSampler(source().split((0.6, 0.4), seed=0)[0], (2, 3), (1, 2), 2, seed=7))


def learner(kind: str) -> Learner:
    torch.manual_seed(0)
    if kind == "maml":
        return MAML(nn.Sequential(Conv4(1, 8, (8, 8), "group"), nn.Linear(32, 3)), ways=3, step_size=0.1)
    return Prototypes(Conv4(1, 8, (8, 8), "batch" if kind == "batch" else "group"))


def train(
    processes: Processes,
    folder: Path | None,
    kind: str = "maml",
    steps: int = 6,
    tasks: int = 4,
    objective: str = "plain",
    learning_rate: float = 0.01,
    optimizer: str = "adamw",
) -> Learner:
    _, held_out = source().split((0.6, 0.4), seed=0)
    settings = Settings(
        steps=steps,
        meta_batch_size=tasks,
        learning_rate=learning_rate,
        schedule="constant",
        optimizer=optimizer,
        warmup_steps=3,
        eval_every=4,
        validation_tasks=3,
        save_every=4,
        seed=7,
    )
    built = learner(kind).double()
    validation = None if kind == "batch" else Validation(held_out)
    fit(
        built,
        training_tasks(),
        settings,
        PLAN,
        validation,
        folder,
        True,
        "train",
        OBJECTIVES.build(objective),
        processes,
    )
    return built


class Validation(EpisodeSampler):
    """Held-out tasks in float64."""

    def __init__(self, held_out: Source) -> None:
        super().__init__(held_out, 3, 1, 2)

    def batch(self, first: int, count: int) -> Episode:
        return super().batch(first, count).as_float().to("cpu", torch.float64)


def started(count: int, work: Callable[[Processes], None]) -> list[int]:
    """Do the work in so many processes that have joined each other; returns their ids."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def joined(rank: int) -> None:
        os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(count), "LOCAL_RANK": str(rank)}
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        with joined_processes() as processes:
            assert (processes.rank, processes.count) == (rank, count)
            work(processes)

    if count == 1:
        return [fork(lambda: work(Processes()), STATUSES)]
    return [fork(lambda rank=rank: joined(rank), STATUSES) for rank in range(count)]


def ended(children: list[int], seconds: float = 120) -> list[int]:
    """Wait for children, with patience; their exit statuses, or minus the signals that ended them."""
    deadline, statuses = time.monotonic() + seconds, {}
    while len(statuses) < len(children):
        for child in children:
            if child not in statuses:
                result, status = os.waitpid(child, os.WNOHANG)
                if result:
                    statuses[child] = os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            for child in set(children) - set(statuses):
                os.kill(child, signal.SIGKILL)
            raise AssertionError(f"some processes hang: {statuses}")
        time.sleep(0.01)
    return [statuses[child] for child in children]


def together_in(count: int, folder: Path, **options: object) -> dict[str, torch.Tensor]:
    """Train in so many processes; the weights of process 0, after making sure that all have the same."""

    def work(processes: Processes) -> None:
        weights = train(processes, folder, **options).state_dict()
        torch.save(weights, f"{folder}-{processes.rank}.pt")

    assert ended(started(count, work)) == [0] * count
    every = [torch.load(f"{folder}-{rank}.pt", weights_only=True) for rank in range(count)]
    for other in every[1:]:
        assert all(torch.equal(other[name], every[0][name]) for name in other), "processes have drifted apart"
    return every[0]


def distance(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    return max(float((one[name] - other[name]).abs().max()) for name in one)


def same_update(base: Path) -> None:
    """Two and three processes (of four tasks: one each, but for one of two) make the update that one makes."""
    alone, two, three = (together_in(n, base / f"{n}", kind="maml") for n in (1, 2, 3))
    assert distance(alone, two) < 1e-10
    assert distance(alone, three) < 1e-10
    assert distance(alone, learner("maml").double().state_dict()) > 1e-3
    rows = [read_metrics(base / f"{n}" / "metrics.jsonl") for n in (1, 2)]
    assert len(rows[0]) == 6 + 2
    for row, other in zip(*rows, strict=True):
        assert row.keys() == other.keys()
        assert all(abs(row[name] - other[name]) < 1e-10 for name in row), (row, other)


def every_objective(base: Path) -> None:
    """Objectives draw, and mix the tasks of a step, alike for any number of processes."""
    plain = together_in(1, base / "plain", kind="prototypes", steps=3)
    for objective in ("maxup(2)", "mlti", "metamix", "channel_shuffle", "adversarial"):
        options = {"kind": "prototypes", "objective": objective, "steps": 3}
        alone, two = (together_in(n, base / f"{objective}-{n}", **options) for n in (1, 2))
        assert distance(alone, two) < 1e-10, objective
        assert distance(alone, plain) > 1e-6, "no effect"


def batch_statistics(base: Path) -> None:
    """Running averages are the mean of those that the processes found on their own tasks."""
    drawn = PLAN.apply(training_tasks().batch(0, 4), generator(7, "plan", 0))
    halves = []
    for half in (slice(0, 2), slice(2, 4)):
        alone = learner("batch").double().train()
        alone.loss(drawn[half])
        halves.append(dict(alone.named_buffers()))
    result = together_in(2, base / "two", kind="batch", steps=1)
    for name, buffer in halves[0].items():
        expected = (buffer + halves[1][name]) / 2
        assert torch.allclose(result[name].double(), expected.double(), rtol=0, atol=1e-12), name
        assert not buffer.is_floating_point() or float((buffer - expected).abs().max()) > 1e-9


def another_number(base: Path) -> None:
    """A training goes on in two processes and then in one, and ends where one that never stopped does."""
    whole = together_in(1, base / "whole", steps=12)
    folder = base / "moved"
    for count, steps in ((1, 4), (2, 8), (1, 12)):
        moved = together_in(count, folder, steps=steps)
    assert [row["step"] for row in read_metrics(folder / "metrics.jsonl") if "loss" in row] == list(range(1, 13))
    assert distance(whole, moved) < 1e-10


def same_bits(base: Path) -> None:
    """The same number of processes ends with the same bits, stopped or not; process 0 alone writes."""
    files = ("last.safetensors", "best.safetensors", "metrics.jsonl")
    together_in(2, base / "whole", steps=8)
    for steps in (4, 8):
        together_in(2, base / "stopped", steps=steps)
    for name in files:
        assert (base / "whole" / name).read_bytes() == (base / "stopped" / name).read_bytes(), name
    assert len(list((base / "whole" / "tensorboard").iterdir())) == 1
    assert json.loads((base / "whole" / "timing.json").read_text())["cpu_seconds"] > 0
    assert not list((base / "whole").glob(".*"))


def slowly(folder: Path) -> Callable[[Processes], None]:
    """A training so slow that a signal sent after a few steps arrives before its last one."""

    def work(processes: Processes) -> None:
        write = MetricsLog.write

        def slow(self: MetricsLog, row: dict) -> None:
            write(self, row)
            time.sleep(0.02)

        MetricsLog.write = slow
        train(processes, folder, steps=2000)

    return work


def after_some_steps(folder: Path) -> None:
    rows, deadline = folder / "metrics.jsonl", time.monotonic() + 60
    while not (rows.exists() and rows.read_bytes().count(b"\n") > 5):
        assert time.monotonic() < deadline
        time.sleep(0.005)


def interrupted(base: Path) -> None:
    """Ctrl-C, at all processes or at any one alone, ends all after the same step with a checkpoint."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for victims in ((0, 1), (0,), (1,)):
        folder = base / "-".join(map(str, victims))
        folder.mkdir()
        children = started(2, slowly(folder))
        after_some_steps(folder)
        for victim in victims:
            os.kill(children[victim], signal.SIGINT)
        assert ended(children) == [INTERRUPTED] * 2
        stopped = load_checkpoint(folder / "last.safetensors", learner("maml").double())["step"]
        assert stopped == read_metrics(folder / "metrics.jsonl")[-1]["step"] < 2000


def killed(base: Path) -> None:
    """A process that is killed ends the others too, at once and with an error that says so."""
    for victim in (0, 1):
        folder = base / f"{victim}"
        folder.mkdir()
        children = started(2, slowly(folder))
        after_some_steps(folder)
        os.kill(children[victim], signal.SIGKILL)
        began = time.monotonic()
        statuses = ended(children, 60)
        assert statuses[victim] == -signal.SIGKILL
        assert statuses[1 - victim] == LOST
        assert time.monotonic() - began < 30
        together_in(2, folder, steps=8)  # and it can go on
        shutil.rmtree(folder)


def refused(base: Path) -> None:
    """What is wrong for all is refused by all, and a divergence stops all; the good weights are kept."""
    work = lambda processes: train(processes, base / "few", tasks=1)  # noqa: E731
    assert ended(started(2, work)) == [REFUSED] * 2
    assert not (base / "few").exists()
    work = lambda processes: train(processes, base / "burst", learning_rate=1e30, optimizer="sgd", steps=40)  # noqa: E731
    assert ended(started(2, work)) == [DIVERGED] * 2
    weights = learner("maml").double()
    load_checkpoint(base / "burst" / "last.safetensors", weights)
    assert all(bool(value.isfinite().all()) for value in weights.state_dict().values())


if __name__ == "__main__":
    torch.set_num_threads(1)
    quieten()
    train(Processes(), None, steps=1)  # loads what the first training of a process would load
    parts: dict[str, Callable[[Path], None]] = {
        "same-update": same_update,
        "objectives": every_objective,
        "statistics": batch_statistics,
        "another-number": another_number,
        "same-bits": same_bits,
        "interrupted": interrupted,
        "killed": killed,
        "refused": refused,
    }
    for name in sys.argv[2:]:
        place = Path(sys.argv[1]) / name
        place.mkdir()
        parts[name](place)
