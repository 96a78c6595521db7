"""New pairs of parts: an example with a part of another example of its class."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator

from manyshot.augment.mix.mix import Images, Labels, Mix, Mixed, Partners
from manyshot.augment.mix.part_mixing import choose_values
from manyshot.augment.ops.op import Params
from manyshot.base import InputError
from manyshot.tasks import Parts


@dataclass(frozen=True)
class SwapWithinClass(Mix):
    """Give each example a part of another example of its class and task; labels stay.

    Two pictures and two captions of a class make four pairs. Sensible where the parts say the same thing of the class
    apart from each other, such as a picture and a recording of a digit, and wrong where a caption tells of its picture.

    Args:
        part: Name of the part; empty for one drawn at random for each example.

    Raises:
        InputError: When applied, for a part that is not there, or examples of one part.

    Example:
        >>> parts = Parts.of({"photo": torch.tensor([0.0, 1.0]).view(2, 1), "caption": ["one", "two"]})
        >>> params = {"which": torch.zeros(2)}
        >>> swapped, _ = SwapWithinClass("caption").mix_parts(parts, torch.ones(2, 1), params, torch.tensor([[1], [0]]))
        >>> swapped["caption"], swapped["photo"].flatten().tolist()
        (['two', 'one'], [0.0, 1.0])
    """

    within_class: ClassVar[bool] = True

    part: str = ""

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `partner [n, 1]`, and `which [n]`, from 0 to 1, the place of the part among all."""
        return {"partner": torch.rand(n, 1, generator=generator), "which": torch.rand(n, generator=generator)}

    def change(self, images: Images, labels: Labels, params: Params, partners: Partners) -> Mixed:
        """Refuse examples of one part."""
        raise InputError("SwapWithinClass: swaps parts of examples of several parts; leave it out for these")

    def mix_parts(self, parts: Parts, labels: Labels, params: Params, partners: Partners) -> tuple[Parts, Labels]:
        """Take the part from the partner where it has it."""
        names = parts.names if not self.part else (self.part,)
        other = partners[:, 0]
        place = (params["which"] * len(names)).long().clamp(max=len(names) - 1)
        for index, name in enumerate(names):
            take = (place == index) & parts.there[name].cpu()[other]
            value = choose_values(take, parts[name], parts.both(lambda rows: _rows(rows, other))[name])
            parts = parts.replaced(name, value, parts.there[name] | take.to(parts.there[name].device))
        return parts, labels


def _rows(value: object, rows: torch.Tensor) -> object:
    if isinstance(value, torch.Tensor):
        return value[rows.to(value.device)]
    assert isinstance(value, list)
    return [value[row] for row in rows.tolist()]
