"""Features of a class from few of them: adversarial feature hallucination (Li, Zhang, Li and Fu 2020)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.augment.ops.op import check_number
from manyshot.base import InputError
from manyshot.generate.adversarial_objective import AdversarialObjective
from manyshot.generate.batches import Batch
from manyshot.generate.data_spec import MOST, DataSpec, check_game
from manyshot.generate.discriminator import Discriminator, PairDiscriminator
from manyshot.generate.model import Code, Condition, Conditioning, GenerativeModel
from manyshot.generate.networks import mlp

SHARPNESS = 10.0
"""What cosines are multiplied by in the class term."""
SLIGHT = 1e-3
"""Two noises count as no nearer to each other."""
FLOOR = 1e-5
"""What the anti-collapse term divides by where all noises come to one feature."""


class AFHNModel(GenerativeModel):
    """Makes vectors of the class whose mean it is shown: s = c + body([c, z]).

    Args:
        shape: (d,).
        noise: how many numbers z has.
        width: of the hidden layers.
    """

    conditioning: ClassVar[Conditioning] = "mean"

    def __init__(self, shape: tuple[int, ...], noise: int, width: int) -> None:
        super().__init__(shape, noise)
        self.body = mlp(shape[0] + noise, width, 2, shape[0])

    def code(self, condition: Condition) -> Code:
        """The means themselves."""
        assert condition.like is not None
        return (condition.like,)

    def decode(self, noise: Float[Tensor, "n z"], code: Code) -> Float[Tensor, "n ..."]:
        """Make vectors about the means."""
        (mean,) = code
        made: Tensor = mean + self.body(torch.cat([mean, noise], 1))
        return made


class AFHNObjective(AdversarialObjective):
    """The game with AFHN's two further terms: made features keep their class, and two noises give two features.

    class term:    -log sum_j [y_j = y_i] exp(k cos(x_i, s_j)) / sum_j exp(k cos(x_i, s_j)),   averaged over real x_i
    anti-collapse: 1 / (E (1 - cos(s, s')) / (1 - cos(z, z')) + 1e-5),   s and s' of the same mean, noises z and z'

    The paper maximises the ratio in the second; its inverse is minimised here, as in mode seeking (Mao et al. 2019).

    Args:
        generator: of vectors.
        discriminator: of pairs of them.
        loss: see `AdversarialObjective`.
        penalty: see `AdversarialObjective`.
        keep: strength of the class term.
        spread: strength of the anti-collapse term.
    """

    def __init__(
        self,
        generator: GenerativeModel,
        discriminator: Discriminator,
        loss: str,
        penalty: str,
        keep: float,
        spread: float,
    ) -> None:
        super().__init__(generator, discriminator, loss, penalty)
        self.keep, self.spread = keep, spread

    def extra_generator_loss(
        self, batch: Batch, noise: Float[Tensor, "n z"], made: Float[Tensor, "n d"]
    ) -> Float[Tensor, ""]:
        """Both terms, weighted."""
        other = noise.roll(1, 0)
        again = self.model(other, batch.condition)
        return self.keep * class_term(batch.items, made, batch.label) + self.spread * anti_collapse(
            noise, other, made, again
        )


def class_term(real: Float[Tensor, "n d"], made: Float[Tensor, "n d"], label: Tensor) -> Float[Tensor, ""]:
    """How far made features are from letting real ones be classified by their cosines; see `AFHNObjective`.

    Example:
        >>> apart = torch.eye(2)
        >>> right, wrong = (class_term(apart, made, torch.tensor([0, 1])) for made in (apart, apart.flip(0)))
        >>> bool(right < wrong)
        True
    """
    logits = SHARPNESS * F.normalize(real, dim=1) @ F.normalize(made, dim=1).T
    same = label[:, None] == label
    return (logits.logsumexp(1) - logits.masked_fill(~same, -torch.inf).logsumexp(1)).mean()


def anti_collapse(
    noise: Float[Tensor, "n z"], other: Float[Tensor, "n z"], made: Float[Tensor, "n d"], again: Float[Tensor, "n d"]
) -> Float[Tensor, ""]:
    """1 / (E (1 - cos(s, s')) / (1 - cos(z, z')) + 1e-5): large where two noises come to one feature.

    The steeper, the nearer to collapse. Two noises in nearly one direction count as 1e-3 apart.

    Example:
        >>> z, s = torch.eye(2), torch.eye(2)
        >>> round(anti_collapse(z, z.flip(0), s, s.flip(0)).item(), 3)
        1.0
    """
    apart = (1 - F.cosine_similarity(noise, other, dim=1)).clamp(min=SLIGHT)
    return 1 / (((1 - F.cosine_similarity(made, again, dim=1)) / apart).mean() + FLOOR)


@dataclass(frozen=True)
class AFHNOptions:
    """Feature vectors of the class of a few given ones, `afhn(spread=0.03)`.

    Args:
        width: of the hidden layers of both sides.
        noise: how many numbers z has.
        keep: strength of the term that keeps the class.
        spread: strength of the term against collapse.
        loss: wasserstein in the paper; or minimax, non_saturating, hinge.
        penalty: gradient in the paper; or none, r1.

    Raises:
        InputError: for a value out of range.
    """

    width: int = 256
    noise: int = 32
    keep: float = 1.0
    spread: float = 0.03
    loss: str = "wasserstein"
    penalty: str = "gradient"

    conditioning: ClassVar[Conditioning] = "mean"
    has_discriminator: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_number(self, "width", "noise", low=1, high=MOST, whole=True)
        check_number(self, "keep", "spread")
        check_game(self)

    def make(self, kind: DataSpec) -> AdversarialObjective:
        """Build the game.

        Raises:
            InputError: if the items are pictures.
        """
        if kind.is_picture:
            raise InputError(
                "afhn makes feature vectors, and these are pictures; name an encoder's run (--encoder-run)"
            )
        judge = PairDiscriminator(
            mlp(2 * kind.shape[0], self.width, 1, self.width).append(nn.LeakyReLU(0.2)), self.width
        )
        generator = AFHNModel(kind.shape, self.noise, self.width)
        return AFHNObjective(generator, judge, self.loss, self.penalty, self.keep, self.spread)
