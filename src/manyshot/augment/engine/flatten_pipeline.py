"""A pipeline flattened to its single ops, with the path of each op's params."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor

from manyshot.augment.ops.compose import Compose, Sometimes
from manyshot.augment.ops.op import Op, Params

Path = tuple[str, ...]


@dataclass(frozen=True)
class Leaf:
    """A single op of a pipeline.

    Args:
        op: Op that contains no other.
        path: Keys from the pipeline's params to the op's.
        switches: Paths of boolean params that must all be True where the op acts; none if it always acts.
    """

    op: Op
    path: Path = ()
    switches: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        """Name of the op's class, with a question mark if it acts only sometimes."""
        return type(self.op).__name__ + ("?" if self.switches else "")

    def params(self, params: Params) -> Params:
        """Return the op's params from the pipeline's."""
        return _at(params, self.path)

    def on(self, params: Params) -> Bool[Tensor, "n"] | None:
        """Return a mask of the items that the op changes; None for all."""
        if not self.switches:
            return None
        return torch.stack([_at(params, path[:-1])[path[-1]] for path in self.switches]).all(0)


def flatten_pipeline(op: Op, path: Path = (), switches: tuple[Path, ...] = ()) -> Iterator[Leaf]:
    """Yield the single ops of a pipeline in the order in which they act.

    Example:
        >>> from manyshot.augment.image import Affine, Flip
        >>> [leaf.name for leaf in flatten_pipeline(Compose((Flip(), Sometimes(Affine()))))]
        ['Flip', 'Affine?']
    """
    if isinstance(op, Compose):
        for index, inner in enumerate(op.ops):
            yield from flatten_pipeline(inner, (*path, str(index)), switches)
    elif isinstance(op, Sometimes):
        yield from flatten_pipeline(op.op, (*path, "inner"), (*switches, (*path, "on")))
    else:
        yield Leaf(op, path, switches)


def _at(params: Params, path: Path) -> Params:
    for key in path:
        params = params[key]
    return params
