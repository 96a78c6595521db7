"""A learner that adapts to real and generated examples, and the objective that trains its augmenter."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from manyshot.base import InputError
from manyshot.base.seeds import generator as stream
from manyshot.learners import Classifier, Learner, by_task, queries_see_each_other, split_learner
from manyshot.meta_augment.augmenter_gradient import Estimator, Exact
from manyshot.meta_augment.augmenter_step import AugmenterStep
from manyshot.meta_augment.learned_augmenter import LearnedAugmenter
from manyshot.objectives import StepTasks
from manyshot.tasks import Episode, Examples


class AugmentedLearner(Learner):
    """A learner that adapts to its support and to examples that an augmenter generates from it.

    It trains like any learner, but only the augmenter is trained: the wrapped learner is frozen, in evaluation mode,
    and not part of `state_dict`, unless both are trained jointly. An augmenter of features works between the learner's
    encoder and its head.

    Args:
        learner: Learner to wrap, of examples or of features.
        augmenter: Augmenter that generates further support examples.
        copies: Number of generated examples per support example.
        seed: Seed of the draws in evaluation, the same for each batch of tasks.
        joint: Whether to train the learner as well.

    Raises:
        InputError: If the augmenter generates features and the learner's adaptation changes its encoder.

    Example:
        >>> import torch
        >>> from manyshot.learners import Ridge
        >>> from manyshot.meta_augment.hallucinator import Hallucinator
        >>> learner = AugmentedLearner(Ridge(nn.Linear(8, 6)), Hallucinator(6), copies=4)
        >>> support = Examples.of(torch.rand(2, 5, 8), torch.arange(5))
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
            self.__dict__["learner"] = learner.eval()  # not a submodule: neither trained nor stored
        self.parts()  # raises early if they do not fit

    def parts(self) -> tuple[nn.Module, Learner]:
        """The encoder of the augmenter's inputs, and the learner of its outputs."""
        return split_learner(self.augmenter.space, self.learner)

    def train(self, mode: bool = True) -> "AugmentedLearner":
        """Set the mode of the augmenter; the learner stays in evaluation mode."""
        super().train(mode)
        self.learner.eval()
        return self

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "AugmentedLearner":
        if not self.joint:
            self.learner._apply(fn, recurse)  # type: ignore[no-untyped-call]
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self

    def adapt(self, support: Examples) -> Classifier:
        """Generate examples, and adapt to them and to the support."""
        body, head = self.parts()
        encoded = _encoded(body, support)
        generated = self.augmenter.make(encoded, self.copies, stream(self.seed, "augmenter"))
        classifier = head.adapt(encoded.joined(generated))

        def classify(queries: Tensor, weight: Tensor | None = None) -> Tensor:
            return classifier(by_task(body, queries, weight), weight)

        return classify

    def on_features(self) -> "tuple[nn.Module, AugmentedLearner] | None":
        """The encoder, and this learner on its features; None if the augmenter generates examples."""
        body, head = self.parts()
        if isinstance(body, nn.Identity):
            return None
        return body, AugmentedLearner(head, self.augmenter, self.copies, self.seed)

    def step(self, episode: Episode, generator: Generator, own: slice | None = None) -> AugmenterStep:
        """Encode the tasks for the augmenter, and draw its random numbers.

        Args:
            episode: T clean tasks.
            generator: Random generator of the draws.
            own: Slice of the tasks to keep, of those that all processes draw; all if None.
        """
        draws = self.augmenter.draw(episode.support, self.copies, generator)
        if own is not None:
            episode, draws = episode[own], {name: drawn[own] for name, drawn in draws.items()}
        body, head = self.parts()
        encoded = replace(episode, support=_encoded(body, episode.support), query=_encoded(body, episode.query))
        return AugmenterStep(head, self.augmenter, encoded, self.copies, draws)


@dataclass(frozen=True)
class AugmenterObjective:
    """Objective of an augmenter: the loss on the clean query of a learner adapted to real and generated examples.

    Args:
        estimator: Estimator of the gradient.

    Example:
        >>> AugmenterObjective().estimator
        Exact(random_steps=False)
    """

    estimator: Estimator = field(default_factory=Exact)

    needs_plan: ClassVar[bool] = False

    def loss(self, learner: Learner, tasks: StepTasks, generator: Generator) -> Float[Tensor, ""]:
        """Loss of one step; random numbers are drawn for all tasks, whichever process trains on them.

        Raises:
            InputError: If the learner has no augmenter, or the estimator cannot be used with it.
        """
        if not isinstance(learner, AugmentedLearner):
            raise InputError(f"{type(learner).__name__} has no augmenter to train; wrap it in AugmentedLearner")
        augmenter = learner.augmenter
        if not augmenter.through_learner:
            episode = tasks.own(tasks.draw())
            body, _ = learner.parts()
            encoded = replace(episode, support=_encoded(body, episode.support), query=_encoded(body, episode.query))
            return augmenter.standalone_loss(encoded, generator)
        step = learner.step(tasks.draw(), generator, tasks.task_slice)
        added = augmenter.learner_loss(step.learner, step.episode, step.draws, generator)
        if added is not None and augmenter.replaces_query_loss:
            return added + _learners_own(step) if learner.joint else added
        loss = self.estimator.loss(step, generator)
        return loss if added is None else loss + added


def _learners_own(step: AugmenterStep) -> Float[Tensor, ""]:
    """Loss of a learner that is trained with an augmenter of another objective: generated examples are constants."""
    with torch.no_grad():
        generated = step.generate()
    return step.loss(generated)


def _encoded(body: nn.Module, examples: Examples) -> Examples:
    if isinstance(body, nn.Identity):
        return examples
    return replace(examples, items=by_task(body, examples.items, examples.weight))
