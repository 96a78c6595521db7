"""A curriculum of data sets: real pictures times nuisances that are put in, so that each set has a right answer.

A nuisance *varies* when each picture has its own draw: variants that move pictures along it help. It *tells* classes
apart when some classes are copies of others that it has changed: variants that move pictures along it harm.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from manyshot.augment import Plan
from manyshot.augment.ops.op import take
from manyshot.base.seeds import generator

VARYING = (
    "affine({degrees}, 1, 0, 0, padding_mode=reflection)",
    "affine(0, {scale}, 0, 0, padding_mode=reflection)",
    "affine(0, 1, 0.3, 0.15, padding_mode=reflection)",
    "crop({shift}, padding_mode=reflection)",
    "resized_crop({area})",
    "flip",
    "flip_vertical",
    "turn",
    "elastic({small}, padding_mode=reflection)",
    "perspective({middle}, padding_mode=reflection)",
    "stroke({pixels})",
    "hue({middle})",
    "temperature({middle})",
    "brightness({middle}) contrast({middle})",
    "grayscale",
    "invert",
    "gamma({scale})",
    "bias_field({middle})",
    "noise({small})",
    "speckle({middle})",
    "blur({pixels})",
    "motion_blur({length})",
    "downscale({factor})",
    "jpeg(10)",
    "erase({area})",
)
"""What may vary within classes."""

TELLING = (
    "flip(1)",
    "flip_vertical(1)",
    "turn(180)",
    "affine(90, 1, 0, 0, padding_mode=reflection)",
    "affine(0, 2, 0, 0, padding_mode=reflection)",
    "crop(0.4, padding_mode=reflection)",
    "stroke(3)",
    "hue(0.5)",
    "temperature(0.6)",
    "brightness(0.6)",
    "invert(1)",
    "gamma(3)",
    "blur(3)",
    "noise(0.3)",
)
"""What may tell classes apart: a class and its copy differ by one draw."""


@dataclass(frozen=True, eq=False)
class CurriculumSet:
    """Pictures and classes that tasks are drawn from.

    Args:
        pictures: From 0 to 1.
        labels: Class of each.
        nuisances: What was put in.
    """

    pictures: Float[Tensor, "n 3 s s"]
    labels: NDArray[np.int64]
    nuisances: tuple[str, ...]


def make_curriculum_set(pictures: Float[Tensor, "n 3 s s"], labels: NDArray[np.int64], seed: int) -> CurriculumSet:
    """Put one to three nuisances into a data set, one of them telling in three curriculum sets of ten.

    Args:
        pictures: From 0 to 1, of `SIDE` pixels.
        labels: Class of each.
        seed: Seed of the set.
    """
    random = np.random.default_rng((seed, 7))
    nuisances = []
    if random.random() < 0.3 and np.bincount(labels).min() >= 6:
        op = str(random.choice(TELLING))
        pictures, labels = _tell(pictures, labels, op, seed)
        nuisances.append(f"classes told apart by {op}")
    most = int(random.choice([1, 1, 2, 2, 3])) - len(nuisances)
    for index, number in enumerate(random.permutation(len(VARYING))[:most]):
        op = VARYING[number].format(**_strengths(random))
        pictures = Plan(f"shots: {op}").item_op()(pictures, generator(seed, index, 1))
        nuisances.append(f"{op} varies")
    return CurriculumSet(pictures, labels, tuple(nuisances))


def _strengths(random: np.random.Generator) -> dict[str, str]:
    """Strengths of a nuisance, from just visible to strong."""
    ranges = {
        "degrees": (10, 60),
        "scale": (1.3, 2.2),
        "shift": (0.1, 0.3),
        "area": (0.2, 0.5),
        "small": (0.05, 0.2),
        "middle": (0.2, 0.5),
        "pixels": (1, 3),
        "length": (4, 11),
        "factor": (2, 5),
    }
    return {name: f"{random.uniform(*ends):.3g}" for name, ends in ranges.items()}


def _tell(
    pictures: Tensor, labels: NDArray[np.int64], text: str, seed: int
) -> tuple[Float[Tensor, "n 3 s s"], NDArray[np.int64]]:
    """Make of half of each class a class of its own, changed by one draw."""
    op = Plan(f"shots: {text}").item_op()
    classes = int(labels.max()) + 1
    place = np.zeros_like(labels)
    for label in range(classes):
        rows = np.flatnonzero(labels == label)
        place[rows] = np.arange(len(rows))
    moved = torch.from_numpy(np.flatnonzero(place % 2 == 1))
    params = take(op.sample(classes, generator(seed, 0, 2)), torch.from_numpy(labels)[moved])
    changed = pictures.clone()
    changed[moved.to(pictures.device)] = op.apply(pictures[moved.to(pictures.device)], params)
    return changed, labels + classes * (place % 2)
