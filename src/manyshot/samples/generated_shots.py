"""A generative model where a plan asks for an augmenter: made items of the classes of a support set."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.base import InputError
from manyshot.generate.batches import as_floats
from manyshot.generate.model import GenerativeModel
from manyshot.tasks import Examples


@dataclass(frozen=True, eq=False)
class GeneratedShots:
    """Further support items by a model that is shown items, such as DAGAN; a plan takes it by `with_augmenter`.

    What is made of an item has its label. A model that is shown a mean gets that of the item's class, over all items of
    the support by weight, and of several classes where the label is shared by several.

    Args:
        model: in evaluation mode.

    Raises:
        InputError: if the model is not shown items.

    Example:
        >>> from manyshot.augment import Plan
        >>> from manyshot.generate import DataSpec, MODELS
        >>> from manyshot.tasks import EpisodeSampler, Source
        >>> model = MODELS.parse("dagan(4, discriminator_width=4)").build(spec=DataSpec((1, 8, 8))).averaged
        >>> source = Source.of(torch.zeros(40, 1, 8, 8, dtype=torch.uint8), [f"class {i % 4}" for i in range(40)])
        >>> episode = EpisodeSampler(source, ways=3, shots=1, queries=2).batch(0, 16)
        >>> plan = Plan("shots: 5 x learned").with_augmenter(GeneratedShots(model))
        >>> plan.apply(episode, torch.Generator().manual_seed(0)).support.items.shape
        torch.Size([16, 18, 1, 8, 8])
    """

    model: GenerativeModel

    def __post_init__(self) -> None:
        if self.model.conditioning not in ("item", "mean"):
            raise InputError(
                "this model is not shown items, so it cannot make more of a support set; take dagan or afhn"
            )

    @property
    def space(self) -> str:
        """What it takes and makes: "items", or "features" of an encoder."""
        return "items" if len(self.model.shape) == 3 else "features"

    def make(self, support: Examples, copies: int, generator: Generator) -> Examples:
        """Make several items of each support item, see `manyshot.augment.Augmenter`."""
        tasks, n = support.weight.shape
        items = as_floats(support.items)
        shown = class_means(items, support) if self.model.conditioning == "mean" else items
        like = shown.repeat_interleave(copies, 1).flatten(0, 1)
        made = self.model.sample(len(like), like=like, generator=generator)
        origin = torch.arange(n, device=support.weight.device).repeat_interleave(copies)
        return Examples(
            items=made.to(items).reshape(tasks, n * copies, *made.shape[1:]),
            labels=support.labels.repeat_interleave(copies, 1),
            weight=support.weight.repeat_interleave(copies, 1),
            class_mask=support.class_mask,
            origin=origin.expand(tasks, -1),
        )


def class_means(items: Float[Tensor, "t n ..."], support: Examples) -> Float[Tensor, "t n ..."]:
    """For each item the mean of its class over the support, by weight; of several classes, by the item's shares.

    Example:
        >>> labels = torch.eye(2)[[0, 0, 1]][None]
        >>> support = Examples(torch.tensor([[[1.0], [3.0], [5.0]]]), labels, torch.ones(1, 3), torch.ones(1, 2) > 0)
        >>> class_means(support.items, support).flatten()
        tensor([2., 2., 5.])
    """
    mass = (support.labels * support.weight[..., None]).to(items)
    share = mass / mass.sum(1, keepdim=True).clamp(min=1e-12)
    means = share.mT @ items.flatten(2)
    found: Tensor = (support.labels.to(items) @ means).reshape(items.shape)
    return found
