"""Checks of tasks and learners that objectives share."""

from torch import Tensor

from manyshot.base import InputError
from manyshot.learners import Learner
from manyshot.tasks import Episode


def require_mixing(learner: Learner, episode: Episode, objective: str) -> None:
    """Check that the learner trains on tasks, and that their items can be mixed.

    Args:
        learner: Learner that is trained.
        episode: Tasks of the step.
        objective: Name of the objective, for error messages.

    Raises:
        InputError: If the learner does not train on tasks, its loss has no derivative with respect to items, or items
            are not tensors.
    """
    name = type(learner).__name__
    if not learner.trains_on_tasks:
        raise InputError(f"{objective} changes tasks, and {name} trains on single examples; use plain")
    if not learner.loss_differentiates_items:
        raise InputError(f"{objective} needs a loss with a derivative by items, which that of {name} lacks; use maml")
    if not isinstance(episode.support.items, Tensor):
        raise InputError(f"{objective} mixes images or feature vectors, not items such as text; use another objective")


def require_classes(episode: Episode, objective: str, hint: str) -> None:
    """Check that tasks have classes.

    Args:
        episode: Tasks of the step.
        objective: Name of the objective, for error messages.
        hint: What to do instead, the end of the error message.

    Raises:
        InputError: If the tasks are regressions.
    """
    if not episode.has_classes:
        raise InputError(f"{objective} pairs classes, and these tasks have none; {hint}")
