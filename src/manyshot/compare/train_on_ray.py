"""Trainings of a comparison as tasks of a Ray cluster."""

import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import torch

from manyshot.base import InputError, locked_folder, quieten, write_aside
from manyshot.base.progress import bar
from manyshot.runtime.metrics_log import steps_noted
from manyshot.runtime.ray_cluster import run_on_cluster
from manyshot.runtime.run_folder import CONFIG
from manyshot.runtime.training_session import LAST
from manyshot.training.run_config import Config
from manyshot.training.train_from_config import train

PATIENCE = 60.0
"""Seconds that a training waits for a process of a lost node to release the lock of its run."""
TOKEN = ".ray-"

Files = dict[str, bytes]


def train_all_on_ray(work: Sequence[tuple[Config, Path]], on: str, jobs: int | None, note: str) -> None:
    """Train each run as a task that takes a processor core, and a GPU if it trains on one.

    A training whose node is lost restarts on another one: from its last checkpoint where the nodes share the
    folder of the comparison, else from what was there before. Nodes that do not share it send the files of a run back
    at its end. Every node needs this package, and the data at the same place. The first failure stops all.

    Args:
        work: Settings and folder of each run.
        on: "ray" for the cluster that `RAY_ADDRESS` names, else one that is started on this machine; or an address.
        jobs: Number of trainings at a time; as many as the cluster has room for if None.
        note: Text behind the progress bar.

    Raises:
        InputError: If the cluster cannot be reached or has no room, or a training cannot be done.
        TrainingDiverged: If a training diverges.
    """
    steps = sum(config.fit.steps for config, _ in work)
    gpus = max(int(config.fit.device.startswith("cuda")) for config, _ in work)
    with _shared_token(work) as token, bar() as display:
        line = display.add_task("train", total=steps, note=note)

        def tick() -> None:
            display.update(line, completed=sum(steps_noted(folder) for _, folder in work))

        calls = [
            (config.with_absolute_paths(), str(folder.resolve()), token, _files(folder)) for config, folder in work
        ]
        for number, files in run_on_cluster(_train_on_node, calls, on, jobs, gpus, tick):
            _put(files, work[number][1])


@contextmanager
def _shared_token(work: Sequence[tuple[Config, Path]]) -> Iterator[str]:
    """Name of a file beside the runs, by which a node knows whether it sees the same folder."""
    name = TOKEN + secrets.token_hex(8)
    folders = {folder.parent for _, folder in work}
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    try:
        yield name
    finally:
        for folder in folders:
            (folder / name).unlink(missing_ok=True)


def _train_on_node(config: Config, folder: str, token: str, files: Files) -> Files:
    """Train one run on a node of the cluster; returns its files where the node does not see the folder."""
    torch.set_num_threads(1)
    quieten()
    own = Path(folder)
    with ExitStack() as stack:
        if (own.parent / token).exists():
            _wait_for_lock(stack, own)
            train(config, own, resume=(own / CONFIG).exists())
            return {}
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="manyshot-")))
        _put(files, scratch)
        train(config, scratch, resume=(scratch / CONFIG).exists())
        return _files(scratch)


def _files(folder: Path) -> Files:
    """The files of a run, for those who do not see its folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def _put(files: Mapping[str, bytes], folder: Path) -> None:
    for name, data in sorted(files.items(), key=lambda file: file[0] == LAST):  # which says that all is there
        with write_aside(folder / name) as aside:
            aside.write_bytes(data)


def _wait_for_lock(stack: ExitStack, folder: Path) -> None:
    """Lock a run, which a process of a lost node may hold for a moment longer."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            stack.enter_context(locked_folder(folder))
            return
        except InputError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
