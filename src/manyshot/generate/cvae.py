"""A conditional variational autoencoder: another example of the class of a given one (Kingma and Welling 2014)."""

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.base.check_numbers import check_range
from manyshot.generate.batches import Batch
from manyshot.generate.dagan_generator import DAGANGenerator
from manyshot.generate.data_spec import MAX_WIDTH, DataSpec
from manyshot.generate.generative_model import Conditioning
from manyshot.generate.generator_objective import Augmentation, GeneratorObjective
from manyshot.generate.networks import DCGANEncoder
from manyshot.runtime.renamed_weights import accept_old_names


class CVAE(GeneratorObjective):
    """Another example of the class of a given image, without a discriminator, `cvae(width=32)`.

    The model G(z, x) learns to generate another image x' of x's class from a code z of both:

        loss = -E_q log p(x' | z, x) + kl_weight * KL(q(z | x', x) || N(0, I)),   per pixel,

    with q(z | x', x) a normal distribution whose mean and standard deviations, of at most 1, the encoder gives, and
    p(x' | z, x) a Bernoulli distribution of each pixel with the mean G(z, x) (Kingma and Welling 2014; conditional:
    Sohn, Lee and Yan 2015). Sohn et al. learn the prior of z from x; here it is N(0, I).

    Args:
        spec: Shape of the images.
        width: Channels of the generative model's largest feature map.
        encoder_width: Channels of the encoder's largest feature map.
        noise: Dimension of z.
        kl_weight: Weight of the divergence; 1 gives the evidence lower bound. The smaller it is, the more of x' is
            encoded in z, and the less often examples of z ~ N(0, I) keep the class.
        redraw: How far the model redraws the given image besides deforming it, see `DAGANGenerator`.

    Raises:
        InputError: If an option is out of range, or the examples are no images.

    Example:
        >>> objective = CVAE(DataSpec((1, 16, 16), classes=5), width=4, encoder_width=4)
        >>> objective.model.sample(3, like=torch.rand(3, 1, 16, 16), generator=torch.Generator()).shape
        torch.Size([3, 1, 16, 16])
    """

    conditioning: ClassVar[Conditioning] = "item"

    def __init__(
        self,
        spec: DataSpec,
        width: int = 16,
        encoder_width: int = 16,
        noise: int = 32,
        kl_weight: float = 3.0,
        redraw: float = 1.0,
    ) -> None:
        self.check_options(width, encoder_width, noise, kl_weight, redraw)
        channels, size = spec.require_images("cvae")
        body = DCGANEncoder(2 * channels, size, encoder_width, blocks=1)
        super().__init__(DAGANGenerator(spec.shape, noise, width, redraw))
        self.encoder = nn.Sequential(body, nn.Linear(body.features, 2 * noise))
        self.kl_weight = kl_weight
        accept_old_names(self, {"recogniser": "encoder"})

    @staticmethod
    def check_options(width: int, encoder_width: int, noise: int, kl_weight: float, redraw: float) -> None:
        """Check the options.

        Raises:
            InputError: If one is out of range.
        """
        check_range(1, MAX_WIDTH, whole=True, width=width, encoder_width=encoder_width, noise=noise)
        check_range(0, kl_weight=kl_weight)
        check_range(0, 100, redraw=redraw)

    def trainable_parameters(self) -> list[nn.Parameter]:
        """Parameters of the generative model and of the encoder."""
        return [*self.model.parameters(), *self.encoder.parameters()]

    def generator_loss(self, batch: Batch, noise: Float[Tensor, "n z"], augment: Augmentation) -> Float[Tensor, ""]:
        """The loss; there is no discriminator, so nothing is augmented."""
        like = batch.condition.like
        assert like is not None  # batches hold the condition that the model needs
        mean, raw = self.encoder(torch.cat([like, batch.items], 1)).chunk(2, 1)
        log_std = F.logsigmoid(raw)
        generated = self.model(mean + noise * log_std.exp(), batch.condition)
        reconstruction = F.binary_cross_entropy(generated, batch.items, reduction="sum")
        loss: Tensor = reconstruction + self.kl_weight * divergence(mean, log_std)
        return loss / batch.items.numel()


def divergence(mean: Float[Tensor, "n z"], log_std: Float[Tensor, "n z"]) -> Float[Tensor, ""]:
    """KL(N(mean, std^2) || N(0, I)), summed: sum (mean^2 + std^2 - 1) / 2 - log std.

    Example:
        >>> divergence(torch.ones(1, 2), torch.zeros(1, 2)).item()
        1.0
    """
    return ((mean.square() + (2 * log_std).exp() - 1) / 2 - log_std).sum()
