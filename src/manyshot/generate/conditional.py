"""A class-conditional GAN with a projection discriminator (Mirza and Osindero 2014; Miyato and Koyama 2018)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from manyshot.base import InputError
from manyshot.generate.adversarial_objective import AdversarialObjective
from manyshot.generate.data_spec import DataSpec
from manyshot.generate.discriminator import ProjectionDiscriminator
from manyshot.generate.gan import ConvolutionalOptions
from manyshot.generate.model import Code, Condition, Conditioning, GenerativeModel
from manyshot.generate.networks import DCGANDecoder, DCGANEncoder


class ClassConditionalModel(GenerativeModel):
    """Makes items of a class that it is told by its number: G(z, y) = body([z, e_y]).

    Args:
        shape: of an item.
        noise: how many numbers z has; e_y has as many.
        classes: how many y there are.
        body: noise and class vector, one behind the other, to items.
    """

    conditioning: ClassVar[Conditioning] = "label"

    def __init__(self, shape: tuple[int, ...], noise: int, classes: int, body: nn.Module) -> None:
        super().__init__(shape, noise, classes)
        self.embedding, self.body = nn.Embedding(classes, noise), body

    def code(self, condition: Condition) -> Code:
        """The vectors of the classes asked for."""
        assert condition.label is not None
        return (self.embedding(condition.label),)

    def decode(self, noise: Float[Tensor, "n z"], code: Code) -> Float[Tensor, "n ..."]:
        """Make items."""
        made: Tensor = self.body(torch.cat([noise, *code], 1))
        return made


@dataclass(frozen=True)
class ConditionalOptions(ConvolutionalOptions):
    """Pictures of the classes that it was trained on, `conditional(width=32)`.

    Its noise is smaller than that of other games: with few items a class, more numbers were soon ignored.

    Args:
        width: channels of the largest map; each smaller one has twice as many.
        noise: how many numbers z has, and how many the vector of a class has.
        loss: minimax, non_saturating, hinge or wasserstein.
        penalty: none, gradient or r1.
        spectral: whether the discriminator's layers are divided by their largest singular value.

    Raises:
        InputError: for a value out of range.
    """

    noise: int = 16

    conditioning: ClassVar[Conditioning] = "label"
    has_discriminator: ClassVar[bool] = True

    def make(self, kind: DataSpec) -> AdversarialObjective:
        """Build the game.

        Raises:
            InputError: if there is but one class.
        """
        channels, size = kind.require_pictures("conditional")
        if kind.classes < 2:
            raise InputError("conditional: 1 class to train on; give at least 2, or use dcgan")
        grow = DCGANDecoder(2 * self.noise, channels, size, self.width)
        reads = DCGANEncoder(channels, size, self.width)
        return self.game(
            ClassConditionalModel(kind.shape, self.noise, kind.classes, grow),
            ProjectionDiscriminator(reads, reads.features, kind.classes),
        )
