"""An op whose draw can be read off its result."""

from dataclasses import dataclass

import torch

from manyshot.augment.ops.op import Op


@dataclass(frozen=True)
class Shift(Op):
    """Add one random number to all of an item."""

    def sample(self, n, generator):
        return {"by": torch.rand(n, generator=generator)}

    def apply(self, items, params):
        return items + params["by"].view(-1, *[1] * (items.dim() - 1))
