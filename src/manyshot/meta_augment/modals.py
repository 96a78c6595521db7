"""Four simple changes of features whose strengths are learned (after MODALS: Cheung and Yeung 2021)."""

import math
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor, nn

from manyshot.meta_augment.learned_augmenter import Draws, LearnedAugmenter, Space, Varied
from manyshot.meta_augment.support_context import gaussian, per_example, task_context
from manyshot.meta_augment.weight_budget import WeightBudget, check_strength
from manyshot.tasks import Examples, Source

CHANGES = ("interpolate", "extrapolate", "noise", "difference")
"""The changes, in the order in which copies take turns."""
PAIRS = 512
"""Most differences between examples of a class of the training classes that are kept."""


class MODALS(LearnedAugmenter):
    """Interpolate, extrapolate, add noise or another class's difference, by learned strengths, `modals`.

    interpolate: z + a (z_j - z)          z_j: another support example of the class
    extrapolate: z + a (z - m_k)          m_k: mean of the class
    noise:       z + a v * e              e ~ N(0, I), v: deviations within the classes to train on
    difference:  z + a (z_p - z_q)        z_p, z_q: two examples of one of the classes to train on

    The copies of an example take turns among the changes. Each change has a strength a and a share of the weight; both
    are learned through the learner's query loss. With one shot the first two change nothing: give four copies or more.

    Differences from the paper: strengths and probabilities are learned by gradients instead of a population-based
    search, a share of the weight takes the place of a probability, so that it has a gradient; deviations and
    differences come from other classes, since few shots have none; interpolation is towards any example of the class
    instead of those far from its mean; and the triplet and adversarial losses, which train the encoder, are left out.

    Args:
        features: Dimension d of the features.
        strength: Initial strength of all changes.
        weight: Initial weight of all generated examples of a class at one shot, relative to one real example.
        learned: Whether strengths, shares and weight are learned; otherwise they stay fixed.

    Raises:
        InputError: If an option is out of range.

    Example:
        >>> support = Examples.of(torch.rand(2, 10, 8), torch.arange(5).repeat(2))
        >>> MODALS(8).make(support, 4, torch.Generator().manual_seed(0)).items.shape
        torch.Size([2, 40, 8])
    """

    space: ClassVar[Space] = "features"

    check_options = staticmethod(check_strength)

    deviation: Tensor
    differences: Tensor

    def __init__(self, features: int, strength: float = 0.3, weight: float = 1.0, learned: bool = True) -> None:
        self.check_options(strength, weight)
        super().__init__()
        self.log_strengths = nn.Parameter(torch.full((len(CHANGES),), math.log(strength)))
        self.shares = nn.Parameter(torch.zeros(len(CHANGES)))
        self.budget = WeightBudget(weight)
        self.register_buffer("deviation", torch.ones(features))
        self.register_buffer("differences", torch.zeros(1, features))
        for parameter in self.parameters():
            parameter.requires_grad_(learned)

    def fit_statistics(self, source: Source) -> None:
        """Take deviations within classes, and differences between examples of a class."""
        items = source.gather(np.arange(len(source)))
        random = np.random.default_rng(0)  # which pairs are kept
        pairs = []
        for first, last in zip(source.starts[:-1], source.starts[1:], strict=True):
            order = random.permutation(np.arange(first, last))
            pairs += list(pairwise(order))
        if not pairs:
            return
        kept = np.array(pairs)[random.permutation(len(pairs))[:PAIRS]]
        self.differences = (items[kept[:, 0]] - items[kept[:, 1]]).to(self.differences)
        # Half of the expected squared difference of two examples is their variance.
        self.deviation = (self.differences.square().mean(0) / 2).sqrt()

    def draw(self, support: Examples, copies: int, generator: Generator) -> Draws:
        """Draw a partner, noise and a difference for each copy, used or not."""
        tasks, n = support.weight.shape
        shape = (tasks, n * copies)
        return {
            "noise": gaussian(tasks, n, copies, len(self.deviation), generator, antithetic=False),
            "partner": torch.rand(shape, generator=generator),
            "difference": torch.rand(shape, generator=generator),
        }

    def vary(self, support: Examples, copies: int, draws: Draws, context: Examples) -> Varied:
        """Apply to each copy the change whose turn it is."""
        z = support.items.repeat_interleave(copies, 1)
        partner = _partners(support, copies, draws["partner"])
        others = support.items.gather(1, partner[..., None].expand_as(z))
        centers = per_example(task_context(support.items, support).classes, support.labels).repeat_interleave(copies, 1)
        place = (draws["difference"] * len(self.differences)).long().clamp(max=len(self.differences) - 1)
        changes = [others - z, z - centers, self.deviation.to(z) * draws["noise"], self.differences.to(z)[place]]
        turn = torch.arange(copies, device=z.device).repeat(support.weight.shape[1]) % len(CHANGES)
        change = torch.stack(changes, 2)[:, torch.arange(len(turn)), turn]
        items = z + self.log_strengths.exp()[turn][:, None] * change
        share = self.shares[: min(copies, len(CHANGES))].softmax(0)
        taken = torch.bincount(turn[:copies], minlength=len(share))[: len(share)]
        return items, self.budget(support, copies) * (share * copies / taken)[turn]

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest: Any) -> None:  # noqa: ANN401
        """Take the number of differences from the stored tensor."""
        stored = state_dict.get(prefix + "differences")
        if stored is not None and stored.shape[1:] == self.differences.shape[1:]:
            self.differences = self.differences.new_zeros(stored.shape)
        super()._load_from_state_dict(state_dict, prefix, *rest)


def _partners(support: Examples, copies: int, drawn: Float[Tensor, "t m"]) -> Int[Tensor, "t m"]:
    """Another example of the class of each copy's example, drawn uniformly; the example itself if there is none."""
    classes = support.labels.argmax(-1)
    n = classes.shape[1]
    own = torch.eye(n, dtype=torch.bool, device=classes.device)
    there = support.weight > 0  # padding has padding for partners
    mates = (classes[:, :, None] == classes[:, None]) & (there[:, :, None] == there[:, None]) & ~own
    mates = torch.where(mates.any(2, keepdim=True), mates, own).repeat_interleave(copies, 1)
    number = (drawn * mates.sum(2)).long().clamp(max=mates.sum(2) - 1)
    return (mates.cumsum(2) > number[..., None]).to(torch.uint8).argmax(2)
