"""Parts left out at random, so that a classifier learns to do without them."""

from dataclasses import dataclass

import torch
from torch import Generator

from manyshot.augment.ops.op import Params, check_number
from manyshot.augment.parts.joint_op import JointOp
from manyshot.tasks import Parts


@dataclass(frozen=True)
class Drop(JointOp):
    """Leave a part of an example out with a probability (modality dropout; Neverova et al. 2016, ModDrop).

    An example keeps at least one part. Where the paper drops each part by a coin of its own while a network is trained,
    here one part of an example is dropped, and whatever reads the support sees that it is missing.

    Args:
        p: Probability that a part is left out.
        at: Name of the part; empty for one of the parts that the example has, drawn at random.

    Raises:
        InputError: For a p out of range, or, when applied, for a part that is not there.

    Example:
        >>> parts = Parts.of({"photo": torch.zeros(2, 3, 8, 8), "caption": ["a cat", ""]})
        >>> dropped = Drop(at="photo").apply(parts, {"on": torch.tensor([True, True]), "which": torch.zeros(2)})
        >>> dropped.there["photo"].tolist()
        [False, True]
    """

    p: float = 0.3
    at: str = ""

    def __post_init__(self) -> None:
        check_number(self, "p", high=1)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `on [n]`, whether a part is lost, and `which [n]`, from 0 to 1, its place among those that are there."""
        return {"on": torch.rand(n, generator=generator) < self.p, "which": torch.rand(n, generator=generator)}

    def apply(self, parts: Parts, params: Params) -> Parts:
        """Leave parts out; what is left out becomes a placeholder."""
        self.check(parts)
        if self.at:
            _ = parts[self.at]  # an unknown name is an error even if nothing is drawn
        there = torch.stack([parts.there[name].cpu() for name in parts.names])  # [parts, n]
        count = there.sum(0)
        place = (params["which"].cpu() * count).long().minimum((count - 1).clamp(min=0))
        for index, name in enumerate(parts.names):
            chosen = torch.full_like(place, name == self.at, dtype=torch.bool)
            if not self.at:
                chosen = there[:index].sum(0) == place
            gone = params["on"].cpu() & there[index] & chosen & (count > 1)
            if bool(gone.any()):
                parts = _without(parts, name, gone)
        return parts


def _without(parts: Parts, name: str, gone: torch.Tensor) -> Parts:
    """The parts without one of some examples."""
    value = parts[name]
    there = parts.there[name] & ~gone.to(parts.there[name].device)
    if isinstance(value, torch.Tensor):
        mask = gone.to(value.device).view(-1, *[1] * (value.ndim - 1))
        return parts.replaced(name, value.masked_fill(mask, 0), there)
    return parts.replaced(name, ["" if lost else text for text, lost in zip(value, gone.tolist(), strict=True)], there)
