"""Adversarially interpolated tasks (after Wu, Huang and Wei 2022)."""

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.ops.op import check_number
from manyshot.learners import Learner
from manyshot.objectives.check import require_classes, require_mixing
from manyshot.objectives.hidden_layers import encoder_of, episode_at_layer, loss_from_layer
from manyshot.objectives.mlti import MLTI
from manyshot.objectives.objective import StepTasks
from manyshot.tasks import Episode


@dataclass(frozen=True)
class Adversarial:
    """Interpolate tasks as MLTI does, then move the coefficients to increase the loss (adversarial).

    lambda_k <- lambda_k + size * sign(dL / dlambda_k), clamped to 0 and 1, `steps` times;   L after adaptation

    Each class k of a task has its own coefficient, the same in support and query, which starts at MLTI's draw for the
    task. The derivative goes through adaptation; the training step then treats the coefficients as constants.

    Where it differs from the paper: Adversarial Task Up-sampling trains a network that generates task sets near the
    true ones by the earth mover's distance. Here only the learner is trained, and the new tasks lie on the lines
    between two given tasks.

    Args:
        size: Step size of the coefficients.
        steps: Number of steps; each costs as much as a plain training step.
        alpha: Parameter of the Beta distribution of the initial coefficients.
        hidden: Whether to mix a random hidden layer, as in `MLTI`, or only the items.

    Raises:
        InputError: If an option is out of range.

    Example:
        >>> import manyshot as ms
        >>> episode = ms.EpisodeSampler(ms.load_dataset("digits"), ways=3).batch(0, 2)
        >>> learner, tasks = ms.Prototypes(ms.Conv4(channels=1, size=28)), StepTasks(episode, ms.Plan(), (0,))
        >>> Adversarial().loss(learner, tasks, torch.Generator().manual_seed(0)).shape
        torch.Size([])
    """

    size: float = 0.2
    steps: int = 1
    alpha: float = 2.0
    hidden: bool = True

    needs_plan: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_number(self, "size", high=1)
        check_number(self, "steps", low=1, high=20, whole=True)
        check_number(self, "alpha", low=1e-3, high=1e3)

    def loss(self, learner: Learner, tasks: StepTasks, generator: Generator) -> Float[Tensor, ""]:
        """The loss on the tasks with the final coefficients."""
        episode = tasks.draw()
        require_mixing(learner, episode, "adversarial")
        require_classes(episode, "adversarial", "use mlti(labels=shared)")
        mlti = MLTI(self.alpha, hidden=self.hidden)
        layers = encoder_of(learner, "adversarial").depth if self.hidden else 1
        params = dict(mlti.sample(episode, layers, generator))
        layer = params["layer"]
        hidden = episode_at_layer(learner, layer, episode, "adversarial") if self.hidden else episode
        support, query = (replace(side, items=side.items.detach()) for side in (hidden.support, hidden.query))
        fixed = Episode(support, query, hidden.classes)

        def loss(lam: Tensor, episode: Episode) -> Tensor:
            interpolated = tasks.own(mlti.interpolated(episode, params | {"lam": lam}))
            if not self.hidden:
                return learner.loss(interpolated)
            return loss_from_layer(learner, layer, interpolated, "adversarial")

        lam = params["lam"][:, None].repeat(1, episode.classes.shape[1])
        for _ in range(self.steps):
            with torch.enable_grad():
                lam.requires_grad_(True)
                (gradient,) = torch.autograd.grad(loss(lam, fixed), lam)
            lam = (lam.detach() + self.size * gradient.sign()).clamp(0, 1)
        return loss(lam, hidden)
