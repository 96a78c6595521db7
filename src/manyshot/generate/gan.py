"""Generative adversarial networks (Goodfellow et al. 2014), with fully connected and with convolutional bodies."""

import math
from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from manyshot.augment.ops.op import check_number
from manyshot.generate.adversarial_objective import AdversarialObjective
from manyshot.generate.data_spec import MOST, DataSpec, check_game
from manyshot.generate.discriminator import Discriminator, UnconditionalDiscriminator
from manyshot.generate.model import Code, Condition, Conditioning, GenerativeModel
from manyshot.generate.networks import DCGANDecoder, DCGANEncoder, UnitRange, mlp, spectral


class UnconditionalModel(GenerativeModel):
    """Makes items of noise alone.

    Args:
        shape: of an item.
        noise: how many numbers z has.
        body: noise to items, or to what can be laid out as one.
    """

    def __init__(self, shape: tuple[int, ...], noise: int, body: nn.Module) -> None:
        super().__init__(shape, noise)
        self.body = body

    def code(self, condition: Condition) -> Code:
        """Nothing is asked for."""
        return ()

    def decode(self, noise: Float[Tensor, "n z"], code: Code) -> Float[Tensor, "n ..."]:
        """Make items."""
        made: Tensor = self.body(noise)
        return made.reshape(-1, *self.shape)


@dataclass(frozen=True)
class GANOptions:
    """The textbook game with fully connected bodies, `gan(width=256, loss=minimax)`; for pictures or vectors.

    Args:
        width: of each hidden layer.
        hidden: how many hidden layers each side has.
        noise: how many numbers z has.
        loss: minimax, non_saturating, hinge or wasserstein.
        penalty: none, gradient or r1.
        spectral: whether the discriminator's layers are divided by their largest singular value.

    Raises:
        InputError: for a value out of range.
    """

    width: int = 256
    hidden: int = 2
    noise: int = 32
    loss: str = "non_saturating"
    penalty: str = "none"
    spectral: bool = False

    conditioning: ClassVar[Conditioning] = "nothing"
    has_discriminator: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_number(self, "width", "noise", low=1, high=MOST, whole=True)
        check_number(self, "hidden", high=64, whole=True)
        check_game(self)

    def make(self, kind: DataSpec) -> AdversarialObjective:
        """Build the game."""
        numbers = math.prod(kind.shape)
        body: nn.Module = mlp(self.noise, self.width, self.hidden, numbers)
        body = nn.Sequential(body, UnitRange()) if kind.is_picture else body
        judge = UnconditionalDiscriminator(
            mlp(numbers, self.width, max(self.hidden - 1, 0), self.width).append(nn.LeakyReLU(0.2)), self.width
        )
        generator = UnconditionalModel(kind.shape, self.noise, body)
        return AdversarialObjective(generator, spectral(judge) if self.spectral else judge, self.loss, self.penalty)


@dataclass(frozen=True)
class ConvolutionalOptions:
    """What the games of strided convolutions have in common.

    Args:
        width: channels of the largest map; each smaller one has twice as many.
        noise: how many numbers z has, and how many the vector of a class has where there is one.
        loss: minimax, non_saturating, hinge or wasserstein.
        penalty: none, gradient or r1.
        spectral: whether the discriminator's layers are divided by their largest singular value.

    Raises:
        InputError: for a value out of range.
    """

    width: int = 32
    noise: int = 64
    loss: str = "hinge"
    penalty: str = "none"
    spectral: bool = True

    def __post_init__(self) -> None:
        check_number(self, "width", "noise", low=1, high=MOST, whole=True)
        check_game(self)

    def game(self, generator: GenerativeModel, judge: Discriminator) -> AdversarialObjective:
        """The game of a generator and a discriminator."""
        return AdversarialObjective(generator, spectral(judge) if self.spectral else judge, self.loss, self.penalty)


@dataclass(frozen=True)
class DCGANOptions(ConvolutionalOptions):
    """Convolutional bodies in the manner of DCGAN, `dcgan(width=32)`; for pictures.

    Args:
        width: channels of the largest map; each smaller one has twice as many.
        noise: how many numbers z has.
        loss: minimax, non_saturating, hinge or wasserstein.
        penalty: none, gradient or r1.
        spectral: whether the discriminator's layers are divided by their largest singular value.

    Raises:
        InputError: for a value out of range.
    """

    conditioning: ClassVar[Conditioning] = "nothing"
    has_discriminator: ClassVar[bool] = True

    def make(self, kind: DataSpec) -> AdversarialObjective:
        """Build the game."""
        channels, size = kind.require_pictures("dcgan")
        body = DCGANEncoder(channels, size, self.width)
        generator = UnconditionalModel(kind.shape, self.noise, DCGANDecoder(self.noise, channels, size, self.width))
        return self.game(generator, UnconditionalDiscriminator(body, body.features))
