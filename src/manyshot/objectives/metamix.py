"""MetaMix: an outer loss on mixtures of query and support (Yao et al. 2021)."""

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.ops.beta_dirichlet import beta
from manyshot.augment.ops.op import Params, check_number
from manyshot.learners import Learner
from manyshot.objectives.check import require_mixing
from manyshot.objectives.hidden_layers import encoder_of, loss_with_forward
from manyshot.objectives.mix_hidden import mix_hidden, pack
from manyshot.objectives.objective import StepTasks
from manyshot.tasks import Episode
from manyshot.tasks.class_index import gather_items, uniform_index


@dataclass(frozen=True)
class MetaMix:
    """Evaluate the adapted learner on queries mixed with support examples at a random hidden layer (MetaMix).

    h = lambda h(q_i) + (1 - lambda) h(s_j),   y = lambda y(q_i) + (1 - lambda) y(s_j),   lambda ~ Beta(alpha, alpha)

    The learner adapts to the original support; only the queries are mixed, in the adapted network. lambda is one draw
    per task; each query example has a random partner in the support of its task.

    Where it differs from the paper: the layer is one draw per step, the same for its T tasks; a support example may be
    the partner of several queries.

    Args:
        alpha: Parameter of the Beta distribution; 2 in the authors' experiments on images.
        hidden: Whether to mix a random hidden layer, from the items to the input of the last stage, or only the items,
            which works with any encoder.

    Raises:
        InputError: If `alpha` is out of range.

    Example:
        >>> import manyshot as ms
        >>> episode = ms.EpisodeSampler(ms.load_dataset("digits"), ways=3).batch(0, 2)
        >>> params = MetaMix().sample(episode, layers=4, generator=torch.Generator().manual_seed(0))
        >>> params["lam"].shape, params["partner"].shape == episode.query.weight.shape
        (torch.Size([2]), True)
    """

    alpha: float = 2.0
    hidden: bool = True

    needs_plan: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_number(self, "alpha", low=1e-3, high=1e3)

    def sample(self, episode: Episode, layers: int, generator: Generator) -> Params:
        """Draw `layer`, an index below `layers`, `lam [T]`, which is lambda, and `partner [T, m]`, support indices.

        Args:
            episode: T tasks.
            layers: Number of layers to choose from.
            generator: Source of random numbers.
        """
        tasks, m = episode.query.weight.shape
        layer = int(torch.randint(layers, (), generator=generator))
        lam = beta(tasks, self.alpha, generator)
        return {
            "layer": layer,
            "lam": lam,
            "partner": uniform_index(episode.support, torch.rand(tasks, m, generator=generator)),
        }

    def loss(self, learner: Learner, tasks: StepTasks, generator: Generator) -> Float[Tensor, ""]:
        """The loss on the mixed queries."""
        episode = tasks.draw()
        require_mixing(learner, episode, "metamix")
        encoder = encoder_of(learner, "metamix") if self.hidden else None
        params = self.sample(episode, encoder.depth if encoder else 1, generator)
        mixed = mixed_labels(episode, params)
        items, other = episode.query.items, gather_items(episode.support.items, params["partner"])
        lam = params["lam"].to(items)
        if encoder is None:
            items = torch.lerp(other, items, lam.reshape(-1, *[1] * (items.ndim - 1)))
            return learner.loss(tasks.own(replace(mixed, query=replace(mixed.query, items=items))))
        weights = torch.stack((lam, 1 - lam), 1)[:, None, :, None]
        weights = weights.expand(-1, items.shape[1], -1, encoder.widths[params["layer"]])
        packed = replace(mixed, query=replace(mixed.query, items=pack([items, other], weights)))
        return loss_with_forward(learner, mix_hidden(params["layer"]), tasks.own(packed), "metamix")


def mixed_labels(episode: Episode, params: Params) -> Episode:
    """The episode with the label of each query example mixed with that of its partner in the support.

    Args:
        episode: T tasks.
        params: Weight `lam [T]` of the query example, and index `partner [T, m]` of its partner in the support.
    """
    query, partner = episode.query, gather_items(episode.support.labels, params["partner"])
    labels = torch.lerp(partner, query.labels, params["lam"].to(partner)[:, None, None].expand_as(partner))
    return replace(episode, query=replace(query, labels=labels))
