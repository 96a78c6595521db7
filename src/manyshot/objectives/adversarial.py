"""Tasks between tasks where the learner is worst (after Wu, Huang and Wei 2022)."""

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.ops.op import check_number
from manyshot.learners import Learner
from manyshot.objectives.check import require_classes, require_mixing
from manyshot.objectives.mlti import MLTI
from manyshot.objectives.objective import StepTasks
from manyshot.objectives.reroute import encoder_of, loss_from, up_to
from manyshot.tasks import Episode


@dataclass(frozen=True)
class Adversarial:
    """Mix each task with another as MLTI does, then move the shares to where the loss is higher (adversarial).

    lambda_k <- lambda_k + size * sign(dL / dlambda_k), cut off at 0 and 1, `steps` times;   L after adaptation

    Each class k of a task has a share of its own, the same in support and query; it begins at MLTI's draw for the task.
    The derivative goes through adaptation; the learner's step then takes the shares as given.

    Where it differs from the paper: Adversarial Task Up-sampling trains a network that makes task sets, kept near the
    true ones by an earth mover's distance. Here nothing is trained beside the learner: what is adversarial is where
    between two given tasks the new one lies, so it cannot leave the lines between tasks.

    Args:
        size: of a step of the shares.
        steps: how many; each costs as much as a plain step.
        alpha: of the Beta distribution where shares begin.
        hidden: whether a random hidden layer is mixed, as in `mlti`; `no` mixes the items alone.

    Raises:
        InputError: for a value out of range.

    Example:
        >>> from manyshot.augment import Plan
        >>> from manyshot.learners import Prototypes
        >>> from manyshot.nets import Conv4
        >>> from manyshot.tasks import EpisodeSampler, Source
        >>> source = Source.of(torch.rand(80, 1, 16, 16), [f"class {i % 4}" for i in range(80)])
        >>> tasks = StepTasks(EpisodeSampler(source, ways=3).batch(0, 2), Plan(), (0,))
        >>> Adversarial().loss(Prototypes(Conv4(1, 16)), tasks, torch.Generator().manual_seed(0)).shape
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
        """The loss on the tasks that the ascent ends at."""
        episode = tasks.draw()
        require_mixing(learner, episode, "adversarial")
        require_classes(episode, "adversarial", "use mlti(labels=shared)")
        mlti = MLTI(self.alpha, hidden=self.hidden)
        layers = encoder_of(learner, "adversarial").depth if self.hidden else 1
        params = dict(mlti.sample(episode, layers, generator))
        layer = params["layer"]
        hidden = up_to(learner, layer, episode, "adversarial") if self.hidden else episode
        support, query = (replace(side, items=side.items.detach()) for side in (hidden.support, hidden.query))
        fixed = Episode(support, query, hidden.classes)

        def loss(share: Tensor, of: Episode) -> Tensor:
            between = tasks.own(mlti.interpolated(of, params | {"share": share}))
            if not self.hidden:
                return learner.loss(between)
            return loss_from(learner, layer, between, "adversarial")

        share = params["share"][:, None].repeat(1, episode.classes.shape[1])
        for _ in range(self.steps):
            with torch.enable_grad():
                share.requires_grad_(True)
                (slope,) = torch.autograd.grad(loss(share, fixed), share)
            share = (share.detach() + self.size * slope.sign()).clamp(0, 1)
        return loss(share, hidden)
