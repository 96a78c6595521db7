"""A mean over tasks whose gradient is found a few tasks at a time, so that memory is that of a few tasks."""

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

    Where a gradient is wanted it is found at once, `size` tasks at a time, and what a part needed for it is freed
    before the next one. The result can be differentiated once, by the parameters and by the episode's tensors.

    Args:
        losses: of some of the tasks, each of which it treats apart from the others.
        parameters: what they depend on, beside the episode.
        episode: T tasks.
        size: tasks a part.
        threads: how many parts are worked on at a time. Sums are taken in the order of the parts, so that the bits are
            the same for any number.

    Example:
        >>> from manyshot.tasks import Sinusoids
        >>> slope = nn.Parameter(torch.ones(1))
        >>> def losses(part):
        ...     return (slope * part.query.items - part.query.labels).square().mean((1, 2))
        >>> episode = Sinusoids().batch(0, 5)
        >>> mean_with_chunked_grad(losses, [slope], episode, size=2).backward()
        >>> by_parts, slope.grad = slope.grad, None
        >>> losses(episode).mean().backward()
        >>> torch.allclose(by_parts, slope.grad)
        True
    """
    wanted = [parameter for parameter in parameters if parameter.requires_grad]
    values = [getattr(getattr(episode, side), name) for side, name in _SIDES]
    given = [value for value in values if _differentiable(value)]
    job = _Job(losses, wanted, episode, size, threads)
    # Within `apply` torch says of each tensor whether it takes a gradient, but no longer whether any is recorded.
    gradient = torch.is_grad_enabled() and bool(wanted or given)
    found: Tensor = _Mean.apply(job, gradient, *wanted, *given)  # type: ignore[no-untyped-call]
    return found


@dataclass(frozen=True, eq=False)
class _Job:
    losses: Callable[[Episode], Tensor]
    parameters: list[nn.Parameter]
    episode: Episode
    size: int
    threads: int

    def part(self, first: int, gradient: bool) -> tuple[Tensor, list[Tensor | None]]:
        """The sum of the losses of a part, and its derivatives by the parameters and by the part's own tensors."""
        part, leaves = _with_leaves(self.episode[first : first + self.size])
        with torch.set_grad_enabled(gradient):
            value = self.losses(part).sum()
            if not gradient:
                return value, []
            grads = torch.autograd.grad(value, [*self.parameters, *leaves], allow_unused=True)
        return value.detach(), list(grads)

    def parts(self, gradient: bool) -> Iterator[tuple[Tensor, list[Tensor | None]]]:
        """Each part's result in turn; with threads, parts behind it may be under way."""
        firsts = range(0, len(self.episode), self.size)
        alone = self.threads < 2 or len(firsts) < 2
        each = map if alone else _pool(self.threads, os.getpid()).map
        return iter(each(lambda first: self.part(first, gradient), firsts))


class _Mean(Function):
    @staticmethod
    def forward(ctx: Any, job: _Job, gradient: bool, *tensors: Tensor) -> Tensor:  # noqa: ANN401
        own, tasks = len(job.parameters), len(job.episode)
        values: list[Tensor] = []
        sums: list[Tensor | None] = [None] * own
        by_part: list[list[Tensor | None]] = []
        for value, grads in job.parts(gradient):
            values.append(value)
            sums = [_plus(total, slope) for total, slope in zip(sums, grads, strict=False)]
            by_part.append(grads[own:])
        if gradient:
            given = zip(zip(*by_part, strict=True), tensors[own:], strict=True)
            grads = [*sums, *(_joined(column, tensor, job.size) for column, tensor in given)]
            ctx.grads = [None if slope is None else slope / tasks for slope in grads]
        return torch.stack(values).sum() / tasks

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:  # noqa: ANN401
        return None, None, *(None if slope is None else gradient * slope for slope in ctx.grads)


def _with_leaves(part: Episode) -> tuple[Episode, list[Tensor]]:
    """The part, with tensors that a derivative is wanted by as leaves of a graph of their own."""
    leaves = []
    for side, name in _SIDES:
        examples = getattr(part, side)
        value = getattr(examples, name)
        if _differentiable(value):
            leaves.append(value.detach().requires_grad_())
            part = replace(part, **{side: replace(examples, **{name: leaves[-1]})})
    return part, leaves


def _differentiable(value: Any) -> bool:  # noqa: ANN401 - items may be strings
    return isinstance(value, Tensor) and value.requires_grad


def _plus(total: Tensor | None, slope: Tensor | None) -> Tensor | None:
    if total is None or slope is None:
        return slope if total is None else total
    return total + slope


def _joined(grads: Sequence[Tensor | None], tensor: Tensor, size: int) -> Tensor | None:
    if all(slope is None for slope in grads):
        return None
    parts = zip(grads, torch.split(tensor, size), strict=True)
    return torch.cat([torch.zeros_like(part) if slope is None else slope for slope, part in parts])


@cache
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """Threads that each compute on one core. A forked process has none of its parent's, so it makes its own."""
    return ThreadPoolExecutor(threads, "tasks", initializer=torch.set_num_threads, initargs=(1,))
