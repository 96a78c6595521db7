"""Every op by the name of its class: on images, volumes, sounds and texts, mixes, whole tasks, and ops made of ops.

Example:
    >>> import torch
    >>> from manyshot import ops
    >>> ops.Affine(degrees=15)(torch.rand(8, 3, 32, 32)).shape
    torch.Size([8, 3, 32, 32])
    >>> ops.Compose((ops.Flip(), ops.Noise(0.1)))(torch.zeros(3, 32, 32, dtype=torch.uint8)).dtype
    torch.uint8
"""

from typing import TYPE_CHECKING

from manyshot.augment import (
    Compose,
    OneOf,
    SomeOf,
    Sometimes,
    audio,
    image,
    masked,
    mix,
    parts,
    policies,
    task,
    text,
    volume,
)
from manyshot.augment.audio import *  # noqa: F403
from manyshot.augment.image import *  # noqa: F403
from manyshot.augment.masked import *  # noqa: F403
from manyshot.augment.mix import *  # noqa: F403
from manyshot.augment.parts import *  # noqa: F403
from manyshot.augment.policies import *  # noqa: F403
from manyshot.augment.task import *  # noqa: F403
from manyshot.augment.text import *  # noqa: F403
from manyshot.augment.volume import *  # noqa: F403

if not TYPE_CHECKING:  # a type checker reads the imports
    _NAMED = (
        image.OPS,
        audio.OPS,
        volume.OPS,
        masked.OPS,
        text.OPS,
        mix.MIXES,
        parts.OPS,
        parts.PART_MIXES,
        policies.POLICIES,
        task.TASK_OPS,
    )
    _KINDS = [Compose, OneOf, SomeOf, Sometimes, *(kind for table in _NAMED for kind in table.values())]
    __all__ = sorted(kind.__name__ for kind in _KINDS)
