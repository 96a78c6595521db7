"""A mean over tasks whose gradient is computed a few tasks at a time, to bound the memory."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from manyshot.tasks import Episode

_SIDES = [(side, name) for side in ("support", "query") for name in ("items", "labels", "weight")]


def mean_with_chunked_grad(
    losses: Callable[[Episode], Float[Tensor, " t"]],
    parameters: Sequence[nn.Parameter],
    episode: Episode,
    size: int,
    threads: int = 1,
) -> Float[Tensor, ""]:
    """The mean of the losses of T tasks, with its gradient.

    If a gradient is needed it is computed in the forward pass, `size` tasks at a time, and the graph of each chunk is
    freed before the next one. The result can be differentiated once, with respect to the parameters and the tensors of
    the episode.

    Args:
        losses: Function from some of the tasks to their losses, which must not depend on each other.
        parameters: Parameters that the losses depend on.
        episode: T tasks.
        size: Number of tasks per chunk.
        threads: Number of chunks that are computed at a time. Sums are taken in the order of the chunks, so that
            results are bit-identical for any number.

    Example:
        >>> from manyshot.tasks import Sinusoids
        >>> weight = nn.Parameter(torch.ones(1))
        >>> def losses(chunk):
        ...     return (weight * chunk.query.items - chunk.query.labels).square().mean((1, 2))
        >>> episode = Sinusoids().batch(0, 5)
        >>> mean_with_chunked_grad(losses, [weight], episode, size=2).backward()
        >>> chunked, weight.grad = weight.grad, None
        >>> losses(episode).mean().backward()
        >>> torch.allclose(chunked, weight.grad)
        True
    """
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    values = [getattr(getattr(episode, side), name) for side, name in _SIDES]
    inputs = [value for value in values if _differentiable(value)]
    job = _Job(losses, trained, episode, size, threads)
    # Inside a Function's forward, torch no longer tells whether gradients are enabled.
    gradient = torch.is_grad_enabled() and bool(trained or inputs)
    mean: Tensor = _Mean.apply(job, gradient, *trained, *inputs)  # type: ignore[no-untyped-call]
    return mean


@dataclass(frozen=True, eq=False)
class _Job:
    losses: Callable[[Episode], Tensor]
    parameters: list[nn.Parameter]
    episode: Episode
    size: int
    threads: int

    def chunk(self, first: int, gradient: bool) -> tuple[Tensor, list[Tensor | None]]:
        """The sum of the losses of a chunk, and its gradient by the parameters and by the tensors of the chunk."""
        chunk, leaves = _with_leaves(self.episode[first : first + self.size])
        with torch.set_grad_enabled(gradient):
            value = self.losses(chunk).sum()
            if not gradient:
                return value, []
            grads = torch.autograd.grad(value, [*self.parameters, *leaves], allow_unused=True)
        return value.detach(), list(grads)

    def chunks(self, gradient: bool) -> Iterator[tuple[Tensor, list[Tensor | None]]]:
        """The result of each chunk in order; with threads, later chunks may already be running."""
        firsts = range(0, len(self.episode), self.size)
        sequential = self.threads < 2 or len(firsts) < 2
        map_chunks = map if sequential else _pool(self.threads, os.getpid()).map
        return iter(map_chunks(lambda first: self.chunk(first, gradient), firsts))


class _Mean(Function):
    @staticmethod
    def forward(ctx: Any, job: _Job, gradient: bool, *tensors: Tensor) -> Tensor:  # noqa: ANN401
        count, tasks = len(job.parameters), len(job.episode)
        values: list[Tensor] = []
        sums: list[Tensor | None] = [None] * count
        by_chunk: list[list[Tensor | None]] = []
        for value, grads in job.chunks(gradient):
            values.append(value)
            sums = [_plus(total, grad) for total, grad in zip(sums, grads, strict=False)]
            by_chunk.append(grads[count:])
        if gradient:
            inputs = zip(zip(*by_chunk, strict=True), tensors[count:], strict=True)
            grads = [*sums, *(_joined(column, tensor, job.size) for column, tensor in inputs)]
            ctx.grads = [None if grad is None else grad / tasks for grad in grads]
        return torch.stack(values).sum() / tasks

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:  # noqa: ANN401
        return None, None, *(None if grad is None else gradient * grad for grad in ctx.grads)


def _with_leaves(chunk: Episode) -> tuple[Episode, list[Tensor]]:
    """The chunk with its differentiable tensors as leaves of a new graph, and these leaves."""
    leaves = []
    for side, name in _SIDES:
        examples = getattr(chunk, side)
        value = getattr(examples, name)
        if _differentiable(value):
            leaves.append(value.detach().requires_grad_())
            chunk = replace(chunk, **{side: replace(examples, **{name: leaves[-1]})})
    return chunk, leaves


def _differentiable(value: Any) -> bool:  # noqa: ANN401 - items may be strings
    return isinstance(value, Tensor) and value.requires_grad


def _plus(total: Tensor | None, grad: Tensor | None) -> Tensor | None:
    if total is None or grad is None:
        return grad if total is None else total
    return total + grad


def _joined(grads: Sequence[Tensor | None], tensor: Tensor, size: int) -> Tensor | None:
    if all(grad is None for grad in grads):
        return None
    chunks = zip(grads, torch.split(tensor, size), strict=True)
    return torch.cat([torch.zeros_like(chunk) if grad is None else grad for grad, chunk in chunks])


@cache
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """A pool of single-core threads; one for each process, since a forked process does not inherit threads."""
    return ThreadPoolExecutor(threads, "tasks", initializer=torch.set_num_threads, initargs=(1,))
