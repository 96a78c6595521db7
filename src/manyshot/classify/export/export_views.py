"""Views of pictures in exported files: variants whose draws are the same for every picture."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from manyshot.augment import Params
from manyshot.augment.image.geometric.warp import Points, pixels
from manyshot.base.seeds import generator
from manyshot.classify.choose.candidates import Variants
from manyshot.classify.encode.encode_examples import plan_op
from manyshot.classify.encode.frozen_encoders import load_encoder
from manyshot.classify.examples.example_set import ExampleSet

if TYPE_CHECKING:
    from manyshot.augment.engine.fuse_ops import Fused

SEED = 0
"""Seed of the draws."""
TRIES = 100
"""Number of draws after which one is taken even if it leaves pictures in place."""
PROBE = 32
"""Height and width in pixels at which a draw is asked whether it leaves pictures in place."""

Draw = tuple[str, Params]
"""A plan, and its params of one picture."""


def are_exported(views: Variants) -> bool:
    """Whether a file can have these views: ops that move pixels, and resample a picture once.

    Args:
        views: Plans and their numbers of copies, as `Model.views`.

    Example:
        >>> are_exported((("affine", 2), ("flip", 1))), are_exported((("affine", 2), ("noise", 1)))
        (True, False)
    """
    return all(_resampling(plan) is not None for plan, _ in views)


def _resampling(plan: str) -> "Fused | None":
    """The pass in which all ops of a plan move pixels; None if there is another op or more than one pass."""
    from manyshot.augment.engine.compiled_pipeline import plan_passes  # it takes half a second to import
    from manyshot.augment.engine.fuse_ops import Fused

    flow = plan_passes(plan_op(plan), 3)
    alone = len(flow) == 1 and isinstance(flow[0], Fused) and flow[0] == Fused(warps=flow[0].warps)
    return cast("Fused", flow[0]) if alone else None


def fixed_draws(views: Variants) -> list[Draw]:
    """The draws of a file's views, which are the same in each file of the same views.

    A draw that leaves every pixel in place is passed over, since that view would be the picture itself once more.

    Args:
        views: Plans and their numbers of copies, which `are_exported`.

    Example:
        >>> fixed_draws((("flip", 1),))
        [('flip', {'0': {'flipped': tensor([True])}})]
    """
    return [(plan, params) for plan, copies in views for params in _moving_draws(plan, copies)]


def _moving_draws(plan: str, copies: int) -> list[Params]:
    still = pixels(torch.empty(1, 1, PROBE, PROBE))
    drawn: list[Params] = []
    for number in range(TRIES + copies):
        params = plan_op(plan).sample(1, generator(SEED, number))
        if number >= TRIES or not torch.allclose(points_of((plan, params), PROBE), still, atol=1e-6):
            drawn.append(params)
        if len(drawn) == copies:
            break
    return drawn


def points_of(draw: Draw, size: int) -> Points:
    """Where each pixel of a view is taken from, as coordinates `[1, size, size, 2]` from -1 to 1.

    Args:
        draw: A plan and its params.
        size: Height and width of the pictures in pixels.
    """
    from manyshot.augment.engine.geometry import map_back

    plan, params = draw
    fused = _resampling(plan)
    assert fused is not None
    return map_back(fused.warps, fused.padding_mode, params, pixels(torch.empty(1, 1, size, size)))


def padding_mode_of(draw: Draw) -> str:
    """What a view shows beyond the picture: zeros, border or reflection."""
    fused = _resampling(draw[0])
    assert fused is not None
    return fused.padding_mode


def encode_views(encoder: str, examples: ExampleSet, draws: Sequence[Draw]) -> Float32[Tensor, "n views d"]:
    """Features of pictures and of their views under fixed draws, as `Model.encode` computes those of its own draws.

    Args:
        encoder: Name of one frozen encoder.
        examples: Pictures.
        draws: One a view.

    Raises:
        InputError: If a picture is damaged.
    """
    from manyshot.augment.engine import Compiled

    loaded = load_encoder(encoder)
    images: UInt8[Tensor, "n 3 h w"] = examples.pictures(range(len(examples)), loaded.resolution)
    parts: list[Float[Tensor, "n d"]] = [loaded(images)]
    for plan, params in draws:
        changed = [Compiled(plan_op(plan)).apply(image[None], params) for image in images]
        parts.append(loaded(torch.cat(changed)))
    return torch.stack(parts, 1)
