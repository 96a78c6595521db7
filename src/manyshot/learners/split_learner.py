"""Splitting a learner where an augmenter works: between its encoder and its head, or before both."""

from typing import Literal

from torch import nn

from manyshot.base import InputError
from manyshot.learners.learner import Learner


def split_learner(space: Literal["items", "features"] | str, learner: Learner) -> tuple[nn.Module, Learner]:
    """Split a learner into what encodes examples for an augmenter, and a learner of what the augmenter generates.

    Args:
        space: What the augmenter takes and generates: "items", as a source holds them, or "features" of an encoder.
        learner: The learner.

    Returns:
        The encoder, `nn.Identity` if examples are taken as they are, and the learner of its features.

    Raises:
        InputError: If the augmenter generates features, and the learner adapts its encoder to each task.

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
