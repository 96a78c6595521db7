"""The classes of ImageNet: their names, and their rows of weights in the classifiers of pre-trained networks."""

from functools import cache
from importlib.resources import files

import torch
from jaxtyping import Float64
from torch import Tensor

from manyshot.nets.efficientnet_lite import LITE0, LITE2, load_weights

LITES = {lite.name: lite for lite in (LITE0, LITE2)}


@cache
def imagenet_classes() -> tuple[str, ...]:
    """The names of the 1,000 classes of ImageNet (ILSVRC 2012), in the order of networks' outputs.

    Example:
        >>> imagenet_classes()[0], len(imagenet_classes())
        ('tench', 1000)
    """
    return tuple((files("manyshot.nets") / "imagenet_classes.txt").read_text("utf-8").splitlines())


def classifier_weights(encoder: str) -> Float64[Tensor, "1000 d"] | None:
    """The rows of the classifier that an encoder was trained with, less their mean; None if it came without one.

    A row of a trained classifier points from the mean of all features to those of its class, the more so the longer it
    was trained (Papyan, Han and Donoho 2020).

    Args:
        encoder: Name of an encoder, with options or without.

    Raises:
        InputError: If the package with its weights is not installed, or its file is damaged.

    Example:
        >>> classifier_weights("ngrams") is None
        True
    """
    lite = LITES.get(encoder.partition("(")[0])
    if lite is None:
        return None
    rows = load_weights(lite)["_fc.weight"].to(torch.float64)
    return rows - rows.mean(0)
