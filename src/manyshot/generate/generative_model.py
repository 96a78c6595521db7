"""Base class of generative models."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor, nn

from manyshot.base import InputError

Conditioning = Literal["nothing", "label", "item", "mean"]
"""What a model is conditioned on: nothing, a class number, another example of the class, or the mean of several."""

Code = tuple[Tensor, ...]
"""An encoded condition, tensors `[n, ...]`; interpolated codes of two classes give a class between them."""

BATCH_SIZE = 256
"""Number of examples that are sampled at once."""


@dataclass(frozen=True, eq=False)
class Condition:
    """Conditions of n examples to generate.

    Args:
        label: Class of each, by its number among those that the model was trained on.
        like: `[n, ...]` given example of the class of each, or the mean of several.
    """

    label: Int[Tensor, " n"] | None = None
    like: Float[Tensor, "n ..."] | None = None

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> "Condition":
        """Move the condition to a device, and given examples to a floating-point type if one is named."""
        label = None if self.label is None else self.label.to(device)
        return Condition(label, None if self.like is None else self.like.to(device, dtype))

    def __getitem__(self, rows: slice | Tensor) -> "Condition":
        """Select some of the n conditions."""
        return Condition(
            None if self.label is None else self.label[rows], None if self.like is None else self.like[rows]
        )


class GenerativeModel(nn.Module, ABC):
    """Generates examples from noise z ~ N(0, I) and a condition: x = decode(z, code(condition)).

    Images have values from 0 to 1; vectors have any. In evaluation mode no example depends on another one of the batch.

    Args:
        shape: Shape of an example: (channels, height, width), or (length,).
        noise: Dimension of z.
        classes: Number of classes of a class-conditional model; else 0.
    """

    conditioning: ClassVar[Conditioning] = "nothing"
    """What the model is conditioned on."""

    def __init__(self, shape: tuple[int, ...], noise: int, classes: int = 0) -> None:
        super().__init__()
        self.shape, self.noise, self.classes = shape, noise, classes

    @abstractmethod
    def code(self, condition: Condition) -> Code:
        """Encode a condition; an empty tuple for unconditional models."""

    @abstractmethod
    def decode(self, noise: Float[Tensor, "n z"], code: Code) -> Float[Tensor, "n ..."]:
        """Generate examples from noise and encoded conditions."""

    def forward(self, noise: Float[Tensor, "n z"], condition: Condition) -> Float[Tensor, "n ..."]:
        """Generate examples from noise and conditions; differentiable in both."""
        return self.decode(noise, self.code(condition))

    def sample(
        self,
        n: int,
        *,
        label: Int[Tensor, " n"] | None = None,
        like: Float[Tensor, "n ..."] | None = None,
        generator: Generator,
    ) -> Float[Tensor, "n ..."]:
        """Generate n examples.

        Args:
            n: Number of examples.
            label: Class of each, for class-conditional models.
            like: Given example of the class of each (or the mean of some), for models that are conditioned on examples.
            generator: Random generator of the noise; the same state gives the same examples.

        Raises:
            InputError: If the condition is missing, or does not fit the model.

        Example:
            >>> from manyshot.generate import DataSpec, MODELS
            >>> objective = MODELS.parse("gan(width=16)").build(spec=DataSpec(shape=(1, 8, 8)))
            >>> objective.averaged.sample(5, generator=torch.Generator().manual_seed(0)).shape
            torch.Size([5, 1, 8, 8])
        """
        self.check(Condition(label, like), n)
        weight = next(self.parameters())
        noise = torch.randn(n, self.noise, generator=generator).to(weight)
        condition = Condition(label, like).to(weight.device, weight.dtype)
        parts = [self(noise[i : i + BATCH_SIZE], condition[i : i + BATCH_SIZE]) for i in range(0, n, BATCH_SIZE)]
        return torch.cat(parts) if parts else noise.new_zeros(0, *self.shape)

    def check(self, condition: Condition, n: int) -> None:
        """Make sure that a condition fits the model and is given for n examples.

        Args:
            condition: Condition to check.
            n: Number of examples to generate.

        Raises:
            InputError: If the condition does not fit.
        """
        label, like = condition.label, condition.like
        fits = {"label": label is not None, "item": like is not None, "mean": like is not None, "nothing": True}
        if not fits[self.conditioning]:
            asked = "label= (class numbers)" if self.conditioning == "label" else "like= (examples of the classes)"
            raise InputError(f"this model is conditional: give {asked}")
        if (label is not None and self.conditioning != "label") or (
            like is not None and self.conditioning in ("nothing", "label")
        ):
            given = "like" if label is None else "label"
            raise InputError(f"this model is conditioned on {_CONDITIONS[self.conditioning]}; leave {given} out")
        if label is not None and (
            len(label) != n or (n and not 0 <= int(label.min()) <= int(label.max()) < self.classes)
        ):
            raise InputError(f"label: give {n} class numbers from 0 to {self.classes - 1}, one per example")
        if like is not None and tuple(like.shape) != (n, *self.shape):
            wanted, shape = _times(self.shape), _times(like.shape[1:])
            raise InputError(f"like: examples of {shape}, but the model takes {wanted}; load them at that size")


_CONDITIONS = {
    "nothing": "nothing",
    "label": "a class number",
    "item": "an example of the class",
    "mean": "the mean of examples of the class",
}


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def interpolate_codes(code: Code, other: Code, weight: Float[Tensor, " n"]) -> Code:
    """Interpolate codes, weight * code + (1 - weight) * other, for a class between two classes.

    Example:
        >>> interpolate_codes((torch.ones(1, 2),), (torch.zeros(1, 2),), torch.tensor([0.25]))
        (tensor([[0.2500, 0.2500]]),)
    """
    return tuple(torch.lerp(b, a, weight.to(a).view(-1, *[1] * (a.ndim - 1))) for a, b in zip(code, other, strict=True))
