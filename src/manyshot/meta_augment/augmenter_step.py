"""One training step of an augmenter, as every gradient estimator sees it."""

from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor

from manyshot.learners import Learner
from manyshot.learners.learner import weighted_mean
from manyshot.meta_augment.learned_augmenter import Draws, LearnedAugmenter
from manyshot.tasks import Episode, Examples


@dataclass(frozen=True, eq=False)
class AugmenterStep:
    """T tasks, a frozen learner, the augmenter that is trained, and its random draws.

    Args:
        learner: Learner of examples, or of features if the augmenter generates features.
        augmenter: Augmenter that is trained.
        episode: Clean tasks, in the augmenter's space.
        copies: Number of generated examples per support example.
        draws: Random numbers from `augmenter.draw`.
    """

    learner: Learner
    augmenter: LearnedAugmenter
    episode: Episode
    copies: int
    draws: Draws

    def generate(self) -> Examples:
        """Generate examples from the support; differentiable in the augmenter's parameters."""
        return self.augmenter.replay(self.episode.support, self.copies, self.draws)

    def augmented(self, generated: Examples) -> Episode:
        """The tasks with generated examples appended to the support."""
        return replace(self.episode, support=self.episode.support.joined(generated))

    def loss(self, generated: Examples) -> Float[Tensor, ""]:
        """Mean loss on the clean query, after the learner adapts to real and generated examples.

        Differentiable in the generated examples as far as the learner's adaptation is.
        """
        augmented = self.augmented(generated)
        if self.learner.takes_gradient_steps:
            return self.learner.loss(augmented)  # the same number, computed a few tasks at a time
        return self.task_losses(generated).mean()

    def task_losses(self, generated: Examples) -> Float[Tensor, " t"]:
        """The query loss of each task."""
        augmented = self.augmented(generated)
        return weighted_mean(self.learner.query_losses(augmented), augmented.query.weight)
