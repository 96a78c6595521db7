"""Mixup (Zhang, Cisse, Dauphin and Lopez-Paz 2018)."""

from dataclasses import dataclass

import torch
from torch import Generator

from manyshot.augment.mix.mix import Images, Labels, Mix, Mixed, Partners
from manyshot.augment.mix.part_mixing import mix_values
from manyshot.augment.ops.beta_dirichlet import beta
from manyshot.augment.ops.op import Params, check_number
from manyshot.tasks import Parts


@dataclass(frozen=True)
class Mixup(Mix):
    """Blend each image and label with those of another item: `lam x + (1 - lam) x'`.

    Items may also be vectors or sequences of vectors: sentence and word mixup (Guo, Mao and Zhang 2019). Of examples of
    several parts all are blended by the same weight, and the text is that of the heavier example.

    Args:
        alpha: Parameter of lam ~ Beta(alpha, alpha); small values leave most items nearly unchanged.

    Raises:
        InputError: For an alpha out of range.

    Example:
        >>> images, labels = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1), torch.eye(2)
        >>> params = {"lam": torch.tensor([0.75, 1.0])}
        >>> mixed, soft = Mixup().apply(images, labels, params, torch.tensor([[1], [0]]))
        >>> mixed.flatten().tolist(), soft.tolist()
        ([0.25, 1.0], [[0.75, 0.25], [0.0, 1.0]])
    """

    alpha: float = 0.2

    def __post_init__(self) -> None:
        check_number(self, "alpha", low=1e-3, high=1e3)

    @property
    def takes_vectors(self) -> bool:
        """Mixup blends items of any shape."""
        return True

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `lam [n]`, the weight of the item itself, and `partner [n, 1]`."""
        return {"lam": beta(n, self.alpha, generator), "partner": torch.rand(n, 1, generator=generator)}

    def change(self, images: Images, labels: Labels, params: Params, partners: Partners) -> Mixed:
        """Blend images and labels; differentiable in images, labels and lam."""
        other = partners[:, 0].to(images.device)
        lam = params["lam"].to(images)[:, None]
        weight = lam.view(-1, *[1] * (images.ndim - 1))
        mixed = torch.lerp(images[other], images, weight.expand_as(images))
        return mixed, torch.lerp(labels[other], labels, lam.to(labels).expand_as(labels))

    def mix_parts(self, parts: Parts, labels: Labels, params: Params, partners: Partners) -> tuple[Parts, Labels]:
        """Blend all parts and the label by one weight; of two texts the one that weighs more is taken."""

        def heavier(own: str, other: str, lam: float) -> str:
            return own if lam >= 0.5 else other

        return mix_values(parts, labels, params["lam"], partners[:, 0], heavier)
