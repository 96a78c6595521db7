"""ProtAugment: unlabeled examples matched to prototypes of their variants (Dopierre et al. 2021)."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from manyshot.augment import Plan
from manyshot.augment.ops.op import check_number
from manyshot.augment.ops.variants import variants
from manyshot.base import InputError
from manyshot.learners import FeatureLearner, Learner, by_task
from manyshot.learners.learner import weighted_mean
from manyshot.objectives.objective import StepTasks
from manyshot.tasks import Episode, Examples
from manyshot.tasks.class_index import gather_items


@dataclass(frozen=True)
class ProtAugment:
    """Add a loss of matching each unlabeled example to the prototype of its variants (ProtAugment).

    L = (1 - t^a) L_learner + t^a L_unlabeled
    L_unlabeled = -1/U sum_u log softmax over v (-||f(x_u) - p_v||^2) at v = u
    p_v = 1/M sum_m f(x_vm),   x_v1 ... x_vM variants of x_v,   t = step / fade, at most 1

    The plan's op (that of its shots, or else of its support, see `Plan.item_op`) generates the variants, which are
    paraphrases in the paper. L_learner is the loss of the plain objective.

    Where it differs from the paper: unlabeled examples are queries of the step's tasks, without their labels, instead
    of sentences of all classes including those of the test; examples of one task may have the same class.

    Args:
        unlabeled: Largest number U of unlabeled examples of each task, drawn at random from its queries.
        copies: Number M of variants of each.
        fade: Number of steps until only L_unlabeled is left; about the number of training steps.
        power: Exponent a; with a small exponent L_unlabeled grows early.

    Raises:
        InputError: If an option is out of range.

    Example:
        >>> from manyshot.learners import Prototypes
        >>> from manyshot.tasks import EpisodeSampler, Source
        >>> source = Source.of(torch.rand(80, 1, 8, 8), [f"class {i % 4}" for i in range(80)])
        >>> tasks = StepTasks(EpisodeSampler(source, ways=3).batch(0, 2), Plan("shots: noise(0.1)"), (0, 0))
        >>> learner = Prototypes(torch.nn.Flatten())
        >>> first = ProtAugment().loss(learner, tasks, torch.Generator())
        >>> bool(first == learner.loss(tasks.draw()))  # step 0
        True
    """

    unlabeled: int = 5
    copies: int = 5
    fade: int = 2000
    power: float = 0.5

    needs_plan: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_number(self, "unlabeled", low=2, high=1000, whole=True)
        check_number(self, "copies", low=1, high=64, whole=True)
        check_number(self, "fade", low=1, high=10_000_000, whole=True)
        check_number(self, "power", low=0.01, high=10)

    def loss(self, learner: Learner, tasks: StepTasks, generator: Generator) -> Float[Tensor, ""]:
        """The weighted sum of both losses; draws queries and their variants."""
        if not isinstance(learner, FeatureLearner):
            raise InputError(
                f"protaugment: {type(learner).__name__} has no features to match; take a learner of features, such as "
                "prototypes"
            )
        weight: float = min(1.0, tasks.step / self.fade) ** self.power
        unlabeled, generated = self._draw(tasks.clean, tasks.plan, generator)
        if tasks.task_slice is not None:
            unlabeled, generated = unlabeled[tasks.task_slice], generated[tasks.task_slice]
        losses = own_prototype_losses(learner, unlabeled, generated, self.copies)
        unsupervised: Tensor = weighted_mean(losses, unlabeled.weight).mean()
        if weight == 1:
            return unsupervised
        return (1 - weight) * learner.loss(tasks.own(tasks.draw())) + weight * unsupervised

    def _draw(self, clean: Episode, plan: Plan, generator: Generator) -> tuple[Examples, Examples]:
        """Some of each task's queries, and their variants."""
        query = clean.as_float().query
        keys = torch.rand(query.weight.shape, generator=generator).to(query.weight.device)
        index = keys.masked_fill(query.weight <= 0, 2).argsort(1)[:, : self.unlabeled]
        items: Any
        if isinstance(query.items, Tensor):
            items = gather_items(query.items, index)
        else:
            items = [[row[i] for i in chosen] for row, chosen in zip(query.items, index.tolist(), strict=True)]
        unlabeled = Examples(
            items=items,
            labels=gather_items(query.labels, index),
            weight=(query.weight.gather(1, index) > 0).to(query.weight),
            class_mask=query.class_mask,
        )
        return unlabeled, replace(variants(unlabeled, plan.item_op(), self.copies, generator), origin=None)


def own_prototype_losses(
    learner: FeatureLearner, examples: Examples, generated: Examples, copies: int
) -> Float[Tensor, "t u"]:
    """The cross-entropy of matching each example to the mean of its variants among those of its task.

    Args:
        learner: Learner whose encoder computes the features.
        examples: Examples `[T, u]`, whose labels are ignored.
        generated: Variants `[T, u * copies]` of the examples, example by example.
        copies: Number of variants of each example.
    """
    body = learner.body()
    queries = by_task(body, examples.items, examples.weight).flatten(2)
    features = by_task(body, generated.items, generated.weight).flatten(2)
    prototypes = features.reshape(*queries.shape[:2], copies, -1).mean(2)
    mask: Bool[Tensor, "t u"] = examples.weight > 0
    distances = (queries[:, :, None] - prototypes[:, None]).square().sum(-1)
    logits = (-distances).masked_fill(~mask[:, None], -torch.inf)
    logits = torch.where(mask[..., None], logits, torch.zeros_like(logits))
    return -logits.log_softmax(-1).diagonal(dim1=1, dim2=2)
