"""MLTI: tasks between tasks (Yao, Zhang and Finn 2022)."""

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from manyshot.augment.ops.draws import beta
from manyshot.augment.ops.op import Params, check_choice, check_number, uniform
from manyshot.base import InputError
from manyshot.learners import Learner
from manyshot.objectives.check import require_classes, require_mixing
from manyshot.objectives.objective import StepTasks
from manyshot.objectives.reroute import encoder_of, loss_from, up_to
from manyshot.tasks import Episode, Examples
from manyshot.tasks.class_index import index_of, rank_in_class


@dataclass(frozen=True)
class MLTI:
    """Replace each task by one between it and another task of the step, at a random hidden layer (MLTI).

    h = lambda h(x_i) + (1 - lambda) h(x_j),   lambda ~ Beta(alpha, alpha),   x_i of task i, x_j of its partner task j

    labels=apart (classes of tasks have nothing to do with each other): class k of task i is mixed with a class of task
    j, each with another, and is a class of its own. labels=shared (regression, or classes that mean the same in every
    task): items are mixed place by place, and labels like items, y = lambda y_i + (1 - lambda) y_j.

    What is shared: partner, lambda, the pairing of classes and the rectangle of CutMix are one draw for the support
    *and* the query of a pair of tasks. Layers below the mixed one are not adapted by gradient-based learners, as in the
    paper: the task between tasks begins at the hidden layer.

    Where it differs from the paper: the layer is one draw a step, the same for its T pairs. Below it, a normalisation
    over the batch takes its statistics from the items of all T tasks, support and query apart.

    Args:
        alpha: of the Beta distribution; 2 in the authors' experiments on images.
        labels: "apart" or "shared".
        mix: "mixup", or "cutmix": a rectangle of the hidden maps instead of a weighted sum.
        hidden: whether hidden layers are mixed, from the items themselves to what the last stage takes; `no` mixes the
            items alone, with any encoder.

    Raises:
        InputError: for an alpha that is not above 0, or an unknown word.

    Example:
        >>> from manyshot.augment import Plan
        >>> from manyshot.learners import Prototypes
        >>> from manyshot.nets import Conv4
        >>> from manyshot.tasks import EpisodeSampler, Source
        >>> source = Source.of(torch.rand(80, 1, 16, 16), [f"class {i % 4}" for i in range(80)])
        >>> tasks = StepTasks(EpisodeSampler(source, ways=3).batch(0, 2), Plan(), (0,))
        >>> MLTI().loss(Prototypes(Conv4(1, 16)), tasks, torch.Generator().manual_seed(0)).shape
        torch.Size([])
    """

    alpha: float = 2.0
    labels: str = "apart"
    mix: str = "mixup"
    hidden: bool = True

    needs_plan: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_number(self, "alpha", low=1e-3, high=1e3)
        check_choice(self, "labels", ("apart", "shared"))
        check_choice(self, "mix", ("mixup", "cutmix"))

    def sample(self, episode: Episode, layers: int, generator: Generator) -> Params:
        """Draw what the two sides of each pair of tasks share.

        Returns:
            `layer`, a number below `layers`; `partner [T]`, a task of the step, perhaps itself; `share [T]`, lambda;
            `classes [T, ways]`, the class of the partner that each class is mixed with; `centre [T, 2]` (x, y), -1 to
            1, of the rectangle.
        """
        present = episode.support.class_mask.cpu()
        tasks, ways = present.shape
        layer = int(torch.randint(layers, (), generator=generator))
        partner = torch.randint(tasks, (tasks,), generator=generator)
        order = torch.rand(tasks, ways, generator=generator).masked_fill(~present[partner], 2).argsort(1)
        device = episode.classes.device
        return {
            "layer": layer,
            "partner": partner.to(device),
            "share": beta(tasks, self.alpha, generator).to(device),
            # Where the partner has fewer classes, some of them stand for two.
            "classes": order.gather(1, torch.arange(ways) % present[partner].sum(1, keepdim=True)).to(device),
            "centre": uniform(2 * tasks, -1.0, 1.0, generator).view(tasks, 2).to(device),
        }

    def loss(self, learner: Learner, tasks: StepTasks, generator: Generator) -> Float[Tensor, ""]:
        """The loss on the tasks between tasks."""
        episode = tasks.draw()
        require_mixing(learner, episode, "mlti")
        if self.labels == "apart":
            require_classes(episode, "mlti(labels=apart)", "write mlti(labels=shared)")
        layers = encoder_of(learner, "mlti").depth if self.hidden else 1
        params = self.sample(episode, layers, generator)
        if not self.hidden:
            return learner.loss(tasks.own(self.interpolated(episode, params)))
        hidden = up_to(learner, params["layer"], episode, "mlti")
        return loss_from(learner, params["layer"], tasks.own(self.interpolated(hidden, params)), "mlti")

    def interpolated(self, episode: Episode, params: Params) -> Episode:
        """The tasks between tasks, both sides by the same params.

        Args:
            episode: T tasks, of items or of their hidden layers.
            params: as drawn; `share` may also be `[T, ways]`, another for each class.
        """
        made = params["partner"] != torch.arange(len(episode), device=params["partner"].device)
        return Episode(
            self._mixed(episode.support, params),
            self._mixed(episode.query, params),
            # A class between classes is none that the source has a number for.
            torch.where(made[:, None], -1, episode.classes),
        )

    def _mixed(self, side: Examples, params: Params) -> Examples:
        partner = params["partner"]
        there, n = side.weight > 0, side.weight.shape[1]
        if self.labels == "apart":
            way = params["classes"].gather(1, side.class_ids)
            place, found = index_of(_of_tasks(side, partner), way, rank_in_class(side))
        else:
            place = torch.arange(n, device=partner.device).expand(len(partner), n)
            found = there[partner]
        other = side.items[partner[:, None], place]
        # An item without a counterpart stays as it is.
        share = params["share"]
        by_item = share.gather(1, side.class_ids) if share.ndim == 2 else share
        mask = self._own(side.items, params) if self.mix == "cutmix" else _broad(by_item, side.items)
        mask = torch.where(_broad(found, side.items), mask, torch.ones((), device=partner.device)).to(side.items)
        items = mask * side.items + (1 - mask) * other
        if self.labels == "apart":
            return replace(side, items=items)
        part = mask.flatten(2).mean(2, keepdim=True).to(side.labels)
        labels = part * side.labels + (1 - part) * side.labels[partner[:, None], place]
        return replace(side, items=items, labels=labels, class_mask=side.class_mask | side.class_mask[partner])

    def _own(self, items: Float[Tensor, "t n ..."], params: Params) -> Bool[Tensor, "t 1 1 h w"]:
        """Where the maps stay the task's own: outside a rectangle of the share 1 - lambda of the sides' product."""
        if items.ndim != 5:
            raise InputError("mlti(mix=cutmix) needs maps to cut from; write mix=mixup for feature vectors")
        h, w = items.shape[-2:]
        side = (1 - params["share"]).sqrt()[:, None]
        x, y = ((2 * torch.arange(size, device=side.device) + 1) / size - 1 for size in (w, h))
        in_column = (x - params["centre"][:, :1]).abs() < side
        in_row = (y - params["centre"][:, 1:]).abs() < side
        outside: Tensor = ~(in_row[:, :, None] & in_column[:, None])
        return outside[:, None, None]


def _of_tasks(side: Examples, task: Tensor) -> Examples:
    """One side of other tasks, in their order, without its items."""
    return Examples(side.weight[task], side.labels[task], side.weight[task], side.class_mask[task])


def _broad(values: Tensor, items: Tensor) -> Tensor:
    """`[T]` or `[T, n]` so that it multiplies items."""
    return values.reshape(*values.shape, *[1] * (items.ndim - values.ndim))
