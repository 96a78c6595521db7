"""Learned policies of image ops: one for all tasks, or one for each class of each task."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from manyshot.base.check_numbers import check_range
from manyshot.meta_augment.image_moments import ImageMoments
from manyshot.meta_augment.policy.op_policy import PARAMETER_SCALE, DifferentiableGates, OpPolicy
from manyshot.meta_augment.support_encoder import RandomConvStatistics
from manyshot.runtime.renamed_weights import accept_old_names
from manyshot.tasks import Examples, Source


class ContextFreePolicy(OpPolicy):
    """One learned policy of image ops for all tasks, `context-free(drawings)`.

    Every class has the same probabilities and magnitudes. It ignores the context, so it is the baseline of a
    conditioned policy, and it can be written as one plan (`to_plan`). Its options are those of `OpPolicy`.

    Example:
        >>> support = Examples.of(torch.rand(2, 5, 1, 28, 28), torch.arange(5))
        >>> policy = ContextFreePolicy(1, "rotate-elastic-stroke")
        >>> policy.make(support, 4, torch.Generator().manual_seed(0)).items.shape
        torch.Size([2, 20, 1, 28, 28])
    """

    def raw_settings(self, context: Examples) -> Float[Tensor, "t ways raw"]:
        """Learned offsets, the same for every class."""
        tasks, ways = context.class_mask.shape
        return (PARAMETER_SCALE * self.learned).expand(tasks, ways, -1)


class Policy(OpPolicy):
    """A policy of image ops for each class of each task, conditioned on its support, `policy(drawings)`.

    A network with one hidden layer maps the descriptions of the class and the task by `RandomConvStatistics` and
    `ImageMoments` to offsets from settings that are learned for all.

    Args:
        channels: Number of channels; color ops are left out unless there are three.
        ops: A set (all, drawings, shapes, photographs), or names of ops with hyphens between them.
        gates: Gradient estimator of the gates: straight-through or relaxed.
        weight: Initial weight of all generated examples of a class at one shot, relative to one real example.
        initial_plan: Preset, or plan in quotes, to start from; if empty, every op starts at moderate settings.
        hidden: Hidden width of the network.
        width: Number of features per image in `RandomConvStatistics`.

    Example:
        >>> support = Examples.of(torch.rand(2, 5, 1, 28, 28), torch.arange(5))
        >>> policy = Policy(1, "rotate-elastic-stroke")
        >>> logits, magnitudes = policy.settings(support)
        >>> logits.shape, magnitudes.shape
        (torch.Size([2, 5, 3]), torch.Size([2, 5, 3]))
    """

    def __init__(
        self,
        channels: int,
        ops: str = "all",
        gates: DifferentiableGates = "straight-through",
        weight: float = 4.0,
        initial_plan: str = "",
        hidden: int = 64,
        width: int = 32,
    ) -> None:
        self.check_options(ops, weight, initial_plan, hidden, width)
        super().__init__(channels, ops, gates, weight, initial_plan)
        self.conv_statistics, self.image_moments = RandomConvStatistics(channels, width), ImageMoments(channels)
        first = nn.Linear(self.conv_statistics.features + self.image_moments.features, hidden)
        last = nn.Linear(hidden, self.raw, bias=False)
        with torch.no_grad():  # nearly one policy for all initially
            last.weight.mul_(0.1)
        self.network = nn.Sequential(first, nn.Tanh(), last)
        accept_old_names(self, {"sight": "conv_statistics", "traits": "image_moments"})

    @staticmethod
    def check_options(
        ops: str = "all", weight: float = 4.0, initial_plan: str = "", hidden: int = 64, width: int = 32
    ) -> None:
        """Check the options.

        Raises:
            InputError: If an op or the initial plan is unknown, or a number is out of range.
        """
        OpPolicy.check_options(ops, weight, initial_plan)
        check_range(1, 4096, whole=True, hidden=hidden, width=width)

    def fit_statistics(self, source: Source) -> None:
        """Estimate the statistics that standardize the descriptions, on tasks of these classes."""
        self.conv_statistics.fit_statistics(source)
        self.image_moments.fit_statistics(source)

    def fit_statistics_on(self, support: Examples) -> None:
        """Estimate the statistics that standardize the descriptions, on given tasks of any source."""
        self.conv_statistics.fit_statistics_on(support)
        self.image_moments.fit_statistics_on(support)

    def raw_settings(self, context: Examples) -> Float[Tensor, "t ways raw"]:
        """Learned offsets for all, plus the network's for the class."""
        settings: Tensor = self.learned + self.network(
            torch.cat([self.conv_statistics(context), self.image_moments(context)], -1)
        )
        return settings
