"""Mixup (Zhang, Cisse, Dauphin and Lopez-Paz 2018)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from manyshot.augment.mix.mix import Mix
from manyshot.augment.ops.draws import beta
from manyshot.augment.ops.op import Params, check_number


@dataclass(frozen=True)
class Mixup(Mix):
    """Blend each image and label with those of another item: `share x + (1 - share) x'`.

    Items may be vectors, too, or sequences of them: sentence and word mixup (Guo, Mao and Zhang 2019).

    Args:
        alpha: share ~ Beta(alpha, alpha); small values leave most items nearly alone.

    Raises:
        InputError: for an alpha that is not above 0.

    Example:
        >>> images, labels = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1), torch.eye(2)
        >>> params = {"share": torch.tensor([0.75, 1.0])}
        >>> mixed, shares = Mixup().apply(images, labels, params, torch.tensor([[1], [0]]))
        >>> mixed.flatten().tolist(), shares.tolist()
        ([0.25, 1.0], [[0.75, 0.25], [0.0, 1.0]])
    """

    alpha: float = 0.2

    def __post_init__(self) -> None:
        check_number(self, "alpha", low=1e-3, high=1e3)

    @property
    def takes_vectors(self) -> bool:
        """Items of any shape are blended alike."""
        return True

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `share [n]`, of the item itself, and `partner [n, 1]`."""
        return {"share": beta(n, self.alpha, generator), "partner": torch.rand(n, 1, generator=generator)}

    def change(
        self,
        images: Float[Tensor, "n ..."],
        labels: Float[Tensor, "n ways"],
        params: Params,
        partners: Int[Tensor, "n 1"],
    ) -> tuple[Float[Tensor, "n ..."], Float[Tensor, "n ways"]]:
        """Blend; differentiable in images, labels and share."""
        other = partners[:, 0].to(images.device)
        share = params["share"].to(images)[:, None]
        own = share.view(-1, *[1] * (images.ndim - 1))
        mixed = torch.lerp(images[other], images, own.expand_as(images))
        return mixed, torch.lerp(labels[other], labels, share.to(labels).expand_as(labels))
