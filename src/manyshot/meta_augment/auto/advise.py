"""`auto_plan`: from a few labeled pictures to the plan that will help most, and why."""

from collections.abc import Sequence
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
from manyshot.meta_augment.auto.menu import CANDIDATES, PROBES, SIDE, Candidate
from manyshot.meta_augment.auto.predictor import GainPredictor, read_predictor
from manyshot.meta_augment.auto.variant_gram import Encode, TaskEvidence, encode_variants, gather_evidence
from manyshot.nets import ENCODERS, PretrainedEncoder

AUTO = "auto"
"""The word that asks for a plan that is chosen by looking at examples."""
ENCODER = "efficientnet-lite0(resolution=96)"
"""The frozen encoder whose features are looked at."""
MOST_EXAMPLES = 100
"""Examples that are looked at; of more, the same number of each class."""


@dataclass(frozen=True, eq=False)
class Advice:
    """What `auto` saw and what it chose.

    Args:
        candidate: The choice.
        gains: Predicted gain in accuracy of each of `CANDIDATES`.
        seen: What it saw.
        examples: Number of examples that it looked at.
        classes: Number of classes.
        side: Height or width of the pictures as they were given, the smaller one.
    """

    candidate: Candidate
    gains: Float[Tensor, " candidates"]
    seen: TaskEvidence
    examples: int
    classes: int
    side: int = SIDE

    @property
    def plan(self) -> Plan:
        """The choice as a plan for pictures of the given size."""
        return self.candidate.plan_for(self.side)

    @property
    def gain(self) -> float:
        """The predicted gain of the choice."""
        return float(self.gains[CANDIDATES.index(self.candidate)])


def auto_plan(
    images: Any,  # noqa: ANN401 - what users give
    labels: ArrayLike | Sequence[Any],
    *,
    encoder: str = ENCODER,
    seed: int = 0,
    device: str = "cpu",
) -> Plan:
    """Choose a plan for a few labeled pictures.

    A frozen encoder looks at the pictures and at variants of them under each op of a menu. What plans gained on other
    data sets is the start, and another plan is chosen where cross-validation on the pictures puts it clearly ahead. The
    plan may be "none". With one picture of each class the answer is the plan that was best elsewhere.

    Args:
        images: n arrays `[h, w]` or `[h, w, c]` or tensors `[c, h, w]`; uint8, or floats from 0 to 1.
        labels: n classes, of any kind.
        encoder: Frozen encoder by name. The network was trained with the default.
        seed: Seed of the variants that are looked at.
        device: Device to encode on.

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
    return advise(images, labels, encoder=encoder, seed=seed, device=device).plan


def advise(
    images: Any,  # noqa: ANN401 - what users give
    labels: ArrayLike | Sequence[Any],
    *,
    encoder: str = ENCODER,
    seed: int = 0,
    device: str = "cpu",
    must_augment: bool = False,
    predictor: GainPredictor | None = None,
) -> Advice:
    """Choose a plan, and say what was seen.

    The answer does not depend on the order of the pictures nor on the names of the classes.

    Args:
        images: See `auto_plan`, as for the others.
        labels: Classes.
        encoder: Frozen encoder.
        seed: Seed of the variants.
        device: Device to encode on.
        must_augment: Whether to do without augmentation is no option.
        predictor: The one that ships if None.
    """
    tensor = to_images(images)
    pictures = to_pictures(tensor)
    _, ids = np.unique(np.asarray(labels), return_inverse=True)
    if len(ids) != len(pictures):
        raise InputError(f"{len(pictures)} images and {len(ids)} labels: give one label per image")
    if len(ids) == 0 or ids.max() < 1:
        raise InputError("images of one class alone; give examples of two classes or more")
    kept = _kept(pictures, ids)
    pictures, own = pictures[torch.from_numpy(kept)].to(device), torch.from_numpy(ids[kept].astype(np.int64))
    variants = encode_variants(pictures, _encode(encoder, device), PROBES, generator(seed, 13))
    seen = gather_evidence(variants, torch.arange(len(own), device=device)[None], own.to(device)[None])
    seen = TaskEvidence(*(part.cpu() for part in (seen.task, seen.op_effects, seen.scores)))
    with torch.inference_mode():
        gains = (predictor or _shipped())(seen)[0].clone()
    side = min(tensor.shape[2:])
    best = int(gains[1:].argmax()) + 1 if must_augment else int(gains.argmax())
    return Advice(CANDIDATES[best], gains, seen, len(own), int(ids.max()) + 1, side)


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
def _shipped() -> GainPredictor:
    return read_predictor()
