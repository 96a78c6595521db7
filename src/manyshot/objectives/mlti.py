"""MLTI: meta-learning with task interpolation (Yao, Zhang and Finn 2022)."""

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from manyshot.augment.ops.beta_dirichlet import beta
from manyshot.augment.ops.op import Params, check_choice, check_number, uniform
from manyshot.base import InputError
from manyshot.learners import Learner
from manyshot.objectives.check import require_classes, require_mixing
from manyshot.objectives.hidden_layers import encoder_of, episode_at_layer, loss_from_layer
from manyshot.objectives.objective import StepTasks
from manyshot.tasks import Episode, Examples
from manyshot.tasks.class_index import index_of, rank_in_class


@dataclass(frozen=True)
class MLTI:
    """Interpolate each task with another task of the step at a random hidden layer (MLTI).

    h = lambda h(x_i) + (1 - lambda) h(x_j),   lambda ~ Beta(alpha, alpha),   x_i of task i, x_j of its partner task j

    labels=apart (classes of different tasks are unrelated): each class of task i is mixed with another class of task j
    and becomes a new class. labels=shared (regression, or classes with the same meaning in every task): items are mixed
    index by index, and labels like items, y = lambda y_i + (1 - lambda) y_j.

    Partner, lambda, the pairing of classes and the rectangle of CutMix are one draw for the support *and* the query of
    a pair of tasks. Gradient-based learners do not adapt the layers below the mixed one, as in the paper: the
    interpolated task starts at the hidden layer.

    Where it differs from the paper: the layer is one draw per step, the same for its T pairs. Below it, normalization
    over the batch uses the statistics of the items of all T tasks, separately for support and query.

    Args:
        alpha: Parameter of the Beta distribution; 2 in the authors' experiments on images.
        labels: "apart" for new classes, "shared" for mixed labels.
        mix: "mixup" for a weighted sum, "cutmix" for a rectangle of the hidden maps.
        hidden: Whether to mix a random hidden layer, from the items to the input of the last stage, or only the items,
            which works with any encoder.

    Raises:
        InputError: If `alpha` is out of range, or `labels` or `mix` is unknown.

    Example:
        >>> import manyshot as ms
        >>> episode = ms.EpisodeSampler(ms.load_dataset("digits"), ways=3).batch(0, 2)
        >>> params = MLTI().sample(episode, layers=4, generator=torch.Generator().manual_seed(0))
        >>> MLTI().interpolated(episode.as_float(), params).support.items.shape
        torch.Size([2, 3, 1, 28, 28])
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
        """Draw what support and query of each pair of tasks share.

        Args:
            episode: T tasks.
            layers: Number of layers to choose from.
            generator: Source of random numbers.

        Returns:
            `layer`, an index below `layers`; `partner [T]`, the index of a task, perhaps the same; `lam [T]`, which
            is lambda; `classes [T, ways]`, the class of the partner that each class is mixed with; `center [T, 2]`, the
            center (x, y) of the rectangle, from -1 to 1.
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
            "lam": beta(tasks, self.alpha, generator).to(device),
            # If the partner has fewer classes, some of them are used twice.
            "classes": order.gather(1, torch.arange(ways) % present[partner].sum(1, keepdim=True)).to(device),
            "center": uniform(2 * tasks, -1.0, 1.0, generator).view(tasks, 2).to(device),
        }

    def loss(self, learner: Learner, tasks: StepTasks, generator: Generator) -> Float[Tensor, ""]:
        """The loss on the interpolated tasks."""
        episode = tasks.draw()
        require_mixing(learner, episode, "mlti")
        if self.labels == "apart":
            require_classes(episode, "mlti(labels=apart)", "write mlti(labels=shared)")
        layers = encoder_of(learner, "mlti").depth if self.hidden else 1
        params = self.sample(episode, layers, generator)
        if not self.hidden:
            return learner.loss(tasks.own(self.interpolated(episode, params)))
        hidden = episode_at_layer(learner, params["layer"], episode, "mlti")
        return loss_from_layer(learner, params["layer"], tasks.own(self.interpolated(hidden, params)), "mlti")

    def interpolated(self, episode: Episode, params: Params) -> Episode:
        """The interpolated tasks, support and query by the same parameters.

        Args:
            episode: T tasks, of items or of their hidden layers.
            params: Parameters of `sample`; `lam` may also be `[T, ways]`, one for each class.
        """
        is_new = params["partner"] != torch.arange(len(episode), device=params["partner"].device)
        return Episode(
            self._mixed(episode.support, params),
            self._mixed(episode.query, params),
            # An interpolated class has no class index in the source.
            torch.where(is_new[:, None], -1, episode.classes),
        )

    def _mixed(self, side: Examples, params: Params) -> Examples:
        partner = params["partner"]
        exists, n = side.weight > 0, side.weight.shape[1]
        if self.labels == "apart":
            way = params["classes"].gather(1, side.class_ids)
            index, matched = index_of(_of_tasks(side, partner), way, rank_in_class(side))
        else:
            index = torch.arange(n, device=partner.device).expand(len(partner), n)
            matched = exists[partner]
        other = side.items[partner[:, None], index]
        # An example without a partner does not change.
        lam = params["lam"]
        lam = lam.gather(1, side.class_ids) if lam.ndim == 2 else lam
        mask = self._outside(side.items, params) if self.mix == "cutmix" else _broadcast(lam, side.items)
        mask = torch.where(_broadcast(matched, side.items), mask, torch.ones((), device=partner.device)).to(side.items)
        items = mask * side.items + (1 - mask) * other
        if self.labels == "apart":
            return replace(side, items=items)
        fraction = mask.flatten(2).mean(2, keepdim=True).to(side.labels)
        labels = fraction * side.labels + (1 - fraction) * side.labels[partner[:, None], index]
        return replace(side, items=items, labels=labels, class_mask=side.class_mask | side.class_mask[partner])

    def _outside(self, items: Float[Tensor, "t n ..."], params: Params) -> Bool[Tensor, "t 1 1 h w"]:
        """Where maps do not change: outside a rectangle that covers the fraction 1 - lambda of the map."""
        if items.ndim != 5:
            raise InputError("mlti(mix=cutmix) needs maps to cut from; use mix=mixup for feature vectors")
        h, w = items.shape[-2:]
        side = (1 - params["lam"]).sqrt()[:, None]
        x, y = ((2 * torch.arange(size, device=side.device) + 1) / size - 1 for size in (w, h))
        in_column = (x - params["center"][:, :1]).abs() < side
        in_row = (y - params["center"][:, 1:]).abs() < side
        outside: Tensor = ~(in_row[:, :, None] & in_column[:, None])
        return outside[:, None, None]


def _of_tasks(side: Examples, task: Tensor) -> Examples:
    """Support or query of other tasks, by their indices, without items."""
    return Examples(side.weight[task], side.labels[task], side.weight[task], side.class_mask[task])


def _broadcast(values: Tensor, items: Tensor) -> Tensor:
    """Values `[T]` or `[T, n]` with further dimensions, to broadcast against items."""
    return values.reshape(*values.shape, *[1] * (items.ndim - values.ndim))
