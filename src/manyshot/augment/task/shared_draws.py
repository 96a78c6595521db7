"""Ops of items with draws that a class or a task shares: rotated or mirrored classes as new classes.

A letter that lies on its side is a different letter: rotating a *class*, every support and query item of it alike,
makes a class that the source does not have (Santoro et al. 2016, for Omniglot). `sample_shared` draws one row of params
per class, and `apply_shared` gives each item the row of its class, in the support and in the query. An item's class is
its label, so labels must not be mixed yet.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Int
from torch import Generator, Tensor

from manyshot.augment.ops.compose import Compose
from manyshot.augment.ops.op import Op, Params, fresh_generator, take
from manyshot.augment.ops.variants import apply_in_tasks
from manyshot.base import InputError, did_you_mean
from manyshot.tasks import Episode, Examples

SHARED_BY = ("class", "task")
"""What shares a draw: the items of one class, or all items of a task."""


@dataclass(frozen=True)
class SharedOps:
    """Ops of items whose draws are shared by a class or by a task.

    Args:
        op: The ops as one.
        per: For each op, "class" or "task": what shares a draw.

    Example:
        >>> from manyshot.augment.image import Turn
        >>> side = Examples.of(torch.rand(1, 2, 1, 8, 8), torch.arange(2))
        >>> turned = SharedOps(Compose((Turn(),)), ("class",))(Episode(side, side, torch.tensor([[3, 5]])))
        >>> turned.support.items.equal(turned.query.items)
        True
    """

    op: Compose
    per: tuple[str, ...]

    def __call__(self, episode: Episode, generator: Generator | None = None) -> Episode:
        """Draw parameters and change T tasks.

        Args:
            episode: T tasks, with items as the ops take them.
            generator: Random numbers for the draws, on the CPU; None to follow `torch.manual_seed`.
        """
        generator = generator or fresh_generator()
        tasks, ways = episode.classes.shape
        params = {
            str(index): sample_shared(op, per, tasks, ways, generator)  # laid out as Compose draws them
            for index, (op, per) in enumerate(zip(self.op.ops, self.per, strict=True))
        }
        return apply_shared(self.op, episode, params)


def sample_shared(op: Op, per: str, tasks: int, ways: int, generator: Generator) -> Params:
    """Draw an op's params once per class, or once per task.

    Args:
        op: An op of items.
        per: "class" for a draw per class, "task" for one that all classes of a task share.
        tasks: Number of tasks, T.
        ways: Number of classes per task.
        generator: Random numbers for the draws, on the CPU.

    Returns:
        Params of T * ways rows; class k of task t has row `t * ways + k`.

    Raises:
        InputError: If `per` is neither "class" nor "task".

    Example:
        >>> from manyshot.augment.image import Turn
        >>> params = sample_shared(Turn(), "task", tasks=2, ways=3, generator=torch.Generator().manual_seed(0))
        >>> params["quarters"].view(2, 3).diff()
        tensor([[0, 0],
                [0, 0]])
    """
    if per not in SHARED_BY:
        raise InputError(f"per={per}: {did_you_mean(per, SHARED_BY)}")
    if per == "class":
        return op.sample(tasks * ways, generator)
    return take(op.sample(tasks, generator), torch.arange(tasks).repeat_interleave(ways))


def apply_shared(op: Op, episode: Episode, params: Params) -> Episode:
    """Change every item of support and query by the params of its class.

    Args:
        op: An op of items.
        episode: T tasks, with items as the op takes them.
        params: Params of T * ways rows, as `sample_shared` draws them.

    Example:
        >>> from manyshot.augment.image import Turn
        >>> side = Examples.of(torch.rand(1, 2, 1, 8, 8), torch.arange(2))
        >>> episode = Episode(side, side, torch.tensor([[3, 5]]))
        >>> turned = apply_shared(Turn(), episode, {"quarters": torch.tensor([1, 2])})
        >>> bool((turned.query.items[0, 0] == side.items[0, 0].rot90(1, (1, 2))).all())
        True
    """

    def changed(side: Examples) -> Examples:
        return replace(side, items=apply_in_tasks(op, side.items, take(params, class_rows(side)), side.weight, False))

    return replace(episode, support=changed(episode.support), query=changed(episode.query))


def class_rows(examples: Examples) -> Int[Tensor, "items"]:
    """The row of each item's class among T * ways rows, `t * ways + k`, as `[T * n]` on the CPU, where params are."""
    tasks, ways = examples.class_mask.shape
    return (torch.arange(tasks)[:, None] * ways + examples.class_ids.cpu()).flatten()
