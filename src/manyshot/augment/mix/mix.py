"""What a mix is: an op that makes one item of several and changes its label with it."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from manyshot.augment.ops.op import Params, check_number


class Mix(ABC):
    """An op that mixes each item with others of its batch, and its label with theirs."""

    @property
    def takes_vectors(self) -> bool:
        """Whether items may be tensors of any shape, such as vectors of features, and not only images."""
        return False

    @abstractmethod
    def sample(self, n: int, generator: Generator) -> Params:
        """Draw the parameters of n items; `partner [n, others]` among them (see `partners_of`)."""

    @abstractmethod
    def apply(
        self,
        images: Float[Tensor, "n ..."],
        labels: Float[Tensor, "n ways"],
        params: Params,
        partners: Int[Tensor, "n others"],
    ) -> tuple[Float[Tensor, "n ..."], Float[Tensor, "n ways"]]:
        """Mix each image with its partners, and the labels by the shares that each has in the result.

        Args:
            images: `[n, c, h, w]`, values from 0 to 1; or any tensors, if it takes vectors.
            labels: shares of the classes, or one-hot rows.
            params: of n items.
            partners: the places of the others that go into each item.
        """


@dataclass(frozen=True)
class SometimesMix(Mix):
    """Mix each item with probability p.

    Args:
        mix: what to apply.
        p: share of items that are mixed.

    Raises:
        InputError: for a p outside 0 to 1.

    Example:
        >>> from manyshot.augment.mix.cutmix import CutMix
        >>> op = SometimesMix(CutMix(), p=0.5)
        >>> list(op.sample(8, torch.Generator().manual_seed(0)))
        ['on', 'inner', 'partner']
    """

    mix: Mix
    p: float = 0.5

    def __post_init__(self) -> None:
        check_number(self, "p", high=1)

    @property
    def takes_vectors(self) -> bool:
        """Whether the mix takes them."""
        return self.mix.takes_vectors

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `on [n]`, booleans, the mix's params for all items under `inner`, and their `partner`."""
        on = torch.rand(n, generator=generator) < self.p
        inner = self.mix.sample(n, generator)
        return {"on": on, "inner": inner, "partner": inner["partner"]}

    def apply(
        self,
        images: Float[Tensor, "n ..."],
        labels: Float[Tensor, "n ways"],
        params: Params,
        partners: Int[Tensor, "n others"],
    ) -> tuple[Float[Tensor, "n ..."], Float[Tensor, "n ways"]]:
        """Mix the items whose turn it is; differentiable where the mix is."""
        mixed, shares = self.mix.apply(images, labels, params["inner"], partners)
        on = params["on"].to(images.device)
        here = on.view(-1, *[1] * (images.ndim - 1))
        return torch.where(here, mixed, images), torch.where(on[:, None], shares, labels)
