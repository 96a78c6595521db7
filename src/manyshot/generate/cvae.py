"""A conditional variational autoencoder: another item of the class of a given one (Kingma and Welling 2014)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.augment.ops.op import check_number
from manyshot.generate.batches import Batch
from manyshot.generate.data_spec import MOST, DataSpec
from manyshot.generate.generator_objective import Augmentation, GeneratorObjective
from manyshot.generate.model import Conditioning, GenerativeModel
from manyshot.generate.networks import DCGANEncoder
from manyshot.generate.unet import UNet


class CVAEObjective(GeneratorObjective):
    """Teaches a generator G(z, x) to make the other item x' of x's class out of what a encoder says of both.

    loss = -E_q log p(x' | z, x) + strength * KL(q(z | x', x) || N(0, I)),   per pixel,

    with q(z | x', x) a normal distribution whose mean and deviations, of at most 1, the encoder gives, and
    p(x' | z, x) a Bernoulli distribution of each pixel with the mean G(z, x) (Kingma and Welling 2014; conditional:
    Sohn, Lee and Yan 2015). Sohn et al. learn the prior of z from x; here it is N(0, I).

    Args:
        generator: of pictures, shown an item.
        body: pairs of pictures, joined along their channels, to features `[n, d]`; of the encoder.
        features: d.
        strength: of the divergence; 1 is the bound on the likelihood.
    """

    def __init__(self, generator: GenerativeModel, body: nn.Module, features: int, strength: float) -> None:
        super().__init__(generator)
        self.encoder = nn.Sequential(body, nn.Linear(features, 2 * generator.noise))
        self.strength = strength

    def trainable_parameters(self) -> list[nn.Parameter]:
        """Both networks."""
        return [*self.model.parameters(), *self.encoder.parameters()]

    def generator_loss(self, batch: Batch, noise: Float[Tensor, "n z"], augment: Augmentation) -> Float[Tensor, ""]:
        """The loss; nothing is looked at by a discriminator, so nothing is changed."""
        like = batch.condition.like
        assert like is not None  # drawn as the generator wants
        mean, raw = self.encoder(torch.cat([like, batch.items], 1)).chunk(2, 1)
        log_deviation = F.logsigmoid(raw)
        made = self.model(mean + noise * log_deviation.exp(), batch.condition)
        unlikely = F.binary_cross_entropy(made, batch.items, reduction="sum")
        loss: Tensor = unlikely + self.strength * divergence(mean, log_deviation)
        return loss / batch.items.numel()


def divergence(mean: Float[Tensor, "n z"], log_deviation: Float[Tensor, "n z"]) -> Float[Tensor, ""]:
    """KL(N(mean, deviation^2) || N(0, I)), summed: sum (mean^2 + deviation^2 - 1) / 2 - log deviation.

    Example:
        >>> divergence(torch.ones(1, 2), torch.zeros(1, 2)).item()
        1.0
    """
    return ((mean.square() + (2 * log_deviation).exp() - 1) / 2 - log_deviation).sum()


@dataclass(frozen=True)
class CVAEOptions:
    """Another item of the class of any given one, without a game, `cvae(width=32)`; for pictures.

    Args:
        width: channels of the generator's largest map.
        reader: channels of the encoder's.
        noise: how many numbers z has.
        strength: of the divergence from N(0, I); 1 is the bound on the likelihood. The smaller, the more of x' is said
            by z, and the less what is made of z ~ N(0, I) is of the class.
        redraw: how far the generator draws beside bending what it is shown, see `UNet`.

    Raises:
        InputError: for a value out of range.
    """

    width: int = 16
    reader: int = 16
    noise: int = 32
    strength: float = 3.0
    redraw: float = 1.0

    conditioning: ClassVar[Conditioning] = "item"
    has_discriminator: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_number(self, "width", "reader", "noise", low=1, high=MOST, whole=True)
        check_number(self, "strength")
        check_number(self, "redraw", high=100)

    def make(self, kind: DataSpec) -> GeneratorObjective:
        """Build both networks."""
        channels, size = kind.require_pictures("cvae")
        body = DCGANEncoder(2 * channels, size, self.reader, blocks=1)
        return CVAEObjective(UNet(kind.shape, self.noise, self.width, self.redraw), body, body.features, self.strength)
