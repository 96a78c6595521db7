"""Training in several processes that `torchrun` started and that divide the tasks of each step."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.rendezvous import rendezvous
from torch.optim import Optimizer

from manyshot.base import InputError, WorkStopped, are_several, quieten
from manyshot.runtime.checkpoint import lay_out_like_weights


class PeerLost(WorkStopped):
    """Another process of this training has ended, so this one cannot continue."""

    secondary: ClassVar[bool] = True


@dataclass(frozen=True)
class Processes:
    """The processes that train together, and which of them this is.

    All of them must make the same calls in the same order; with a single process, the calls do nothing.

    Args:
        rank: Number of this process, from 0. Process 0 is the main process: it alone writes files and reports.
        count: Number of processes.
        local_rank: Number of this process on its machine, which selects its GPU.
    """

    rank: int = 0
    count: int = 1
    local_rank: int = 0

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and reports."""
        return self.rank == 0

    def split(self, tasks: int) -> "TaskShare":
        """The tasks, out of the given number, that this process works on.

        Example:
            >>> [Processes(rank, count=3).split(8).own for rank in range(3)]
            [slice(0, 2, None), slice(2, 5, None), slice(5, 8, None)]
        """
        return TaskShare(self, tasks)

    def check_batch_size(self, meta_batch_size: int) -> None:
        """Make sure that each process has a task in each step.

        Raises:
            InputError: If there are more processes than tasks.

        Example:
            >>> Processes(0, 2).check_batch_size(1)
            Traceback (most recent call last):
            manyshot.base.errors.InputError: meta_batch_size=1 for 2 processes: give each a task at least
        """
        if meta_batch_size < self.count:
            raise InputError(f"meta_batch_size={meta_batch_size} for {self.count} processes: give each a task at least")

    def device(self, name: str) -> str:
        """The device of this process, where each process has a GPU of its own.

        Args:
            name: Device that the training was asked to use, such as "cuda".

        Example:
            >>> Processes(1, 2, local_rank=1).device("cuda"), Processes(1, 2).device("cpu"), Processes().device("cuda")
            ('cuda:1', 'cpu', 'cuda')
        """
        return f"cuda:{self.local_rank}" if name == "cuda" and self.count > 1 else name

    def sum(self, *values: float) -> list[float]:
        """The sum of each number over the processes."""
        if self.count == 1:
            return list(values)
        total = torch.tensor(values, dtype=torch.float64)
        self.add_up(total)
        summed: list[float] = total.tolist()
        return summed

    def average_gradients(self, parameters: Sequence[nn.Parameter], weight: float) -> None:
        """Replace each gradient by the weighted sum over the processes.

        A parameter without a gradient counts as 0, and stays without one if no process has one.

        Args:
            parameters: Parameters, in the same order in all processes.
            weight: Weight of this process; the weights of all add up to 1.
        """
        if self.count == 1:
            return
        has = self.sum(*(float(parameter.grad is not None) for parameter in parameters))
        with_gradient = [parameter for parameter, count in zip(parameters, has, strict=True) if count]
        for dtype in dict.fromkeys(parameter.dtype for parameter in with_gradient):
            alike = [parameter for parameter in with_gradient if parameter.dtype == dtype]
            own = [torch.zeros_like(p) if p.grad is None else p.grad * weight for p in alike]
            flat = torch.cat([gradient.flatten() for gradient in own])
            self.add_up(flat)
            for parameter, summed in zip(alike, torch.split(flat, [p.numel() for p in alike]), strict=True):
                parameter.grad = torch.empty_like(parameter).copy_(summed.view(parameter.shape))

    def average_buffers(self, module: nn.Module, weight: float) -> None:
        """Replace each floating-point buffer, such as a running average, by the weighted sum over the processes.

        Args:
            module: Module with the buffers.
            weight: Weight of this process; the weights of all add up to 1.
        """
        if self.count == 1:
            return
        for buffer in module.buffers():
            if buffer.is_floating_point():
                averaged = buffer.detach() * weight
                self.add_up(averaged)
                buffer.copy_(averaged)

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """Run the block in the main process before the others, so that files which it writes are written once."""
        if not self.is_main:
            self.broadcast()
        yield
        if self.is_main:
            self.broadcast()

    def broadcast(self, value: Any = None) -> Any:  # noqa: ANN401 - whatever can be pickled
        """The value that the main process gives; the other processes wait for it."""
        if self.count == 1:
            return value
        box = [value]
        with _peers_alive():
            dist.broadcast_object_list(box, src=0, device=torch.device("cpu"))
        return box[0]

    def add_up(self, values: Tensor) -> None:
        """Replace a tensor, in place, by its sum over the processes."""
        with _peers_alive():
            dist.all_reduce(values)


SINGLE_PROCESS = Processes()


@dataclass(frozen=True)
class TaskShare:
    """The tasks that one process works on, out of a number of tasks that all processes divide among them.

    The tasks are consecutive. Every task has the same weight, whichever process works on it.

    Args:
        processes: Processes that divide the tasks.
        tasks: Number of tasks.
    """

    processes: Processes
    tasks: int

    @property
    def own(self) -> slice:
        """This process's tasks."""
        rank, count = self.processes.rank, self.processes.count
        return slice(self.tasks * rank // count, self.tasks * (rank + 1) // count)

    @property
    def weight(self) -> float:
        """Fraction of the tasks that are this process's."""
        return float((self.own.stop - self.own.start) / self.tasks)

    def mean(self, value: float) -> float:
        """The mean over all tasks, from the mean over this process's tasks."""
        return self.processes.sum(self.weight * value)[0]

    def average_update(self, module: nn.Module) -> None:
        """Give all processes the gradients and running averages of all tasks."""
        self.processes.average_gradients(list(module.parameters()), self.weight)
        self.processes.average_buffers(module, self.weight)

    def gather(self, own: Tensor) -> Tensor:
        """One float64 number for each of the tasks, from the numbers of this process's tasks.

        Example:
            >>> Processes().split(2).gather(torch.ones(2, dtype=torch.float64))
            tensor([1., 1.], dtype=torch.float64)
        """
        if self.processes.count == 1:
            return own
        values = torch.zeros(self.tasks, dtype=torch.float64)
        values[self.own] = own
        self.processes.add_up(values)
        return values


REPORTED = "manyshot reported"
_store: Any = None
"""Store that the processes of this training share; it outlasts the training."""


@contextmanager
def joined_processes() -> Iterator[Processes]:
    """Join the processes that `torchrun` started, if it did; all but the main process are quiet.

    Example:
        >>> with joined_processes() as processes:
        ...     processes.count
        1
    """
    global _store
    if not are_several():
        yield SINGLE_PROCESS
        return
    # Imported only while processes are joined (as an optimizer does), its default arguments would keep them so until
    # the interpreter ends, whose end the connection's threads then may abort.
    import torch.distributed.nn

    _store, rank, count = next(rendezvous("env://"))
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", store=_store, rank=rank, world_size=count
    )
    if rank > 0:
        quieten()
    try:
        yield Processes(rank, count, int(os.environ.get("LOCAL_RANK", "0")))
    except PeerLost:
        raise
    except BaseException:
        with suppress(RuntimeError, OSError):  # the main process, which holds the store, may have ended already
            _store.add(REPORTED, 1)  # before the other processes lose the connection
        raise
    finally:
        dist.destroy_process_group()


def reports_error(message: str, secondary: bool = False) -> bool:
    """Whether this process is the one to report an error, so that the user reads it once.

    Args:
        message: Text of the error.
        secondary: Whether the error only follows from another one, and is reported only if no other one is.

    Example:
        >>> reports_error("The disk is full.")
        True
    """
    if _store is None:  # they have not joined, so all have the same error
        return not are_several() or os.environ["RANK"] == "0"
    try:
        return bool(_store.add(REPORTED if secondary else f"{REPORTED} {message}", 1) == 1)
    except (RuntimeError, OSError):  # the store has ended with the process that held it
        return not secondary


@contextmanager
def _peers_alive() -> Iterator[None]:
    """Raise PeerLost where another process has ended, which breaks the connection."""
    try:
        yield
    except RuntimeError as error:
        raise PeerLost("another process of this training has ended; resume it (--resume, or resume=True)") from error


def broadcast_state(
    processes: Processes, module: nn.Module, optimizer: Optimizer, progress: dict[str, Any]
) -> dict[str, Any]:
    """Give every process the weights, the optimizer's state and the progress of the main process.

    Returns:
        The progress.
    """
    if processes.count == 1:
        return progress
    own = (module.state_dict(), optimizer.state_dict(), progress) if processes.is_main else None
    weights, state, progress = processes.broadcast(own)
    if not processes.is_main:
        module.load_state_dict(weights)
        optimizer.load_state_dict(state)
        lay_out_like_weights(optimizer)
    return progress
