"""Several processes make the same training as one."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import nn

from child_processes import run_script
from manyshot.base import InputError
from manyshot.runtime.distributed import Processes, reports_error

SCRIPT = Path(__file__).with_name("distributed_trainings.py")
TINY = ["--encoder", "conv4(4, 4, 4, 4)", "--steps", "3", "--meta-batch-size", "2", "--ways", "2", "--validation", "0"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="shares one loading of torch, which needs fork")
@pytest.mark.parametrize(
    "what", ["same-update objectives statistics another-number same-bits", "interrupted killed refused"]
)
def test_processes_share_a_training(what, tmp_path):
    run_script(SCRIPT, str(tmp_path), *what.split())


def torchrun(folder: Path, *words: str, program: Sequence[str] = ("-m", "manyshot")) -> subprocess.CompletedProcess:
    starter = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *program]
    return subprocess.run(
        [sys.executable, "-W", "ignore", *starter, *words],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"},
    )


LEAVES = """
import os, sys, torch
from manyshot.runtime.distributed import joined_processes

with joined_processes():
    torch.optim.Adam(torch.nn.Linear(2, 2).parameters())  # its first use loads much of torch
names = [open(f"/proc/self/task/{task}/comm").read() for task in os.listdir("/proc/self/task")]
sys.exit(any("gloo" in name for name in names))
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc")
def test_threads_of_the_connection_end_with_it(tmp_path):
    (tmp_path / "leaves.py").write_text(LEAVES)
    done = torchrun(tmp_path, program=["leaves.py"])
    assert done.returncode == 0, done.stderr[-3000:]


def test_an_error_of_several_processes_is_reported_once(tmp_path):
    done = torchrun(tmp_path, "train", "nowhere", "--out", "run")
    assert done.returncode != 0
    assert done.stderr.count("Error: no data set and no folder or zip 'nowhere'") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_shares_are_disjoint_complete_and_nearly_alike(count):
    for tasks in range(count, 30):
        shares = [Processes(rank, count).split(tasks).own for rank in range(count)]
        assert [task for share in shares for task in range(tasks)[share]] == list(range(tasks))
        sizes = [share.stop - share.start for share in shares]
        assert max(sizes) - min(sizes) <= 1


def test_one_process_changes_nothing():
    alone, module = Processes(), nn.Linear(2, 2)
    before = [parameter.grad for parameter in module.parameters()]
    alone.split(3).average_update(module)
    assert [parameter.grad for parameter in module.parameters()] == before
    assert alone.sum(1.0, 2.5) == [1.0, 2.5]
    assert alone.broadcast("word") == "word"
    with alone.main_first():
        pass
    own = torch.arange(3, dtype=torch.float64)
    assert alone.split(3).gather(own) is own
    assert alone.split(3).mean(0.7) == 0.7
    assert reports_error("anything")


def test_fewer_tasks_than_processes_are_named():
    Processes(1, 2).check_batch_size(2)
    with pytest.raises(InputError, match="meta_batch_size=2 for 3 processes: give each a task at least"):
        Processes(0, 3).check_batch_size(2)


def node(folder: Path, rank: int, port: int, *words: str) -> subprocess.Popen:
    """A machine of two, each of which starts one process of its own; both on loopback."""
    starter = ["--nnodes", "2", "--node-rank", str(rank), "--nproc-per-node", "1"]
    where = ["--master-addr", "127.0.0.1", "--master-port", str(port)]
    folder.mkdir()
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "torch.distributed.run", *starter, *where, "-m", "manyshot", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"},
    )


def test_the_command_line_answers_once_and_trains_on_two_machines_as_in_two_processes_of_one(tmp_path):
    words = ["train", "digits", *TINY, "--learner", "maml", "--out", "run"]
    done = torchrun(tmp_path, *words, "--json")
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout)["steps"] == 3
    assert (tmp_path / "run" / "report.html").exists()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with node(tmp_path / "0", 0, port, *words) as first, node(tmp_path / "1", 1, port, *words) as second:
        for one in (first, second):
            _, errors = one.communicate(timeout=600)
            assert one.returncode == 0, errors[-3000:]
    assert not (tmp_path / "1" / "run").exists(), "only the first machine writes"
    for name in ("last.safetensors", "metrics.jsonl"):
        assert (tmp_path / "0" / "run" / name).read_bytes() == (tmp_path / "run" / name).read_bytes()
