"""MetaMix: the outer loss on mixtures of query and support (Yao et al. 2021)."""

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.ops.draws import beta
from manyshot.augment.ops.op import Params, check_number
from manyshot.learners import Learner
from manyshot.objectives.blend import blending, pack
from manyshot.objectives.check import require_mixing
from manyshot.objectives.objective import StepTasks
from manyshot.objectives.reroute import encoder_of, loss_by_route
from manyshot.tasks import Episode
from manyshot.tasks.class_index import gather_items, uniform_index


@dataclass(frozen=True)
class MetaMix:
    """Judge the adapted learner on query items mixed with support items, at a random hidden layer (MetaMix).

    h = lambda h(q_i) + (1 - lambda) h(s_j),   y = lambda y(q_i) + (1 - lambda) y(s_j),   lambda ~ Beta(alpha, alpha)

    The learner adapts to the support as it is; only what it is judged on is mixed, in the adapted network. What is
    shared: lambda is one draw a task; each query item has a partner of its own among the support items of its task.

    Where it differs from the paper: the layer is one draw a step, the same for its T tasks; support items may be
    partners of several query items.

    Args:
        alpha: of the Beta distribution; 2 in the authors' experiments on images.
        hidden: whether hidden layers are mixed, from the items themselves to what the last stage takes; `no` mixes the
            items alone, with any encoder.

    Raises:
        InputError: for an alpha that is not above 0.

    Example:
        >>> from manyshot.augment import Plan
        >>> from manyshot.learners import Prototypes
        >>> from manyshot.nets import Conv4
        >>> from manyshot.tasks import EpisodeSampler, Source
        >>> source = Source.of(torch.rand(80, 1, 16, 16), [f"class {i % 4}" for i in range(80)])
        >>> tasks = StepTasks(EpisodeSampler(source, ways=3).batch(0, 2), Plan(), (0,))
        >>> MetaMix().loss(Prototypes(Conv4(1, 16)), tasks, torch.Generator().manual_seed(0)).shape
        torch.Size([])
    """

    alpha: float = 2.0
    hidden: bool = True

    needs_plan: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_number(self, "alpha", low=1e-3, high=1e3)

    def sample(self, episode: Episode, layers: int, generator: Generator) -> Params:
        """Draw `layer`, a number below `layers`, `share [T]`, lambda, and `partner [T, m]`, places in the support."""
        tasks, m = episode.query.weight.shape
        layer = int(torch.randint(layers, (), generator=generator))
        share = beta(tasks, self.alpha, generator)
        return {
            "layer": layer,
            "share": share,
            "partner": uniform_index(episode.support, torch.rand(tasks, m, generator=generator)),
        }

    def loss(self, learner: Learner, tasks: StepTasks, generator: Generator) -> Float[Tensor, ""]:
        """The loss on the mixed query."""
        episode = tasks.draw()
        require_mixing(learner, episode, "metamix")
        encoder = encoder_of(learner, "metamix") if self.hidden else None
        params = self.sample(episode, encoder.depth if encoder else 1, generator)
        mixed = mixed_labels(episode, params)
        own, other = episode.query.items, gather_items(episode.support.items, params["partner"])
        share = params["share"].to(own)
        if encoder is None:
            items = torch.lerp(other, own, share.reshape(-1, *[1] * (own.ndim - 1)))
            return learner.loss(tasks.own(replace(mixed, query=replace(mixed.query, items=items))))
        both = torch.stack((share, 1 - share), 1)[:, None, :, None]
        shares = both.expand(-1, own.shape[1], -1, encoder.widths[params["layer"]])
        packed = replace(mixed, query=replace(mixed.query, items=pack([own, other], shares)))
        return loss_by_route(learner, blending(params["layer"]), tasks.own(packed), "metamix")


def mixed_labels(episode: Episode, params: Params) -> Episode:
    """The episode with each query item's label mixed with that of its partner in the support.

    Args:
        episode: T tasks.
        params: `share [T]` of the query item, and `partner [T, m]`.
    """
    query, partner = episode.query, gather_items(episode.support.labels, params["partner"])
    labels = torch.lerp(partner, query.labels, params["share"].to(partner)[:, None, None].expand_as(partner))
    return replace(episode, query=replace(query, labels=labels))
