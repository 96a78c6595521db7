"""A generative model as the augmenter of a plan: generated examples of the classes of a support set."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.base import InputError
from manyshot.generate.batches import as_floats
from manyshot.generate.generative_model import GenerativeModel
from manyshot.tasks import Examples


@dataclass(frozen=True, eq=False)
class GeneratedShots:
    """Extend a support set by a model conditioned on examples, such as DAGAN; for `Plan.with_augmenter`.

    A generated example has the label of the example that it was generated from. A model that is conditioned on class
    means receives the weighted mean of the example's class in the support, or a mixture of means for a soft label.

    Args:
        model: Model in evaluation mode.

    Raises:
        InputError: If the model is not conditioned on examples.

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
                "this model is not conditioned on examples, so it cannot extend a support set; use dagan or afhn"
            )

    @property
    def space(self) -> str:
        """What it takes and generates: "items", or "features" of an encoder."""
        return "items" if len(self.model.shape) == 3 else "features"

    def make(self, support: Examples, copies: int, generator: Generator) -> Examples:
        """Generate several examples from each support example, see `manyshot.augment.Augmenter`."""
        tasks, n = support.weight.shape
        items = as_floats(support.items)
        conditions = class_means(items, support) if self.model.conditioning == "mean" else items
        like = conditions.repeat_interleave(copies, 1).flatten(0, 1)
        generated = self.model.sample(len(like), like=like, generator=generator)
        origin = torch.arange(n, device=support.weight.device).repeat_interleave(copies)
        return Examples(
            items=generated.to(items).reshape(tasks, n * copies, *generated.shape[1:]),
            labels=support.labels.repeat_interleave(copies, 1),
            weight=support.weight.repeat_interleave(copies, 1),
            class_mask=support.class_mask,
            origin=origin.expand(tasks, -1),
        )


def class_means(items: Float[Tensor, "t n ..."], support: Examples) -> Float[Tensor, "t n ..."]:
    """Weighted mean of the class of each example over the support, or a mixture of means for a soft label.

    Args:
        items: Images or features of the support.
        support: Labels and weights of the support.

    Returns:
        A mean for each example, of the shape of `items`.

    Example:
        >>> support = Examples.of(torch.tensor([[[1.0], [3.0], [5.0]]]), torch.tensor([0, 0, 1]))
        >>> class_means(support.items, support).flatten()
        tensor([2., 2., 5.])
    """
    mass = (support.labels * support.weight[..., None]).to(items)
    weights = mass / mass.sum(1, keepdim=True).clamp(min=1e-12)
    means = weights.mT @ items.flatten(2)
    result: Tensor = (support.labels.to(items) @ means).reshape(items.shape)
    return result
