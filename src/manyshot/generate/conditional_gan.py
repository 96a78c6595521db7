"""A class-conditional GAN with a projection discriminator (Mirza and Osindero 2014; Miyato and Koyama 2018)."""

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from manyshot.base import InputError
from manyshot.generate.data_spec import DataSpec
from manyshot.generate.dcgan import ConvolutionalGAN
from manyshot.generate.discriminator import ProjectionDiscriminator
from manyshot.generate.generative_model import Code, Condition, Conditioning, GenerativeModel
from manyshot.generate.networks import DCGANDecoder, DCGANEncoder


class ClassConditionalModel(GenerativeModel):
    """Generates examples of a class that is given by its number: G(z, y) = body([z, e_y]).

    Args:
        shape: Shape of an example.
        noise: Dimension of z, and of e_y.
        classes: Number of classes y.
        body: Module from the concatenated noise and class embedding to examples.
    """

    conditioning: ClassVar[Conditioning] = "label"

    def __init__(self, shape: tuple[int, ...], noise: int, classes: int, body: nn.Module) -> None:
        super().__init__(shape, noise, classes)
        self.embedding, self.body = nn.Embedding(classes, noise), body

    def code(self, condition: Condition) -> Code:
        """Embeddings of the classes."""
        assert condition.label is not None
        return (self.embedding(condition.label),)

    def decode(self, noise: Float[Tensor, "n z"], code: Code) -> Float[Tensor, "n ..."]:
        """Generate examples from noise and class embeddings."""
        generated: Tensor = self.body(torch.cat([noise, *code], 1))
        return generated


class ConditionalGAN(ConvolutionalGAN):
    """Images of the classes that it was trained on, `conditional(width=32)`.

    Its noise has fewer dimensions than in DCGAN: with few examples per class, more of them were soon ignored.

    Args:
        spec: Shape of the images and number of classes.
        width: Channels of the largest feature map; each smaller one has twice as many.
        noise: Dimension of z, and of the class embedding.
        loss: Adversarial loss: minimax, non_saturating, hinge or wasserstein.
        penalty: Gradient penalty: none, gradient (WGAN-GP) or r1.
        spectral: Whether the discriminator's layers have spectral normalization.

    Raises:
        InputError: If an option is out of range, there is only one class, or the examples are no images.
    """

    conditioning: ClassVar[Conditioning] = "label"

    def __init__(
        self,
        spec: DataSpec,
        width: int = 32,
        noise: int = 16,
        loss: str = "hinge",
        penalty: str = "none",
        spectral: bool = True,
    ) -> None:
        self.check_options(width, noise, loss, penalty)
        channels, size = spec.require_images("conditional")
        if spec.classes < 2:
            raise InputError("conditional: 1 class to train on; give at least 2, or use dcgan")
        decoder = DCGANDecoder(2 * noise, channels, size, width)
        body = DCGANEncoder(channels, size, width)
        model = ClassConditionalModel(spec.shape, noise, spec.classes, decoder)
        discriminator = ProjectionDiscriminator(body, body.features, spec.classes)
        super().__init__(model, discriminator, loss, penalty, spectral)
