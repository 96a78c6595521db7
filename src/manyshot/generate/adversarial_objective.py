"""The adversarial game: a generator and a discriminator that learn from each other."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.generate.batches import Batch
from manyshot.generate.discriminator import Discriminator
from manyshot.generate.losses import LOSSES, gradient_penalty, r1_penalty
from manyshot.generate.model import GenerativeModel
from manyshot.generate.objective import Change, GeneratorObjective

STRENGTH = {"none": 0.0, "gradient": 10.0, "r1": 1.0}
"""The penalties of the discriminator's grads, none, WGAN-GP's and R1, and the strength of each."""


@dataclass(frozen=True, eq=False)
class DiscriminatorLoss:
    """What the discriminator's side of a step came to.

    Args:
        loss: to minimise, penalty included.
        game: the same without the penalty.
        real: scores of the real items.
        made: scores of the made ones.
    """

    loss: Float[Tensor, ""]
    game: Float[Tensor, ""]
    real: Float[Tensor, " n"]
    made: Float[Tensor, " n"]


class AdversarialObjective(GeneratorObjective):
    """A generator and a discriminator, and what each minimises.

    Where it differs from StyleGAN2-ADA (Karras et al. 2020): penalties are taken at the augmented items that the
    discriminator is given, not at the unaugmented ones. An item that is shown to the generator, as DAGAN's is,
    is given to the discriminator unaugmented; only what is to be judged beside it is augmented.

    Args:
        generator: makes items.
        discriminator: scores them.
        loss: a name of `LOSSES`.
        penalty: a name of `STRENGTH`.
    """

    def __init__(
        self,
        generator: GenerativeModel,
        discriminator: Discriminator,
        loss: str,
        penalty: str = "none",
    ) -> None:
        super().__init__(generator)
        self.discriminator = discriminator
        self.loss, self.penalty, self.strength = LOSSES[loss], penalty, STRENGTH[penalty]

    def discriminator_side(
        self, batch: Batch, noise: Float[Tensor, "n z"], share: Float[Tensor, " n"], change: Change
    ) -> DiscriminatorLoss:
        """What the discriminator minimises; no gradient of it reaches the generator.

        Args:
            batch: real items, and the conditions of as many made ones.
            noise: of the made ones.
            share: uniform draws, for the gradient penalty.
            change: done to real and to made items before they are looked at (Zhao et al. 2020).
        """
        with torch.no_grad():
            made = change(self.generator(noise, batch.condition))
            real = change(batch.items)
        n, condition = len(real), batch.condition
        # One pass over both: no score depends on another item, and one large batch is quicker than two small ones.
        twice = condition[torch.arange(2 * n, device=real.device) % n]
        scores = self.discriminator(torch.cat([real, made]), twice)
        game = loss = self.loss.discriminator(scores[:n], scores[n:])

        def score(items: Tensor) -> Tensor:
            found: Tensor = self.discriminator(items, condition)
            return found

        if self.penalty == "gradient":
            loss = loss + self.strength * gradient_penalty(score, real, made, share)
        elif self.penalty == "r1":
            loss = loss + self.strength * r1_penalty(score, real)
        return DiscriminatorLoss(loss, game.detach(), scores[:n].detach(), scores[n:].detach())

    def generator_side(self, batch: Batch, noise: Float[Tensor, "n z"], change: Change) -> Float[Tensor, ""]:
        """What the generator minimises; its gradient goes through `change`."""
        made = self.generator(noise, batch.condition)
        scores = self.discriminator(change(made), batch.condition)
        return self.loss.generator(scores) + self.further(batch, noise, made)

    def further(self, batch: Batch, noise: Float[Tensor, "n z"], made: Float[Tensor, "n ..."]) -> Tensor | float:
        """What the generator minimises beside the game; nothing, as a rule."""
        return 0.0
