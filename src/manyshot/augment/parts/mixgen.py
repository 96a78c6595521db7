"""MixGen (Hao et al. 2023): pictures interpolated, texts joined."""

from dataclasses import dataclass

import torch
from torch import Generator

from manyshot.augment.mix.mix import Images, Labels, Mix, Mixed, Partners
from manyshot.augment.mix.part_mixing import mix_values
from manyshot.augment.ops.op import Params, check_number
from manyshot.base import InputError
from manyshot.tasks import Parts


@dataclass(frozen=True)
class MixGen(Mix):
    """Blend the pictures (sounds, vectors) of two examples, and write their texts one behind the other.

    x = lam x + (1 - lam) x',   text = text + " " + text',   y = lam y + (1 - lam) y'

    MixGen (Hao, Zhu, Appalaraju, Zhang, Zhang, Li and Li, WACV workshops 2023) makes pairs for pre-training, which have
    no labels; the mixed label is ours, as is what becomes of sounds and vectors. A part that one of the two lacks is
    that of the other.

    Args:
        lam: Weight of the example itself; the paper's is 0.5 for all.

    Raises:
        InputError: For a weight out of range, or when examples of one part are mixed.

    Example:
        >>> parts = Parts.of({"photo": torch.tensor([0.0, 1.0]).view(2, 1, 1, 1), "caption": ["black", "white"]})
        >>> mixed, labels = MixGen().mix_parts(parts, torch.eye(2), {}, torch.tensor([[1], [0]]))
        >>> mixed["photo"].flatten().tolist(), mixed["caption"], labels.tolist()
        ([0.5, 0.5], ['black white', 'white black'], [[0.5, 0.5], [0.5, 0.5]])
    """

    lam: float = 0.5

    def __post_init__(self) -> None:
        check_number(self, "lam", high=1)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `partner [n, 1]`."""
        return {"partner": torch.rand(n, 1, generator=generator)}

    def change(self, images: Images, labels: Labels, params: Params, partners: Partners) -> Mixed:
        """Refuse examples of one part."""
        raise InputError("MixGen: mixes pictures with their texts; for examples of one part write mixup")

    def mix_parts(self, parts: Parts, labels: Labels, params: Params, partners: Partners) -> tuple[Parts, Labels]:
        """Blend parts and labels; differentiable in tensors."""
        lam = torch.full((len(labels),), self.lam)
        return mix_values(parts, labels, lam, partners[:, 0], lambda own, other, _: f"{own} {other}")
