"""Generative adversarial networks (Goodfellow et al. 2014), fully connected."""

import math

from jaxtyping import Float
from torch import Tensor, nn

from manyshot.base.check_numbers import check_range
from manyshot.generate.adversarial_objective import AdversarialObjective, check_loss
from manyshot.generate.data_spec import MAX_WIDTH, DataSpec
from manyshot.generate.discriminator import UnconditionalDiscriminator
from manyshot.generate.generative_model import Code, Condition, GenerativeModel
from manyshot.generate.networks import UnitRange, mlp, with_spectral_norm


class UnconditionalModel(GenerativeModel):
    """Generates examples from noise alone.

    Args:
        shape: Shape of an example.
        noise: Dimension of z.
        body: Module from noise to examples, or to their numbers in any shape.
    """

    def __init__(self, shape: tuple[int, ...], noise: int, body: nn.Module) -> None:
        super().__init__(shape, noise)
        self.body = body

    def code(self, condition: Condition) -> Code:
        """An empty code."""
        return ()

    def decode(self, noise: Float[Tensor, "n z"], code: Code) -> Float[Tensor, "n ..."]:
        """Generate examples from noise."""
        generated: Tensor = self.body(noise)
        return generated.reshape(-1, *self.shape)


class GAN(AdversarialObjective):
    """The textbook GAN with fully connected networks, `gan(width=256, loss=minimax)`; for images or vectors.

    Args:
        spec: Shape of the examples.
        width: Width of each hidden layer.
        hidden: Number of hidden layers of each network.
        noise: Dimension of z.
        loss: Adversarial loss: minimax, non_saturating, hinge or wasserstein.
        penalty: Gradient penalty: none, gradient (WGAN-GP) or r1.
        spectral: Whether the discriminator's layers have spectral normalization.

    Raises:
        InputError: If an option is out of range.
    """

    def __init__(
        self,
        spec: DataSpec,
        width: int = 256,
        hidden: int = 2,
        noise: int = 32,
        loss: str = "non_saturating",
        penalty: str = "none",
        spectral: bool = False,
    ) -> None:
        self.check_options(width, hidden, noise, loss, penalty)
        numbers = math.prod(spec.shape)
        body: nn.Module = mlp(noise, width, hidden, numbers)
        body = nn.Sequential(body, UnitRange()) if spec.is_image else body
        features = mlp(numbers, width, max(hidden - 1, 0), width).append(nn.LeakyReLU(0.2))
        discriminator = UnconditionalDiscriminator(features, width)
        model = UnconditionalModel(spec.shape, noise, body)
        super().__init__(model, with_spectral_norm(discriminator) if spectral else discriminator, loss, penalty)

    @staticmethod
    def check_options(width: int, hidden: int, noise: int, loss: str, penalty: str) -> None:
        """Check the options.

        Raises:
            InputError: If one is out of range or unknown.
        """
        check_range(1, MAX_WIDTH, whole=True, width=width, noise=noise)
        check_range(0, 64, whole=True, hidden=hidden)
        check_loss(loss, penalty)
