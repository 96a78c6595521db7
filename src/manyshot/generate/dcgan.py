"""DCGAN: convolutional generative adversarial networks (Radford, Metz and Chintala 2016)."""

from manyshot.base.check_numbers import check_range
from manyshot.generate.adversarial_objective import AdversarialObjective, check_loss
from manyshot.generate.data_spec import MAX_WIDTH, DataSpec
from manyshot.generate.discriminator import Discriminator, UnconditionalDiscriminator
from manyshot.generate.gan import UnconditionalModel
from manyshot.generate.generative_model import GenerativeModel
from manyshot.generate.networks import DCGANDecoder, DCGANEncoder, with_spectral_norm


class ConvolutionalGAN(AdversarialObjective):
    """Base class of adversarial training with strided convolutions.

    Args:
        model: Generative model to train.
        discriminator: Scores real and generated examples.
        loss: Adversarial loss: minimax, non_saturating, hinge or wasserstein.
        penalty: Gradient penalty: none, gradient (WGAN-GP) or r1.
        spectral: Whether the discriminator's layers have spectral normalization.
    """

    def __init__(
        self, model: GenerativeModel, discriminator: Discriminator, loss: str, penalty: str, spectral: bool
    ) -> None:
        super().__init__(model, with_spectral_norm(discriminator) if spectral else discriminator, loss, penalty)

    @staticmethod
    def check_options(width: int, noise: int, loss: str, penalty: str) -> None:
        """Check the options.

        Raises:
            InputError: If one is out of range or unknown.
        """
        check_range(1, MAX_WIDTH, whole=True, width=width, noise=noise)
        check_loss(loss, penalty)


class DCGAN(ConvolutionalGAN):
    """Unconditional GAN with convolutional networks, `dcgan(width=32)`; for images.

    Args:
        spec: Shape of the images.
        width: Channels of the largest feature map; each smaller one has twice as many.
        noise: Dimension of z.
        loss: Adversarial loss: minimax, non_saturating, hinge or wasserstein.
        penalty: Gradient penalty: none, gradient (WGAN-GP) or r1.
        spectral: Whether the discriminator's layers have spectral normalization.

    Raises:
        InputError: If an option is out of range, or the examples are no images.
    """

    def __init__(
        self,
        spec: DataSpec,
        width: int = 32,
        noise: int = 64,
        loss: str = "hinge",
        penalty: str = "none",
        spectral: bool = True,
    ) -> None:
        self.check_options(width, noise, loss, penalty)
        channels, size = spec.require_images("dcgan")
        body = DCGANEncoder(channels, size, width)
        model = UnconditionalModel(spec.shape, noise, DCGANDecoder(noise, channels, size, width))
        super().__init__(model, UnconditionalDiscriminator(body, body.features), loss, penalty, spectral)
