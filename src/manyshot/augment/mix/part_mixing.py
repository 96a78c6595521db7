"""Two examples of several parts as one: how tensors, texts and masks are mixed by one weight."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from manyshot.tasks import Parts
from manyshot.tasks.items import floats


def mix_values(
    parts: Parts,
    labels: Float[Tensor, "n ways"],
    lam: Float[Tensor, " n"],
    other: Int[Tensor, " n"],
    text: Callable[[str, str, float], str],
) -> tuple[Parts, Float[Tensor, "n ways"]]:
    """Blend each example with another: all parts and the label by one weight.

    A part that only one of the two has is taken as it is.

    Args:
        parts: Parts of n examples; images and sounds become floats.
        labels: Class probabilities.
        lam: Weight of the example itself.
        other: Index of the other example.
        text: Function of both texts and the weight.

    Returns:
        Mixed parts and labels.
    """
    mixed = parts.with_values(floats)
    for name, value in mixed.values.items():
        mask = mixed.there[name]
        partner = mask[other.to(mask.device)]
        if isinstance(value, Tensor):
            weight = lam.to(value).clone()
            weight[(~partner).to(value.device)] = 1
            weight[(~mask).to(value.device)] = 0
            weight = weight.view(-1, *[1] * (value.ndim - 1))
            blended: Any = torch.lerp(value[other.to(value.device)], value, weight.expand_as(value))
        else:
            rows = zip(value, other.tolist(), lam.tolist(), mask.tolist(), partner.tolist(), strict=True)
            blended = [
                text(own, value[index], share) if has and had else (own if has else value[index])
                for own, index, share, has, had in rows
            ]
        mixed = mixed.replaced(name, blended, mask | partner)
    return mixed, torch.lerp(labels[other.to(labels.device)], labels, lam.to(labels)[:, None].expand_as(labels))


def choose_values(first: Bool[Tensor, " n"], otherwise: Any, value: Any) -> Any:  # noqa: ANN401 - tensors or lists
    """The rows of `value` where the mask is True, those of `otherwise` elsewhere.

    Example:
        >>> choose_values(torch.tensor([True, False]), ["a", "b"], ["c", "d"])
        ['c', 'b']
    """
    if isinstance(value, Tensor):
        return torch.where(first.to(value.device).view(-1, *[1] * (value.ndim - 1)), value, otherwise)
    return [new if yes else old for yes, old, new in zip(first.tolist(), otherwise, value, strict=True)]


def choose_parts(first: Bool[Tensor, " n"], otherwise: Parts, parts: Parts) -> Parts:
    """The examples of `parts` where the mask is True, those of `otherwise` elsewhere.

    Args:
        first: The mask.
        otherwise: n examples.
        parts: n examples of the same parts.
    """
    return otherwise.combined([parts], lambda both: choose_values(first, both[0], both[1]))
