"""One look at how an augmenter does: what every estimator of its gradient works from."""

from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor

from manyshot.learners import Learner
from manyshot.learners.learner import weighted_mean
from manyshot.meta_augment.learned_augmenter import Draws, LearnedAugmenter
from manyshot.tasks import Episode, Examples


@dataclass(frozen=True, eq=False)
class Trial:
    """T tasks, a learner that is not trained here, an augmenter that is, and the random numbers of one attempt.

    Args:
        learner: of items, or of features where the augmenter makes those.
        augmenter: what is judged.
        episode: clean tasks, whose items the augmenter takes.
        copies: made items of each support item.
        draws: of `augmenter.draw`.
    """

    learner: Learner
    augmenter: LearnedAugmenter
    episode: Episode
    copies: int
    draws: Draws

    def made(self) -> Examples:
        """What the augmenter makes of the support; differentiable by its parameters."""
        return self.augmenter.replay(self.episode.support, self.copies, self.draws)

    def enlarged(self, made: Examples) -> Episode:
        """The tasks with made items behind the real ones of the support."""
        return replace(self.episode, support=self.episode.support.joined(made))

    def loss(self, made: Examples) -> Float[Tensor, ""]:
        """The mean loss on the clean query of the learner adapted to real and made items.

        Differentiable by the made items as far as the learner's adaptation is.
        """
        enlarged = self.enlarged(made)
        if self.learner.takes_gradient_steps:
            return self.learner.loss(enlarged)  # the same, found a few tasks at a time
        return self.task_losses(made).mean()

    def task_losses(self, made: Examples) -> Float[Tensor, " t"]:
        """The same of each task."""
        enlarged = self.enlarged(made)
        return weighted_mean(self.learner.query_losses(enlarged), enlarged.query.weight)
