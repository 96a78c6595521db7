"""Every op that a plan can name: on images, on texts, policies, those that choose among ops, mixes, and whole tasks."""

from manyshot.augment.image import OPS as IMAGE_OPS
from manyshot.augment.mix import MIXES
from manyshot.augment.ops.choose import OneOf, SomeOf
from manyshot.augment.ops.op import Op
from manyshot.augment.policies import POLICIES
from manyshot.augment.task import TASK_OPS
from manyshot.augment.text import OPS as TEXT_OPS

OPS: dict[str, type[Op]] = {**IMAGE_OPS, **POLICIES}
"""Every op on images that stands alone, by its name in the language of plans; its options are the class's fields."""

CHOOSERS: dict[str, type[Op]] = {"oneof": OneOf, "someof": SomeOf}
"""Ops that take ops, as in `oneof(blur noise)`; to act now and then needs no name, since every op takes `p=`."""

NAMED: dict[str, type] = {**OPS, **TEXT_OPS, **CHOOSERS, **MIXES, **TASK_OPS}
"""All that a plan can name."""
