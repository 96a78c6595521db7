"""What objectives ask of the tasks."""

from torch import Tensor

from manyshot.base import InputError
from manyshot.tasks import Episode


def require_tensors(episode: Episode, objective: str) -> None:
    """Make sure that items can be mixed.

    Raises:
        InputError: for items that are no tensors, such as strings.
    """
    if not isinstance(episode.support.items, Tensor):
        raise InputError(f"{objective} mixes pictures or feature vectors, not items such as text; leave it out here")


def require_classes(episode: Episode, objective: str, mend: str) -> None:
    """Make sure that tasks have classes to tell apart.

    Raises:
        InputError: if not, as in regression.
    """
    if episode.support.labels.shape[-1] < 2:
        raise InputError(f"{objective} pairs classes, and these tasks have none; {mend}")
