"""Mixes: ops that blend each item with others and change its label accordingly.

A mix draws its params apart from applying them, like any op, but its `apply` takes images *and* labels, and needs to
know which items are mixed. A partner is drawn as a number from 0 to 1, its position among the other items, so params
hold for any batch and rows of them can be taken; `partners_of` resolves it. `mix(images, labels)` mixes a plain batch,
`mix_examples` the items of each task with each other.
"""

from manyshot.augment.mix.cutmix import CutMix
from manyshot.augment.mix.mix import Mix, SometimesMix
from manyshot.augment.mix.mixup import Mixup
from manyshot.augment.mix.mosaic import Mosaic
from manyshot.augment.mix.partners import partners_of
from manyshot.augment.mix.within_tasks import mix_examples

MIXES: dict[str, type[Mix]] = {"mixup": Mixup, "cutmix": CutMix, "mosaic": Mosaic}
"""Every mix by its name in a plan."""

__all__ = [
    "MIXES",
    "CutMix",
    "Mix",
    "Mixup",
    "Mosaic",
    "SometimesMix",
    "mix_examples",
    "partners_of",
]
