"""Several processes that share each step of a training, as `torchrun` starts them."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
    """Another process of this training has ended, so that this one cannot go on."""

    secondary: ClassVar[bool] = True


@dataclass(frozen=True)
class Processes:
    """The processes of a training and which of them this is.

    All of them must make the same calls in the same order; where there is one, each call does nothing.

    Args:
        rank: the number of this process, from 0. Process 0 alone writes files and reports.
        count: how many there are.
        local: the number of this process on its machine, which chooses its GPU.
    """

    rank: int = 0
    count: int = 1
    local: int = 0

    @property
    def leads(self) -> bool:
        """Whether this process writes and reports."""
        return self.rank == 0

    def share(self, tasks: int) -> slice:
        """Which of T tasks are this process's: consecutive ones, as many as the others' or one more or less.

        Example:
            >>> [Processes(rank, count=3).share(8) for rank in range(3)]
            [slice(0, 2, None), slice(2, 5, None), slice(5, 8, None)]
        """
        return slice(tasks * self.rank // self.count, tasks * (self.rank + 1) // self.count)

    def device(self, name: str) -> str:
        """The device of this process where all are to use `name`: each has a GPU of its own.

        Example:
            >>> Processes(1, 2, local=1).device("cuda"), Processes(1, 2).device("cpu"), Processes().device("cuda")
            ('cuda:1', 'cpu', 'cuda')
        """
        return f"cuda:{self.local}" if name == "cuda" and self.count > 1 else name

    def sum(self, *values: float) -> list[float]:
        """The sums of numbers over the processes."""
        if self.count == 1:
            return list(values)
        total = torch.tensor(values, dtype=torch.float64)
        self._reduce(total)
        summed: list[float] = total.tolist()
        return summed

    def joined(self, own: Tensor, share: slice, whole: int) -> Tensor:
        """One tensor of `whole` float64 values, of which each process knows those of its share.

        Example:
            >>> Processes().joined(torch.ones(2, dtype=torch.float64), slice(0, 2), 2)
            tensor([1., 1.], dtype=torch.float64)
        """
        if self.count == 1:
            return own
        values = torch.zeros(whole, dtype=torch.float64)
        values[share] = own
        self._reduce(values)
        return values

    def sum_gradients(self, parameters: Sequence[nn.Parameter], weight: float) -> None:
        """Replace each gradient by the sum over the processes, each times its weight; in one message a type.

        A parameter without a gradient counts as 0, and stays without one where no process has any.
        """
        if self.count == 1:
            return
        has = self.sum(*(float(parameter.grad is not None) for parameter in parameters))
        with_gradient = [parameter for parameter, there in zip(parameters, has, strict=True) if there]
        for dtype in dict.fromkeys(parameter.dtype for parameter in with_gradient):
            alike = [parameter for parameter in with_gradient if parameter.dtype == dtype]
            own = [torch.zeros_like(p) if p.grad is None else p.grad * weight for p in alike]
            flat = torch.cat([gradient.flatten() for gradient in own])
            self._reduce(flat)
            for parameter, summed in zip(alike, torch.split(flat, [p.numel() for p in alike]), strict=True):
                parameter.grad = torch.empty_like(parameter).copy_(summed.view(parameter.shape))

    def average_buffers(self, module: nn.Module, weight: float) -> None:
        """Give running averages and the like the weighted mean over the processes; counts are the same in all."""
        if self.count == 1:
            return
        for buffer in module.buffers():
            if buffer.is_floating_point():
                averaged = buffer.detach() * weight
                self._reduce(averaged)
                buffer.copy_(averaged)

    @contextmanager
    def leader_first(self) -> Iterator[None]:
        """Let process 0 do the block before the others, so that files which it makes there are made once."""
        if not self.leads:
            self.from_leader()
        yield
        if self.leads:
            self.from_leader()

    def from_leader(self, value: Any = None) -> Any:  # noqa: ANN401 - whatever can be pickled
        """What process 0 gives; the others give nothing and wait for it."""
        if self.count == 1:
            return value
        box = [value]
        with _told():
            dist.broadcast_object_list(box, src=0, device=torch.device("cpu"))
        return box[0]

    def _reduce(self, values: Tensor) -> None:
        with _told():
            dist.all_reduce(values)


ALONE = Processes()

TOLD = "manyshot told"
_store: Any = None
"""Where processes of this training leave word for each other; outlasts the training."""


@contextmanager
def together() -> Iterator[Processes]:
    """Join the processes that `torchrun` started, if it did; all but process 0 are quiet.

    Example:
        >>> with together() as processes:
        ...     processes.count
        1
    """
    global _store
    if not are_several():
        yield ALONE
        return
    # Imported only while processes are joined (as an optimiser does), its default arguments would keep them so until
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
        _store.add(TOLD, 1)  # before the others find out
        raise
    finally:
        dist.destroy_process_group()


def reports_error(message: str, secondary: bool = False) -> bool:
    """Whether no other process of this training has told a person the same, nor will.

    Args:
        message: what is to be told.
        secondary: whether it is to be told only where nothing else is.

    Example:
        >>> reports_error("The disk is full.")
        True
    """
    if _store is None:  # they have not joined: all tell the same
        return not are_several() or os.environ["RANK"] == "0"
    try:
        return bool(_store.add(TOLD if secondary else f"{TOLD} {message}", 1) == 1)
    except (RuntimeError, OSError):  # the store has ended with the process that held it
        return not secondary


@contextmanager
def _told() -> Iterator[None]:
    """Turn the end of another process, which breaks the connection, into an error of ours."""
    try:
        yield
    except RuntimeError as error:
        raise PeerLost("another process of this training has ended; go on with --resume") from error


def broadcast_state(
    processes: Processes, learner: nn.Module, optimizer: Optimizer, progress: dict[str, Any]
) -> dict[str, Any]:
    """Give every process the weights, the optimiser's state and the progress of process 0.

    Returns:
        The progress.
    """
    if processes.count == 1:
        return progress
    given = (learner.state_dict(), optimizer.state_dict(), progress) if processes.leads else None
    weights, state, progress = processes.from_leader(given)
    if not processes.leads:
        learner.load_state_dict(weights)
        optimizer.load_state_dict(state)
        lay_out_like_weights(optimizer)
    return progress


def check_share(tasks: int, processes: Processes) -> None:
    """Make sure that every process has a task.

    Raises:
        InputError: if not.

    Example:
        >>> check_share(1, Processes(0, 2))
        Traceback (most recent call last):
        manyshot.base.errors.InputError: meta_batch_size=1 for 2 processes: give each a task at least
    """
    if tasks < processes.count:
        raise InputError(f"meta_batch_size={tasks} for {processes.count} processes: give each a task at least")
