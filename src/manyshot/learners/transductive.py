"""Transductive evaluation: queries are normalized by the statistics of all queries of their task."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from manyshot.base import InputError
from manyshot.learners.gradient_learner import NOTHING_TO_SWITCH, GradientLearner
from manyshot.learners.learner import Classifier, Learner
from manyshot.nets import TaskNorm
from manyshot.tasks import Examples


def transductive(learner: Learner) -> Learner:
    """A learner with the same weights whose queries are normalized by the statistics of their task's queries.

    Batch normalization takes mean and variance over a task's support, then over its queries, instead of its running
    averages; gradient-based learners with `norm=support` are evaluated like those with `norm=query`. Predictions for a
    query then depend on the other queries, so results are not comparable with those of an inductive learner (Bronskill
    et al. 2020); `Learner.transductive` is True, and evaluations report it.

    Args:
        learner: Trained learner, which is not changed; a transductive one is returned as it is.

    Raises:
        InputError: If the learner does not normalize by the statistics of a batch.

    Example:
        >>> from manyshot.learners import Prototypes
        >>> from manyshot.nets import Conv4
        >>> transductive(Prototypes(Conv4(channels=1, size=28))).transductive
        True
        >>> transductive(Prototypes(nn.Flatten()))
        Traceback (most recent call last):
        manyshot.base.errors.InputError: transductive: the learner normalizes each example alone, so there is nothing \
to switch; train one with batch normalization (prototypes, ridge, ...) or norm=support (maml, ...)
    """
    if learner.transductive:
        return learner
    other = learner.made_transductive()
    if other is not None:
        return other
    if not any(isinstance(module, _BatchNorm) for module in learner.modules()):
        raise InputError(NOTHING_TO_SWITCH)
    return _ByTask(learner)


def queries_see_each_other(learner: Learner) -> bool:
    """Whether predictions for a query depend on the other queries of its task in evaluation mode.

    That is the case for learners with `Learner.transductive`, and for encoders that normalize by the current batch:
    task normalization in a learner that does not pass it the statistics of the support, as gradient-based learners do,
    or batch normalization without running averages.

    Args:
        learner: Learner to inspect.

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
    """A learner whose batch normalization takes the examples of one task at a time, without padding."""

    transductive = True

    def __init__(self, learner: Learner) -> None:
        super().__init__()
        self.learner = learner

    def adapt(self, support: Examples) -> Classifier:
        """Adapt to each task on its own."""
        with _batch_statistics(self.learner):
            classifiers = [
                self.learner.adapt(_without_padding(support[t : t + 1])) for t in range(len(support.class_mask))
            ]

        def classify(queries: Tensor, weight: Tensor | None = None) -> Tensor:
            real = queries.new_ones(queries.shape[:2]) > 0 if weight is None else weight > 0
            logits = queries.new_zeros(*real.shape, support.labels.shape[-1])
            with _batch_statistics(self.learner):
                for task, (classifier, mask) in enumerate(zip(classifiers, real, strict=True)):
                    logits[task, mask] = classifier(queries[task : task + 1, mask])[0]
            return logits

        return classify


def _without_padding(side: Examples) -> Examples:
    """The examples of one task whose weight is positive."""
    mask = side.weight[0] > 0
    return Examples(side.items[:, mask], side.labels[:, mask], side.weight[:, mask], side.class_mask)


@contextmanager
def _batch_statistics(module: nn.Module) -> Iterator[None]:
    """Batch normalization by the current batch within the block; running averages are neither used nor updated."""
    norms = [part for part in module.modules() if isinstance(part, _BatchNorm)]
    before = [(norm.training, norm.track_running_stats) for norm in norms]
    for norm in norms:
        norm.training, norm.track_running_stats = True, False
    try:
        yield
    finally:
        for norm, (training, tracks) in zip(norms, before, strict=True):
            norm.training, norm.track_running_stats = training, tracks
