"""Channel Shuffle: new classes by exchanging channels between classes (Yao et al. 2021)."""

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.ops.beta_dirichlet import beta
from manyshot.augment.ops.op import Params, check_number
from manyshot.base import InputError
from manyshot.learners import Learner
from manyshot.objectives.check import require_classes, require_mixing
from manyshot.objectives.hidden_layers import encoder_of, loss_with_forward
from manyshot.objectives.metamix import MetaMix, mixed_labels
from manyshot.objectives.mix_hidden import mix_hidden, pack
from manyshot.objectives.objective import StepTasks
from manyshot.tasks import Episode, Examples
from manyshot.tasks.class_index import gather_items, index_of, rank_in_class


@dataclass(frozen=True)
class ChannelShuffle:
    """Replace random channels of each class at a hidden layer by those of another class (Channel Shuffle).

    h(x) = R_c h(x) + (1 - R_c) h(x'),   x of class c, x' of class c',   R_c diagonal, 0 or 1 in each channel

    The layer, the classes c' and the channels R_c are one draw for the support *and* the query of a task, so that a
    class changes in the same way on both sides; R_c and c' differ by class. Every class gives channels to one class and
    takes channels from one. It happens inside adaptation, in the adapted network. With `mix` the query is then mixed
    with the support by MetaMix at the same layer, as in the authors' code.

    Where it differs from the paper: the layer is one draw per step. Each channel is kept with a probability drawn for
    the class from Beta(alpha, alpha), as in the paper; the authors' code replaces one block of about a sixth of the
    channels.

    Args:
        alpha: Parameter of the Beta distributions of kept channels and of MetaMix.
        mix: Whether MetaMix follows.

    Raises:
        InputError: If `alpha` is out of range.

    Example:
        >>> import manyshot as ms
        >>> episode = ms.EpisodeSampler(ms.load_dataset("digits"), ways=3).batch(0, 2)
        >>> params = ChannelShuffle().sample(episode, layer=1, width=64, generator=torch.Generator().manual_seed(0))
        >>> params["other"].shape, params["kept"].shape
        (torch.Size([2, 3]), torch.Size([2, 3, 64]))
    """

    alpha: float = 2.0
    mix: bool = True

    needs_plan: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_number(self, "alpha", low=1e-3, high=1e3)

    def sample(self, episode: Episode, layer: int, width: int, generator: Generator) -> Params:
        """Draw `other [T, ways]`, the class that each class borrows from, and `kept [T, ways, channels]`, booleans.

        Args:
            episode: T tasks.
            layer: Index of the hidden layer, which the result holds as `layer`.
            width: Number of channels of the hidden layer.
            generator: Source of random numbers.
        """
        present = episode.support.class_mask.cpu()
        tasks, ways = present.shape
        order = torch.rand(tasks, ways, generator=generator).masked_fill(~present, 2).argsort(1)
        # A random cycle through the present classes; absent classes map to themselves.
        count = present.sum(1, keepdim=True)
        step = (torch.arange(ways) + 1) % count
        after = order.gather(1, torch.where(torch.arange(ways) < count, step, torch.arange(ways)))
        other = torch.empty_like(order).scatter_(1, order, after)
        p = beta(tasks * ways, self.alpha, generator).view(tasks, ways, 1)
        kept = torch.rand(tasks, ways, width, generator=generator) < p
        device = episode.classes.device
        return {"layer": layer, "other": other.to(device), "kept": kept.to(device)}

    def loss(self, learner: Learner, tasks: StepTasks, generator: Generator) -> Float[Tensor, ""]:
        """The loss on the tasks with exchanged channels."""
        episode = tasks.draw()
        require_mixing(learner, episode, "channel_shuffle")
        require_classes(episode, "channel_shuffle", "use metamix")
        encoder = encoder_of(learner, "channel_shuffle")
        if encoder.depth < 2:
            raise InputError("channel_shuffle: the encoder has one stage, so no hidden layer; use one with at least 2")
        layer = int(torch.randint(1, encoder.depth, (), generator=generator))
        params = self.sample(episode, layer, encoder.widths[layer], generator)
        support, query = (borrowed(side, params) for side in (episode.support, episode.query))
        if self.mix:
            mix = MetaMix(self.alpha).sample(episode, 1, generator)
            lam = mix["lam"].to(query[1])[:, None, None, None]
            lent = tuple(gather_items(part, mix["partner"]) for part in support)
            query = torch.cat((query[0], lent[0]), 2), torch.cat((lam * query[1], (1 - lam) * lent[1]), 2)
            episode = mixed_labels(episode, mix)
        sides = replace(episode, support=_packed(episode.support, support), query=_packed(episode.query, query))
        return loss_with_forward(learner, mix_hidden(layer), tasks.own(sides), "channel_shuffle")


Sources = tuple[Tensor, Tensor]
"""Items concatenated along the channels `[T, n, k c, ...]`, and their weights `[T, n, k, hidden]`."""


def borrowed(examples: Examples, params: Params) -> Sources:
    """Each item, one of the class that its class takes channels from, and the weights of both.

    Args:
        examples: Support or query of T tasks.
        params: Parameters `other [T, ways]` and `kept [T, ways, hidden]`, the same for support and query.
    """
    kept = gather_items(params["kept"], examples.class_ids)
    way = params["other"].gather(1, examples.class_ids)
    index, exists = index_of(examples, way, rank_in_class(examples))
    kept = (kept | ~exists[..., None]).to(examples.items)
    items = torch.cat((examples.items, gather_items(examples.items, index)), 2)
    return items, torch.stack((kept, 1 - kept), 2)


def _packed(examples: Examples, sources: Sources) -> Examples:
    items, weights = sources
    return replace(examples, items=pack([items], weights))
