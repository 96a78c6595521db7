"""Features of a class from few of them: adversarial feature hallucination (Li, Zhang, Li and Fu 2020)."""

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.base import InputError
from manyshot.base.check_numbers import check_range
from manyshot.generate.adversarial_objective import AdversarialObjective, check_loss
from manyshot.generate.batches import Batch
from manyshot.generate.data_spec import MAX_WIDTH, DataSpec
from manyshot.generate.discriminator import PairDiscriminator
from manyshot.generate.generative_model import Code, Condition, Conditioning, GenerativeModel
from manyshot.generate.networks import mlp

SHARPNESS = 10.0
"""Factor k of the cosines in the class term."""
SLIGHT = 1e-3
"""Smallest cosine distance of two noise vectors that the anti-collapse term divides by."""
FLOOR = 1e-5
"""Added to the denominator of the anti-collapse term, which is 0 if the noise is ignored."""


class AFHNModel(GenerativeModel):
    """Generates vectors of the class with a given mean c: s = c + body([c, z]).

    Args:
        shape: (d,).
        noise: Dimension of z.
        width: Width of the hidden layers.
    """

    conditioning: ClassVar[Conditioning] = "mean"

    def __init__(self, shape: tuple[int, ...], noise: int, width: int) -> None:
        super().__init__(shape, noise)
        self.body = mlp(shape[0] + noise, width, 2, shape[0])

    def code(self, condition: Condition) -> Code:
        """Return the means."""
        assert condition.like is not None
        return (condition.like,)

    def decode(self, noise: Float[Tensor, "n z"], code: Code) -> Float[Tensor, "n ..."]:
        """Generate vectors around the means."""
        (mean,) = code
        vectors: Tensor = mean + self.body(torch.cat([mean, noise], 1))
        return vectors


class AFHN(AdversarialObjective):
    """Feature vectors of the class of a few given ones, `afhn(spread=0.03)`.

    Adversarial training with two further terms: generated features keep their class, and two noise vectors give two
    features.

        class term:    -log sum_j [y_j = y_i] exp(k cos(x_i, s_j)) / sum_j exp(k cos(x_i, s_j)),  averaged over real x_i
        anti-collapse: 1 / (E (1 - cos(s, s')) / (1 - cos(z, z')) + 1e-5),   s and s' of the same mean, noise z and z'

    The paper maximizes the ratio in the second; its inverse is minimized here, as in mode seeking (Mao et al. 2019).

    Args:
        spec: Shape of the features.
        width: Hidden width of both networks.
        noise: Dimension of z.
        keep: Weight of the class term.
        spread: Weight of the anti-collapse term.
        loss: Adversarial loss: wasserstein as in the paper, or minimax, non_saturating, hinge.
        penalty: Gradient penalty: gradient (WGAN-GP) as in the paper; or none, r1.

    Raises:
        InputError: If an option is out of range, or the examples are images.
    """

    conditioning: ClassVar[Conditioning] = "mean"

    def __init__(
        self,
        spec: DataSpec,
        width: int = 256,
        noise: int = 32,
        keep: float = 1.0,
        spread: float = 0.03,
        loss: str = "wasserstein",
        penalty: str = "gradient",
    ) -> None:
        self.check_options(width, noise, keep, spread, loss, penalty)
        if spec.is_image:
            raise InputError("afhn generates features, but these are images; name an encoder's run (--encoder-run)")
        features = mlp(2 * spec.shape[0], width, 1, width).append(nn.LeakyReLU(0.2))
        discriminator = PairDiscriminator(features, width)
        super().__init__(AFHNModel(spec.shape, noise, width), discriminator, loss, penalty)
        self.keep, self.spread = keep, spread

    @staticmethod
    def check_options(width: int, noise: int, keep: float, spread: float, loss: str, penalty: str) -> None:
        """Check the options.

        Raises:
            InputError: If one is out of range or unknown.
        """
        check_range(1, MAX_WIDTH, whole=True, width=width, noise=noise)
        check_range(0, keep=keep, spread=spread)
        check_loss(loss, penalty)

    def extra_generator_loss(
        self, batch: Batch, noise: Float[Tensor, "n z"], generated: Float[Tensor, "n d"]
    ) -> Float[Tensor, ""]:
        """Both terms, weighted."""
        other = noise.roll(1, 0)
        again = self.model(other, batch.condition)
        kept = class_term(batch.items, generated, batch.label)
        return self.keep * kept + self.spread * anti_collapse(noise, other, generated, again)


def class_term(real: Float[Tensor, "n d"], generated: Float[Tensor, "n d"], label: Tensor) -> Float[Tensor, ""]:
    """Cross-entropy of classifying real features by their cosines to generated ones; see `AFHN`.

    Example:
        >>> apart = torch.eye(2)
        >>> right, wrong = (class_term(apart, s, torch.tensor([0, 1])) for s in (apart, apart.flip(0)))
        >>> bool(right < wrong)
        True
    """
    logits = SHARPNESS * F.normalize(real, dim=1) @ F.normalize(generated, dim=1).T
    same = label[:, None] == label
    return (logits.logsumexp(1) - logits.masked_fill(~same, -torch.inf).logsumexp(1)).mean()


def anti_collapse(
    z: Float[Tensor, "n z"], other_z: Float[Tensor, "n z"], s: Float[Tensor, "n d"], other_s: Float[Tensor, "n d"]
) -> Float[Tensor, ""]:
    """1 / (E (1 - cos(s, s')) / (1 - cos(z, z')) + 1e-5): large if different noise gives the same feature.

    The closer to collapse, the steeper it is. The distance of two noise vectors counts as at least 1e-3.

    Example:
        >>> z, s = torch.eye(2), torch.eye(2)
        >>> round(anti_collapse(z, z.flip(0), s, s.flip(0)).item(), 3)
        1.0
    """
    apart = (1 - F.cosine_similarity(z, other_z, dim=1)).clamp(min=SLIGHT)
    return 1 / (((1 - F.cosine_similarity(s, other_s, dim=1)) / apart).mean() + FLOOR)
