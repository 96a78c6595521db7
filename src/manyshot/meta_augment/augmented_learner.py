"""A learner that adapts to real and made items, and what minimises its loss by the augmenter alone."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import ClassVar

from jaxtyping import Float
from torch import Generator, Tensor, nn

from manyshot.base import InputError
from manyshot.base.seeds import generator as stream
from manyshot.learners import Classifier, Learner, by_task, queries_see_each_other, split_learner
from manyshot.meta_augment.gradients import Estimator, Exact
from manyshot.meta_augment.learned_augmenter import LearnedAugmenter
from manyshot.meta_augment.trial import Trial
from manyshot.objectives import StepTasks
from manyshot.tasks import Episode, Examples


class AugmentedLearner(Learner):
    """A learner whose support is enlarged by an augmenter before it adapts.

    It trains like any learner, but what is trained is the augmenter: the learner inside is frozen, in evaluation mode,
    and no part of `state_dict`, unless they are trained jointly. An augmenter of features works between the learner's
    encoder and its head.

    Args:
        learner: adapts; of features already, or of items.
        augmenter: makes shots.
        copies: made items of each support item.
        seed: of the draws when it is judged; each batch of tasks has the same.
        joint: train the learner, too.

    Raises:
        InputError: if the augmenter makes features and the learner's adaptation changes its encoder.

    Example:
        >>> import torch
        >>> from manyshot.learners import Ridge
        >>> from manyshot.meta_augment.hallucinator import Hallucinator
        >>> learner = AugmentedLearner(Ridge(nn.Linear(8, 6)), Hallucinator(6), copies=4)
        >>> labels = torch.eye(5).expand(2, 5, 5)
        >>> support = Examples(torch.rand(2, 5, 8), labels, torch.ones(2, 5), torch.ones(2, 5) > 0)
        >>> learner.adapt(support)(torch.rand(2, 7, 8)).shape
        torch.Size([2, 7, 5])
    """

    learner: Learner

    def __init__(
        self, learner: Learner, augmenter: LearnedAugmenter, copies: int, seed: int = 0, joint: bool = False
    ) -> None:
        super().__init__()
        self.augmenter, self.copies, self.seed, self.joint = augmenter, copies, seed, joint
        self.transductive = queries_see_each_other(learner)
        if joint:
            self.learner = learner.eval()
        else:
            self.__dict__["learner"] = learner.eval()  # not a part: neither trained nor stored
        self.parts()  # fails early if they do not fit

    def parts(self) -> tuple[nn.Module, Learner]:
        """The encoder of what the augmenter takes, and the learner of what it generates."""
        return split_learner(self.augmenter.space, self.learner)

    def train(self, mode: bool = True) -> "AugmentedLearner":
        """The mode of the augmenter; the learner stays in evaluation mode, its statistics as they are."""
        super().train(mode)
        self.learner.eval()
        return self

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "AugmentedLearner":
        if not self.joint:
            self.learner._apply(fn, recurse)  # type: ignore[no-untyped-call]
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self

    def adapt(self, support: Examples) -> Classifier:
        """Make shots and adapt to all."""
        body, head = self.parts()
        seen = _encoded(body, support)
        made = self.augmenter.make(seen, self.copies, stream(self.seed, "augmenter"))
        classifier = head.adapt(seen.joined(made))

        def classify(queries: Tensor, weight: Tensor | None = None) -> Tensor:
            return classifier(by_task(body, queries, weight), weight)

        return classify

    def on_features(self) -> "tuple[nn.Module, AugmentedLearner] | None":
        """The encoder, and this learner on its features, where the augmenter makes features."""
        body, head = self.parts()
        if isinstance(body, nn.Identity):
            return None
        return body, AugmentedLearner(head, self.augmenter, self.copies, self.seed)

    def trial(self, episode: Episode, generator: Generator, own: slice | None = None) -> Trial:
        """The tasks as the augmenter takes them, with draws for all of them, or a share of both.

        Args:
            episode: T clean tasks.
            generator: of the draws.
            own: which tasks to keep; all if None.
        """
        draws = self.augmenter.draw(episode.support, self.copies, generator)
        if own is not None:
            episode, draws = episode[own], {name: drawn[own] for name, drawn in draws.items()}
        body, head = self.parts()
        encoded = replace(episode, support=_encoded(body, episode.support), query=_encoded(body, episode.query))
        return Trial(head, self.augmenter, encoded, self.copies, draws)


@dataclass(frozen=True)
class AugmenterObjective:
    """The objective of an augmenter's training: the learner's loss on the clean query, after real and made shots.

    Args:
        estimator: of the gradient.

    Example:
        >>> AugmenterObjective().estimator
        Exact(random_steps=False)
    """

    estimator: Estimator = field(default_factory=Exact)

    needs_plan: ClassVar[bool] = False

    def loss(self, learner: Learner, tasks: StepTasks, generator: Generator) -> Float[Tensor, ""]:
        """The loss of one step; the draws are made for all tasks, whichever process learns from them.

        Raises:
            InputError: if the learner has no augmenter, or the estimator cannot work with it.
        """
        if not isinstance(learner, AugmentedLearner):
            raise InputError(f"{type(learner).__name__} has no augmenter to train; wrap it in AugmentedLearner")
        augmenter = learner.augmenter
        if not augmenter.through_learner:
            episode = tasks.own(tasks.draw())
            body, _ = learner.parts()
            encoded = replace(episode, support=_encoded(body, episode.support), query=_encoded(body, episode.query))
            return augmenter.standalone_loss(encoded, generator)
        return self.estimator.loss(learner.trial(tasks.draw(), generator, tasks.share), generator)


def _encoded(body: nn.Module, examples: Examples) -> Examples:
    if isinstance(body, nn.Identity):
        return examples
    return replace(examples, items=by_task(body, examples.items, examples.weight))
