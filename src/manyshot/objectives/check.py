"""What objectives ask of tasks and learners."""

from torch import Tensor

from manyshot.base import InputError
from manyshot.learners import Learner
from manyshot.tasks import Episode


def require_mixing(learner: Learner, episode: Episode, objective: str) -> None:
    """Make sure that the learner trains on tasks, and that their items can be mixed.

    Raises:
        InputError: for a learner that trains as a plain classifier or only moves towards adapted weights, or for items
            that are no tensors, such as strings.
    """
    name = type(learner).__name__
    if not learner.trains_on_tasks:
        raise InputError(f"{objective} changes tasks, and {name} trains on single examples; use plain")
    if not learner.loss_differentiates_items:
        raise InputError(f"{objective} needs a loss with a derivative by items, which that of {name} lacks; use maml")
    if not isinstance(episode.support.items, Tensor):
        raise InputError(f"{objective} mixes pictures or feature vectors, not items such as text; leave it out here")


def require_classes(episode: Episode, objective: str, mend: str) -> None:
    """Make sure that tasks have classes to tell apart.

    Raises:
        InputError: if not, as in regression.
    """
    if not episode.has_classes:
        raise InputError(f"{objective} pairs classes, and these tasks have none; {mend}")
