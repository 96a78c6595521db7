"""Mixing: ops that make one item of several and change its label with it.

A mix draws its params apart from applying them, like any op, but its `apply` takes images *and* labels, and needs to
know who is mixed with whom. A partner is drawn as a number from 0 to 1, how far round the other items it stands, so
params hold for any batch and rows of them can be taken; `partners_of` resolves it. `mix_batch` mixes a plain batch,
`mix_examples` the items of each task among themselves.
"""

from manyshot.augment.mix.batch import mix_batch, mix_examples
from manyshot.augment.mix.cutmix import CutMix
from manyshot.augment.mix.hidden import mixed_behind
from manyshot.augment.mix.mix import Mix, SometimesMix
from manyshot.augment.mix.mixup import Mixup
from manyshot.augment.mix.mosaic import Mosaic
from manyshot.augment.mix.partners import partners_of

MIXES: dict[str, type[Mix]] = {"mixup": Mixup, "cutmix": CutMix, "mosaic": Mosaic}
"""Every mix by its name."""

__all__ = [
    "MIXES",
    "CutMix",
    "Mix",
    "Mixup",
    "Mosaic",
    "SometimesMix",
    "mix_batch",
    "mix_examples",
    "mixed_behind",
    "partners_of",
]
