"""What a support set looks like: traits of its pixels, how they differ within and between classes, and its size."""

from math import log

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from manyshot.meta_augment.auto.evidence import folds

TRAIT_NAMES = (
    "brightness",
    "contrast",
    "saturation",
    "red less blue",
    "border brightness",
    "border variation",
    "detail",
    "grain",
    "mirror difference",
    "upside-down difference",
    "quarter-turn difference",
    "black",
    "white",
    "distance from center",
)
"""Traits of a picture."""

TASK_NAMES = (
    *TRAIT_NAMES,
    *(f"{name} by class" for name in TRAIT_NAMES),
    "ways",
    "shots",
    "several shots",
    "plain accuracy",
    "plain error",
    "plain margin",
)
"""What is known of a task as a whole."""


def picture_traits(pictures: Float[Tensor, "n 3 s s"]) -> Float[Tensor, "n 14"]:
    """Measure the traits of pictures.

    Args:
        pictures: From 0 to 1, all of one size.

    Example:
        >>> picture_traits(torch.ones(2, 3, 64, 64))[0, :3]
        tensor([1., 0., 0.])
    """
    gray = pictures.mean(1)
    contrast = gray.flatten(1).std(1)
    scale = contrast + 0.02
    border = torch.cat(
        [gray[:, :4].flatten(1), gray[:, -4:].flatten(1), gray[:, :, :4].flatten(1), gray[:, :, -4:].flatten(1)], 1
    )
    steps = (gray[:, 1:] - gray[:, :-1]).abs().mean((1, 2)) + (gray[:, :, 1:] - gray[:, :, :-1]).abs().mean((1, 2))
    smooth = F.avg_pool2d(gray[:, None], 3, 1, 1, count_include_pad=False)[:, 0]
    away = (gray - border.mean(1)[:, None, None]).abs()
    axis = torch.linspace(-1, 1, gray.shape[1]).to(gray)
    radius = (axis[:, None].square() + axis.square()).sqrt()

    def difference(other: Tensor) -> Tensor:
        return (gray - other).abs().mean((1, 2)) / scale

    return torch.stack(
        [
            gray.mean((1, 2)),
            contrast,
            (pictures.amax(1) - pictures.amin(1)).mean((1, 2)),
            (pictures[:, 0] - pictures[:, 2]).mean((1, 2)),
            border.mean(1),
            border.std(1),
            steps / scale,
            (gray - smooth).abs().mean((1, 2)) / scale,
            difference(gray.flip(2)),
            difference(gray.flip(1)),
            difference(gray.rot90(1, (1, 2))),
            (gray < 0.03).to(gray).mean((1, 2)),
            (gray > 0.97).to(gray).mean((1, 2)),
            (away * radius).mean((1, 2)) / (away.mean((1, 2)) + 1e-3),
        ],
        1,
    )


def describe_task(
    traits: Float[Tensor, "b n p"], labels: Int[Tensor, "b n"], plain: Float[Tensor, "b 3"]
) -> Float[Tensor, "b t"]:
    """Describe tasks as a whole, in the order of `TASK_NAMES`.

    Args:
        traits: Traits of the pictures of each support.
        labels: Their classes.
        plain: Cross-validation without augmentation.
    """
    classes = F.one_hot(labels).to(traits)
    means = classes.mT @ traits / classes.sum(1)[..., None]
    total = traits.var(1, correction=0)
    # Part of the variance that lies between classes, over what chance would put there.
    n, ways = labels.shape[1], classes.shape[2]
    share = (
        (means.var(1, correction=0) / (total + 1e-6) - (ways - 1) / (n - 1)) if n > ways else torch.zeros_like(total)
    )
    shots = n / ways
    size = traits.new_tensor([ways / 10, log(shots) / 3, float(int(folds(labels).max()) > 0)])
    return torch.cat([traits.mean(1), share, size.expand(len(traits), -1), plain], 1)
