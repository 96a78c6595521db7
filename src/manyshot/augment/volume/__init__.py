"""Ops on volumes: float `[n, c, d, h, w]`, any size and number of channels.

Adding an op is one file, one line in `OPS` and one row in the test of every op on volumes.
"""

from manyshot.augment.ops.op import Op
from manyshot.augment.volume.affine3 import Affine3
from manyshot.augment.volume.elastic3 import Elastic3
from manyshot.augment.volume.flip3 import Flip3

OPS: dict[str, type[Op]] = {
    "affine3": Affine3,
    "elastic3": Elastic3,
    "flip3": Flip3,
}
"""Every op by its name in the language of plans; its options are the fields of the class, the main one first."""

__all__ = [
    "OPS",
    "Affine3",
    "Elastic3",
    "Flip3",
]
