"""`auto_plan`: from a few labeled pictures to the plan that will help most, and why."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn import functional as F

from manyshot.augment import Plan
from manyshot.augment.image.image_op import to_floats
from manyshot.base import InputError
from manyshot.base.seeds import generator
from manyshot.datasets.inputs import to_images
from manyshot.meta_augment.auto.candidate_ops import PROBES, SIDE, VARIANTS, OpShares, allot
from manyshot.meta_augment.auto.evidence import TaskEvidence
from manyshot.meta_augment.auto.op_weigher import OpWeigher, read_weigher
from manyshot.meta_augment.auto.variant_gram import Encode, encode_variants, gather_evidence
from manyshot.nets import ENCODERS, PretrainedEncoder

Images = Any
"""Arrays or tensors, as users give them."""
Labels = ArrayLike | Sequence[Any]

AUTO = "auto"
"""The word that asks for a plan that is chosen by looking at examples."""
ENCODER = "efficientnet-lite0(resolution=96)"
"""The frozen encoder whose features are looked at."""
MOST_EXAMPLES = 50
"""Examples that are looked at; of more, the same number of each class."""


@dataclass(frozen=True, eq=False)
class Advice:
    """What `auto` saw and what it chose.

    Args:
        mix: The choice.
        weights: Weight of each op.
        usual: Weights of the ops before the examples were looked at.
        seen: What it saw.
        examples: Number of examples that it looked at.
        classes: Number of classes.
        side: Height or width of the pictures as they were given, the smaller one.
    """

    mix: OpShares
    weights: Float[Tensor, " ops"]
    usual: Float[Tensor, " ops"]
    seen: TaskEvidence
    examples: int
    classes: int
    side: int = SIDE

    @property
    def plan(self) -> Plan:
        """The choice as a plan for pictures of the given size."""
        return self.mix.plan_for(self.side)


def auto_plan(images: Images, labels: Labels) -> Plan:
    """Choose a plan for a few labeled pictures.

    The plan makes sixteen variants of a picture. How many of them an op makes follows from what helped on other data
    sets with as many examples of a class. The pictures are looked at only as far as the weights trust what is seen, and
    those that ship do not: it did not help on data sets that were left out of their fit. So nothing is encoded here;
    `advise` looks in any case.

    Args:
        images: n arrays `[h, w]` or `[h, w, c]` or tensors `[c, h, w]`; uint8, or floats from 0 to 1.
        labels: n classes, of any kind.

    Raises:
        InputError: If there are fewer than two classes, images and labels differ in number, or images cannot be read.

    Example:
        >>> import manyshot as ms
        >>> digits = ms.load_dataset("digits")
        >>> rows = [row for label in range(3) for row in np.flatnonzero(np.asarray(digits.labels) == label)[:2]]
        >>> plan = auto_plan(digits.gather(np.array(rows)), [digits.labels[row] for row in rows])
        >>> isinstance(plan, ms.Plan)
        True
    """
    tensor = to_images(images)
    _check_count(tensor, labels)
    return choose_plan(lambda: tensor, labels, min(tensor.shape[2:]))


def choose_plan(pictures: Callable[[], Tensor], labels: ArrayLike | Sequence[Any], side: int) -> Plan:
    """The plan of `advise`, for which pictures are read and looked at only where that may change it.

    Args:
        pictures: Gives the pictures `[n, c, h, w]`, uint8 or floats from 0 to 1.
        labels: Class of each.
        side: Height or width of the pictures that the plan is for, the smaller one.

    Raises:
        InputError: If there are fewer than two classes.
    """
    shots = _shots(_class_ids(labels))
    mix = advise(pictures(), labels).mix if _shipped().trusts(shots) else usual_mix(shots)
    return mix.plan_for(side)


def usual_mix(shots: float, variants: int = VARIANTS) -> OpShares:
    """The mix for pictures that were not looked at.

    Args:
        shots: Examples of a class.
        variants: Variants of an example.

    Example:
        >>> sum(usual_mix(shots=5, variants=8).counts)
        8
    """
    weights = _shipped().usual_weights(torch.tensor([float(shots)]))
    return OpShares(tuple(allot(weights, variants)[0].tolist()))


def advise(
    images: Images,
    labels: Labels,
    *,
    encoder: str = ENCODER,
    seed: int = 0,
    device: str = "cpu",
    weigher: OpWeigher | None = None,
) -> Advice:
    """Look at pictures, choose a plan, and say what was seen.

    A frozen encoder looks at the pictures and at a variant of each under every op of a menu. The answer does not depend
    on the order of the pictures nor on the names of the classes.

    Args:
        images: See `auto_plan`.
        labels: Classes.
        encoder: Frozen encoder by name. The weights were fitted with the default.
        seed: Seed of the variants that are looked at.
        device: Device to encode on.
        weigher: The one that ships if None.
    """
    tensor = to_images(images)
    _check_count(tensor, labels)
    ids = _class_ids(labels)
    pictures = to_pictures(tensor)
    kept = _kept(pictures, ids)
    pictures, own = pictures[torch.from_numpy(kept)].to(device), torch.from_numpy(ids[kept])
    variants = encode_variants(pictures, _encode(encoder, device), PROBES, generator(seed, 13))
    seen = gather_evidence(variants, torch.arange(len(own), device=device)[None], own.to(device)[None])
    parts = {name: part.cpu() for name, part in vars(seen).items()}
    seen = TaskEvidence(**parts | {"shots": torch.tensor([_shots(ids)])})  # of all of them
    weigher = weigher or _shipped()
    with torch.inference_mode():
        weights, usual = weigher(seen), weigher.usual_weights(seen.shots)
    mix = OpShares(tuple(allot(weights)[0].tolist()))
    return Advice(mix, weights[0], usual[0], seen, len(own), int(ids.max()) + 1, min(tensor.shape[2:]))


def to_pictures(images: Tensor) -> Float[Tensor, "n 3 s s"]:
    """Bring pictures to `SIDE` pixels, in color, from 0 to 1.

    Args:
        images: `[n, c, h, w]`, uint8 or floats from 0 to 1.

    Example:
        >>> to_pictures(torch.zeros(5, 1, 28, 28)).shape
        torch.Size([5, 3, 64, 64])
    """
    floats = to_floats(images)
    floats = floats[:, :3] if floats.shape[1] >= 3 else floats[:, :1].expand(-1, 3, -1, -1)
    if floats.shape[2:] != (SIDE, SIDE):
        floats = F.interpolate(floats, (SIDE, SIDE), mode="bilinear", antialias=True)
    return floats.float()


def _check_count(images: Tensor, labels: ArrayLike | Sequence[Any]) -> None:
    if len(images) != len(np.asarray(labels)):
        raise InputError(f"{len(images)} images and {len(np.asarray(labels))} labels: give one label per image")


def _class_ids(labels: ArrayLike | Sequence[Any]) -> NDArray[np.int64]:
    """Classes, from 0."""
    ids = np.unique(np.asarray(labels), return_inverse=True)[1].astype(np.int64)
    if len(ids) == 0 or ids.max() < 1:
        raise InputError("images of one class alone; give examples of two classes or more")
    return ids


def _shots(ids: NDArray[np.int64]) -> float:
    return len(ids) / (int(ids.max()) + 1)


def _kept(pictures: Tensor, ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """The examples that are looked at, in an order that depends on their pixels alone."""
    digests = [sha256(picture.numpy().tobytes()).digest() for picture in pictures.contiguous()]
    order = np.array(sorted(range(len(ids)), key=digests.__getitem__))
    each = max(1, MOST_EXAMPLES // (int(ids.max()) + 1))
    place = np.zeros(len(ids), dtype=np.int64)
    for label in range(int(ids.max()) + 1):
        members = order[ids[order] == label]
        place[members] = np.arange(len(members))
    kept: NDArray[np.int64] = order[place[order] < each]
    return kept


@lru_cache(maxsize=2)
def _encode(name: str, device: str) -> Encode:
    module = ENCODERS.build(name, channels=3, size=SIDE, norm="batch")
    if not isinstance(module, PretrainedEncoder) or not module.is_fixed:
        raise InputError(f"encoder '{name}': give a frozen one of pictures, such as {ENCODER}")
    net = module.eval().folded().to(device)

    @torch.inference_mode()
    def encode(pictures: Tensor) -> Tensor:
        features: Tensor = net(pictures)
        return features

    return encode


@lru_cache(maxsize=1)
def _shipped() -> OpWeigher:
    return read_weigher()
