"""Data augmentation GAN: another example of the class of a given one (Antoniou, Storkey and Edwards 2017)."""

from typing import ClassVar

from manyshot.base.check_numbers import check_range
from manyshot.generate.dagan_generator import DAGANGenerator
from manyshot.generate.data_spec import MAX_WIDTH, DataSpec
from manyshot.generate.dcgan import ConvolutionalGAN
from manyshot.generate.discriminator import PairDiscriminator
from manyshot.generate.generative_model import Conditioning
from manyshot.generate.networks import DCGANEncoder


class DAGAN(ConvolutionalGAN):
    """Another example of the class of a given one, which may be a class never seen, `dagan(width=32)`.

    The paper's training is `dagan(loss=wasserstein, penalty=gradient, spectral=no)`; a hinge loss with spectral
    normalization takes half the time per step.

    Args:
        spec: Shape of the images.
        width: Channels of the generative model's largest feature map; each smaller one has twice as many.
        noise: Dimension of z.
        loss: Adversarial loss: minimax, non_saturating, hinge or wasserstein.
        penalty: Gradient penalty: none, gradient (WGAN-GP) or r1.
        spectral: Whether the discriminator's layers have spectral normalization.
        discriminator_width: Channels of the discriminator's largest feature map.
        redraw: How far the model redraws the given image besides deforming it, see `DAGANGenerator`.

    Raises:
        InputError: If an option is out of range, or the examples are no images.

    Example:
        >>> dagan = DAGAN(DataSpec((1, 16, 16), classes=5), width=4, discriminator_width=4)
        >>> dagan.conditioning, dagan.model.noise
        ('item', 32)
    """

    conditioning: ClassVar[Conditioning] = "item"

    def __init__(
        self,
        spec: DataSpec,
        width: int = 16,
        noise: int = 32,
        loss: str = "hinge",
        penalty: str = "none",
        spectral: bool = True,
        discriminator_width: int = 16,
        redraw: float = 1.0,
    ) -> None:
        self.check_options(width, noise, loss, penalty, discriminator_width, redraw)
        channels, size = spec.require_images("dagan")
        body = DCGANEncoder(2 * channels, size, discriminator_width, blocks=1)
        model = DAGANGenerator(spec.shape, noise, width, redraw)
        super().__init__(model, PairDiscriminator(body, body.features), loss, penalty, spectral)

    @staticmethod
    def check_options(
        width: int, noise: int, loss: str, penalty: str, discriminator_width: int = 16, redraw: float = 1.0
    ) -> None:
        """Check the options.

        Raises:
            InputError: If one is out of range or unknown.
        """
        ConvolutionalGAN.check_options(width, noise, loss, penalty)
        check_range(1, MAX_WIDTH, whole=True, discriminator_width=discriminator_width)
        check_range(0, 100, redraw=redraw)
