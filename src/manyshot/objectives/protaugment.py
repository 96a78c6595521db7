"""ProtAugment: unlabelled items matched to the prototypes of their own variants (Dopierre et al. 2021)."""

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
    """Beside the learner's loss, find for each unlabelled item the prototype of its own variants.

    L = (1 - t^a) L_learner + t^a L_own,   L_own = -1/U sum_u log softmax over v (-||f(x_u) - p_v||^2) at v = u
    p_v = 1/M sum_m f(x_vm),   x_v1 ... x_vM variants of x_v,   t = step / fade, at most 1

    The plan's op (that of its shots, or else of its support, see `Plan.item_op`) makes the variants: paraphrases, in
    the paper. L_learner is what a training without this minimises.

    Where it differs from the paper: the unlabelled items are queries of the step's own tasks, whose labels are not
    looked at, instead of sentences of all classes, those of the test among them; items of one task may be of one class.

    Args:
        unlabelled: U, items of each task, at most; drawn at random among its queries.
        copies: M, variants of each.
        fade: steps until the second part alone is left; about those of the training.
        power: a; with small ones the second part comes early.

    Raises:
        InputError: if a number is out of range.

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

    unlabelled: int = 5
    copies: int = 5
    fade: int = 2000
    power: float = 0.5

    needs_plan: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_number(self, "unlabelled", low=2, high=1000, whole=True)
        check_number(self, "copies", low=1, high=64, whole=True)
        check_number(self, "fade", low=1, high=10_000_000, whole=True)
        check_number(self, "power", low=0.01, high=10)

    def loss(self, learner: Learner, tasks: StepTasks, generator: Generator) -> Float[Tensor, ""]:
        """Both parts by the step's share; draws which queries, and their variants."""
        if not isinstance(learner, FeatureLearner):
            raise InputError(
                f"protaugment: {type(learner).__name__} has no features to match; take a learner of features, such as "
                "prototypes"
            )
        share: float = min(1.0, tasks.step / self.fade) ** self.power
        alone, made = self._draw(tasks.clean, tasks.plan, generator)
        if tasks.share is not None:
            alone, made = alone[tasks.share], made[tasks.share]
        own = own_prototype_losses(learner, alone, made, self.copies)
        unsupervised: Tensor = weighted_mean(own, alone.weight).mean()
        if share == 1:
            return unsupervised
        return (1 - share) * learner.loss(tasks.own(tasks.draw())) + share * unsupervised

    def _draw(self, clean: Episode, plan: Plan, generator: Generator) -> tuple[Examples, Examples]:
        """Some of each task's queries, and their variants."""
        query = clean.as_float().query
        keys = torch.rand(query.weight.shape, generator=generator).to(query.weight.device)
        place = keys.masked_fill(query.weight <= 0, 2).argsort(1)[:, : self.unlabelled]
        items: Any
        if isinstance(query.items, Tensor):
            items = gather_items(query.items, place)
        else:
            items = [[row[i] for i in chosen] for row, chosen in zip(query.items, place.tolist(), strict=True)]
        some = Examples(
            items=items,
            labels=gather_items(query.labels, place),
            weight=(query.weight.gather(1, place) > 0).to(query.weight),
            class_mask=query.class_mask,
        )
        return some, replace(variants(some, plan.item_op(), self.copies, generator), origin=None)


def own_prototype_losses(learner: FeatureLearner, items: Examples, made: Examples, copies: int) -> Float[Tensor, "t u"]:
    """The cross-entropy of finding, for each item, the mean of its own variants among those of all of its task.

    Args:
        learner: whose encoder makes the features.
        items: u items of T tasks; labels play no part.
        made: their variants, `copies` of each after one another.
        copies: of each.
    """
    body = learner.body()
    asked = by_task(body, items.items, items.weight).flatten(2)
    features = by_task(body, made.items, made.weight).flatten(2)
    prototypes = features.reshape(*asked.shape[:2], copies, -1).mean(2)
    there: Bool[Tensor, "t u"] = items.weight > 0
    distances = (asked[:, :, None] - prototypes[:, None]).square().sum(-1)
    logits = (-distances).masked_fill(~there[:, None], -torch.inf)
    logits = torch.where(there[..., None], logits, torch.zeros_like(logits))
    return -logits.log_softmax(-1).diagonal(dim1=1, dim2=2)
