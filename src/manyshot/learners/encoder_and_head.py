"""Splitting a learner into an encoder and a head where an augmenter generates examples."""

from typing import Literal

from torch import nn

from manyshot.base import InputError
from manyshot.learners.learner import Learner


def split_learner(space: Literal["items", "features"] | str, learner: Learner) -> tuple[nn.Module, Learner]:
    """Split a learner into an encoder of the examples that an augmenter takes, and a learner of what it generates.

    Args:
        space: What the augmenter takes and generates: "items", as a source holds them, or "features" of an encoder.
        learner: Learner to split.

    Returns:
        The encoder, which is `nn.Identity` for "items", and the learner of its features.

    Raises:
        InputError: If the augmenter generates features and the learner adapts its encoder to each task.

    Example:
        >>> from manyshot.learners import Ridge
        >>> encoder, head = split_learner("features", Ridge(nn.Flatten()))
        >>> encoder, head.given_features
        (Flatten(start_dim=1, end_dim=-1), True)
    """
    if space == "items" or learner.given_features:
        return nn.Identity(), learner
    parts = learner.on_features()
    if parts is None:
        raise InputError(
            f"{type(learner).__name__} adapts its encoder to each task, so there are no fixed features to "
            "augment; use a learner with a fixed encoder, such as ridge (--head, --learner), or an augmenter of images"
        )
    return parts
