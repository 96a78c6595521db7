"""Data augmentation GAN: another item of the class of a given one (Antoniou, Storkey and Edwards 2017)."""

from dataclasses import dataclass
from typing import ClassVar

from manyshot.augment.ops.op import check_number
from manyshot.generate.adversarial_objective import AdversarialObjective
from manyshot.generate.data_spec import MOST, DataSpec
from manyshot.generate.discriminator import PairDiscriminator
from manyshot.generate.gan import ConvolutionalOptions
from manyshot.generate.model import Conditioning
from manyshot.generate.networks import DCGANEncoder
from manyshot.generate.unet import UNet


@dataclass(frozen=True)
class DAGANOptions(ConvolutionalOptions):
    """Another item of the class of any given one, also of classes never seen, `dagan(width=32)`.

    The paper's game is `dagan(loss=wasserstein, penalty=gradient, spectral=no)`; a hinge with spectral normalisation
    takes half of the time a step.

    Where it differs: with augmentation (`--plan`), the item that a pair is judged by is not augmented, its partner is.

    Args:
        width: channels of the generator's largest map; each smaller one has twice as many.
        noise: how many numbers z has.
        loss: minimax, non_saturating, hinge or wasserstein.
        penalty: none, gradient or r1.
        spectral: whether the discriminator's layers are divided by their largest singular value.
        judge: channels of the discriminator's largest map.
        redraw: how far the generator draws beside bending what it is shown, see `UNet`.

    Raises:
        InputError: for a value out of range.
    """

    width: int = 16
    noise: int = 32
    judge: int = 16
    redraw: float = 1.0

    conditioning: ClassVar[Conditioning] = "item"
    has_discriminator: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(self, "judge", low=1, high=MOST, whole=True)
        check_number(self, "redraw", high=100)

    def make(self, kind: DataSpec) -> AdversarialObjective:
        """Build the game; the discriminator sees pairs."""
        channels, size = kind.require_pictures("dagan")
        body = DCGANEncoder(2 * channels, size, self.judge, blocks=1)
        return self.game(UNet(kind.shape, self.noise, self.width, self.redraw), PairDiscriminator(body, body.features))
