"""What the training of a generative model minimizes."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from copy import deepcopy
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from manyshot.generate.batches import Batch
from manyshot.generate.generative_model import Conditioning, GenerativeModel
from manyshot.runtime.renamed_weights import accept_old_names

Augmentation = Callable[[Tensor], Tensor]
"""What examples go through before a discriminator sees them; each call draws anew."""


class GeneratorObjective(nn.Module, ABC):
    """A generative model and the loss that its weights minimize.

    `averaged` is the model with the exponential moving average of its weights, which generates better examples than the
    weights of any one step (Yazici et al. 2019); it is what is kept and used.

    Args:
        model: Generative model to train.
    """

    conditioning: ClassVar[Conditioning] = "nothing"
    """What the model is conditioned on, known before it is built."""
    has_discriminator: ClassVar[bool] = False
    """Whether a discriminator is trained as well."""

    def __init__(self, model: GenerativeModel) -> None:
        super().__init__()
        self.model = model
        self.averaged = deepcopy(model).eval().requires_grad_(False)
        accept_old_names(self, {"generator": "model"})

    def trainable_parameters(self) -> list[nn.Parameter]:
        """Parameters that minimize `generator_loss`."""
        return [*self.model.parameters()]

    @abstractmethod
    def generator_loss(self, batch: Batch, noise: Float[Tensor, "n z"], augment: Augmentation) -> Float[Tensor, ""]:
        """Loss of the generative model.

        Args:
            batch: Batch of n real examples and the conditions that they meet.
            noise: Standard normal noise for the model.
            augment: What examples go through before a discriminator sees them.
        """

    @torch.no_grad()
    def average(self, decay: float) -> None:
        """Update the averaged weights: decay * averaged + (1 - decay) * current.

        Example:
            >>> from manyshot.generate import DataSpec, MODELS
            >>> objective = MODELS.parse("gan(width=4)").build(spec=DataSpec(shape=(2,)))
            >>> objective.average(0.0)
            >>> all(a.equal(b) for a, b in zip(objective.averaged.parameters(), objective.model.parameters()))
            True
        """
        averages: list[Tensor] = [*self.averaged.parameters()]
        currents: list[Tensor] = [*self.model.parameters()]
        torch._foreach_lerp_(averages, currents, 1 - decay)
