"""Adversarial training: a generative model and a discriminator that learn from each other."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.base import InputError, did_you_mean
from manyshot.generate.batches import Batch
from manyshot.generate.discriminator import Discriminator
from manyshot.generate.generative_model import GenerativeModel
from manyshot.generate.generator_objective import Augmentation, GeneratorObjective
from manyshot.generate.losses import LOSSES, gradient_penalty, r1_penalty

PENALTY_WEIGHTS = {"none": 0.0, "gradient": 10.0, "r1": 1.0}
"""Gradient penalties of the discriminator (none, WGAN-GP's and R1) and the weight of each."""


@dataclass(frozen=True, eq=False)
class DiscriminatorLoss:
    """The discriminator's loss on a batch.

    Args:
        loss: Loss to minimize, penalty included.
        adversarial: The same without the penalty.
        real: Scores of the real examples.
        generated: Scores of the generated examples.
    """

    loss: Float[Tensor, ""]
    adversarial: Float[Tensor, ""]
    real: Float[Tensor, " n"]
    generated: Float[Tensor, " n"]


class AdversarialObjective(GeneratorObjective):
    """A generative model, a discriminator and the loss of each.

    Where it differs from StyleGAN2-ADA (Karras et al. 2020): penalties are taken at the augmented items that the
    discriminator is given, not at the unaugmented ones. An item that is shown to the generator, as DAGAN's is,
    is given to the discriminator unaugmented; only the second example of the pair is augmented.

    Args:
        model: Generative model to train.
        discriminator: Scores real and generated examples.
        loss: Name of a loss in `LOSSES`.
        penalty: Name of a gradient penalty in `PENALTY_WEIGHTS`.
    """

    has_discriminator: ClassVar[bool] = True

    def __init__(
        self,
        model: GenerativeModel,
        discriminator: Discriminator,
        loss: str,
        penalty: str = "none",
    ) -> None:
        super().__init__(model)
        self.discriminator = discriminator
        self.loss, self.penalty, self.penalty_weight = LOSSES[loss], penalty, PENALTY_WEIGHTS[penalty]

    def discriminator_loss(
        self, batch: Batch, noise: Float[Tensor, "n z"], mix: Float[Tensor, " n"], augment: Augmentation
    ) -> DiscriminatorLoss:
        """Loss of the discriminator; none of its gradient reaches the generative model.

        Args:
            batch: Batch of n real examples, and the conditions of as many generated ones.
            noise: Standard normal noise for the model.
            mix: Uniform draws from 0 to 1 that mix real and generated examples, for the gradient penalty.
            augment: What real and generated examples go through before they are scored (Zhao et al. 2020).
        """
        with torch.no_grad():
            generated = augment(self.model(noise, batch.condition))
            real = augment(batch.items)
        n, condition = len(real), batch.condition
        # One pass over both: no score depends on another example, and one large batch is faster than two small ones.
        twice = condition[torch.arange(2 * n, device=real.device) % n]
        scores = self.discriminator(torch.cat([real, generated]), twice)
        adversarial = loss = self.loss.discriminator(scores[:n], scores[n:])

        def score(items: Tensor) -> Tensor:
            result: Tensor = self.discriminator(items, condition)
            return result

        if self.penalty == "gradient":
            loss = loss + self.penalty_weight * gradient_penalty(score, real, generated, mix)
        elif self.penalty == "r1":
            loss = loss + self.penalty_weight * r1_penalty(score, real)
        return DiscriminatorLoss(loss, adversarial.detach(), scores[:n].detach(), scores[n:].detach())

    def generator_loss(self, batch: Batch, noise: Float[Tensor, "n z"], augment: Augmentation) -> Float[Tensor, ""]:
        """Loss of the generative model; its gradient flows through `augment`."""
        generated = self.model(noise, batch.condition)
        scores = self.discriminator(augment(generated), batch.condition)
        return self.loss.generator(scores) + self.extra_generator_loss(batch, noise, generated)

    def extra_generator_loss(
        self, batch: Batch, noise: Float[Tensor, "n z"], generated: Float[Tensor, "n ..."]
    ) -> Tensor | float:
        """Further terms of the generative model's loss (default: none)."""
        return 0.0


def check_loss(loss: str, penalty: str) -> None:
    """Check the names of an adversarial loss and of a gradient penalty.

    Raises:
        InputError: If one is unknown, with the nearest name.
    """
    for name, value, known in (("loss", loss, LOSSES), ("penalty", penalty, PENALTY_WEIGHTS)):
        if value not in known:
            raise InputError(f"{name}={value!r}: {did_you_mean(value, known)}")
