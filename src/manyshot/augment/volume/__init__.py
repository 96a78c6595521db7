"""Ops on volumes: float `[n, c, d, h, w]`, any size and number of channels.

Ops on images that treat every value alike (gamma, brightness, contrast, noise, rician, ...) take volumes, too. Adding
an op is one file, one line in `OPS` and one row in the test of every op on volumes.
"""

from manyshot.augment.ops.op import Op
from manyshot.augment.volume.affine3 import Affine3
from manyshot.augment.volume.anisotropy3 import Anisotropy3
from manyshot.augment.volume.bias_field3 import BiasField3
from manyshot.augment.volume.blur3 import Blur3
from manyshot.augment.volume.elastic3 import Elastic3
from manyshot.augment.volume.flip3 import Flip3
from manyshot.augment.volume.ghosting3 import Ghosting3
from manyshot.augment.volume.gibbs3 import Gibbs3
from manyshot.augment.volume.motion3 import Motion3
from manyshot.augment.volume.spike3 import Spike3

OPS: dict[str, type[Op]] = {
    "affine3": Affine3,
    "elastic3": Elastic3,
    "flip3": Flip3,
    "bias_field3": BiasField3,
    "anisotropy3": Anisotropy3,
    "blur3": Blur3,
    "ghosting3": Ghosting3,
    "motion3": Motion3,
    "spike3": Spike3,
    "gibbs3": Gibbs3,
}
"""Every op by its name in the language of plans; its options are the fields of the class, the main one first."""

__all__ = [
    "OPS",
    "Affine3",
    "Anisotropy3",
    "BiasField3",
    "Blur3",
    "Elastic3",
    "Flip3",
    "Ghosting3",
    "Gibbs3",
    "Motion3",
    "Spike3",
]
