"""Classify each task by the statistics of its own items, which lets its queries see each other."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import cast

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from manyshot.base import InputError
from manyshot.learners.ensemble import Ensemble
from manyshot.learners.gradient_learner import GradientLearner
from manyshot.learners.learner import Classifier, Learner
from manyshot.nets import TaskNorm
from manyshot.tasks import Examples


def transductive(learner: Learner) -> Learner:
    """The same learner with the same weights, whose queries are normalised by the statistics of their task's queries.

    Batch normalisation takes mean and variance over a task's support, then over its queries, instead of its running
    averages; gradient-based learners with `norm=support` are judged as those with `norm=query` are. What one query is
    then shows in the answer to another, so a figure made so is no figure of an inductive learner (Bronskill et al.
    2020); `Learner.transductive` tells, and evaluations name it.

    Args:
        learner: trained; it stays as it is, and one that is transductive already is returned itself.

    Raises:
        InputError: if it normalises by no statistics of a batch, so that there is nothing to switch.

    Example:
        >>> from manyshot.learners import Prototypes
        >>> from manyshot.nets import Conv4
        >>> transductive(Prototypes(Conv4(channels=1, size=28))).transductive
        True
        >>> transductive(Prototypes(nn.Flatten()))
        Traceback (most recent call last):
        manyshot.base.errors.InputError: transductive: the learner normalises each item alone, so there is nothing to \
switch; train one with batch normalisation (prototypes, ridge, ...) or norm=support (maml, ...)
    """
    if learner.transductive:
        return learner
    if isinstance(learner, Ensemble):
        return Ensemble([transductive(cast(Learner, member)) for member in learner.members])
    kinds = {type(part) for part in learner.modules()}
    if isinstance(learner, GradientLearner) and TaskNorm in kinds:
        other = copy(learner)
        other.transductive = True
        return other
    if isinstance(learner, GradientLearner) or not any(issubclass(kind, _BatchNorm) for kind in kinds):
        raise InputError(
            "transductive: the learner normalises each item alone, so there is nothing to switch; train one with batch "
            "normalisation (prototypes, ridge, ...) or norm=support (maml, ...)"
        )
    return _ByTask(learner)


def queries_see_each_other(learner: Learner) -> bool:
    """Whether what a query is shows in the answer to another, in evaluation mode.

    That is so where the learner says it (`Learner.transductive`), and where an encoder normalises by the batch that it
    is given: task normalisation in a learner that does not hand it the support's statistics, as gradient-based learners
    do, or batch normalisation without running averages.

    Example:
        >>> from manyshot.learners import Prototypes
        >>> from manyshot.nets import Conv4
        >>> [queries_see_each_other(Prototypes(Conv4(1, 28, norm=norm))) for norm in ("batch", "group", "support")]
        [False, False, True]
    """
    return learner.transductive or _goes_by_the_batch(learner)


def _goes_by_the_batch(module: nn.Module) -> bool:
    if isinstance(module, GradientLearner):
        return module.transductive
    if isinstance(module, TaskNorm) or (isinstance(module, _BatchNorm) and module.running_mean is None):
        return True
    return any(map(_goes_by_the_batch, module.children()))


class _ByTask(Learner):
    """A learner whose batch normalisations see the items of one task at a time, and no padding."""

    transductive = True

    def __init__(self, learner: Learner) -> None:
        super().__init__()
        self.learner = learner

    def adapt(self, support: Examples) -> Classifier:
        """Adapt to each task alone."""
        with _batch_statistics(self.learner):
            each = [self.learner.adapt(_without_padding(support[t : t + 1])) for t in range(len(support.class_mask))]

        def classify(queries: Tensor, weight: Tensor | None = None) -> Tensor:
            real = queries.new_ones(queries.shape[:2]) > 0 if weight is None else weight > 0
            logits = queries.new_zeros(*real.shape, support.labels.shape[-1])
            with _batch_statistics(self.learner):
                for task, (one, there) in enumerate(zip(each, real, strict=True)):
                    logits[task, there] = one(queries[task : task + 1, there])[0]
            return logits

        return classify


def _without_padding(one: Examples) -> Examples:
    """The items of one task that are there."""
    there = one.weight[0] > 0
    return Examples(one.items[:, there], one.labels[:, there], one.weight[:, there], one.class_mask)


@contextmanager
def _batch_statistics(module: nn.Module) -> Iterator[None]:
    """Batch normalisation by the batch for a while; running averages are neither used nor moved."""
    norms = [part for part in module.modules() if isinstance(part, _BatchNorm)]
    before = [(norm.training, norm.track_running_stats) for norm in norms]
    for norm in norms:
        norm.training, norm.track_running_stats = True, False
    try:
        yield
    finally:
        for norm, (training, tracks) in zip(norms, before, strict=True):
            norm.training, norm.track_running_stats = training, tracks
