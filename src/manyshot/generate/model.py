"""What every generative model of items is."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor, nn

from manyshot.base import InputError

Conditioning = Literal["nothing", "label", "item", "mean"]
"""What a model is told: nothing, a class by its number, another item of the class, or the mean of some of its items."""

Code = tuple[Tensor, ...]
"""What a condition comes to inside of a model, `[n, ...]` each; codes of two classes can be mixed into one between."""

BATCH = 256


@dataclass(frozen=True, eq=False)
class Condition:
    """What is asked of a model, for n items.

    Args:
        label: the class of each, by its number among those that the model was trained on.
        like: `[n, ...]` an item of each one's class, or the mean of several.
    """

    label: Int[Tensor, " n"] | None = None
    like: Float[Tensor, "n ..."] | None = None

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> "Condition":
        """The same on a device, items in a floating type if one is named."""
        label = None if self.label is None else self.label.to(device)
        return Condition(label, None if self.like is None else self.like.to(device, dtype))

    def __getitem__(self, rows: slice | Tensor) -> "Condition":
        """Some of the n."""
        return Condition(
            None if self.label is None else self.label[rows], None if self.like is None else self.like[rows]
        )


class GenerativeModel(nn.Module, ABC):
    """Makes items of noise, z ~ N(0, I), and of what it is told about their class.

    item = decode(z, code(condition)). Images have values from 0 to 1; vectors have any. No item depends on another one
    of the batch once the model is in evaluation mode.

    Args:
        shape: of an item: (channels, height, width), or (length,).
        noise: how many numbers z has.
        classes: how many classes it knows by number; 0 for models that are told no number.
    """

    wants: ClassVar[Conditioning] = "nothing"

    def __init__(self, shape: tuple[int, ...], noise: int, classes: int = 0) -> None:
        super().__init__()
        self.shape, self.noise, self.classes = shape, noise, classes

    @abstractmethod
    def code(self, condition: Condition) -> Code:
        """What the condition comes to; empty where the model wants nothing."""

    @abstractmethod
    def decode(self, noise: Float[Tensor, "n z"], code: Code) -> Float[Tensor, "n ..."]:
        """Items from noise and codes."""

    def forward(self, noise: Float[Tensor, "n z"], condition: Condition) -> Float[Tensor, "n ..."]:
        """Items from noise and conditions; differentiable in both."""
        return self.decode(noise, self.code(condition))

    def sample(
        self,
        n: int,
        *,
        label: Int[Tensor, " n"] | None = None,
        like: Float[Tensor, "n ..."] | None = None,
        generator: Generator,
    ) -> Float[Tensor, "n ..."]:
        """Make n items.

        Args:
            n: how many.
            label: the class of each, for models that want one.
            like: an item of each one's class (or the mean of some), for models that want one.
            generator: of the noise; the same state gives the same items.

        Raises:
            InputError: if what the model wants is missing, or does not fit it.

        Example:
            >>> from manyshot.generate import Kind, parse_model
            >>> game = parse_model("gan(width=16)").make(Kind(shape=(1, 8, 8)))
            >>> game.averaged.sample(5, generator=torch.Generator().manual_seed(0)).shape
            torch.Size([5, 1, 8, 8])
        """
        self.check(Condition(label, like), n)
        weight = next(self.parameters())
        noise = torch.randn(n, self.noise, generator=generator).to(weight)
        condition = Condition(label, like).to(weight.device, weight.dtype)
        parts = [self(noise[i : i + BATCH], condition[i : i + BATCH]) for i in range(0, n, BATCH)]
        return torch.cat(parts) if parts else noise.new_zeros(0, *self.shape)

    def check(self, condition: Condition, n: int) -> None:
        """Make sure that a condition is what the model wants, for n items.

        Raises:
            InputError: if not.
        """
        label, like = condition.label, condition.like
        given = {"label": label is not None, "item": like is not None, "mean": like is not None, "nothing": True}
        if not given[self.wants]:
            asked = "label= (a class by its number)" if self.wants == "label" else "like= (items of the classes)"
            raise InputError(f"this model makes items of a class: give {asked}")
        if (label is not None and self.wants != "label") or (like is not None and self.wants in ("nothing", "label")):
            raise InputError(
                f"this model is told {_TOLD[self.wants]}; leave {'like' if label is None else 'label'} out"
            )
        if label is not None and (
            len(label) != n or (n and not 0 <= int(label.min()) <= int(label.max()) < self.classes)
        ):
            raise InputError(f"label: give {n} numbers from 0 to {self.classes - 1}, one an item")
        if like is not None and tuple(like.shape) != (n, *self.shape):
            raise InputError(
                f"items of {_times(like.shape[1:])} given to a model of {_times(self.shape)}; load them at that size"
            )


_TOLD = {
    "nothing": "nothing",
    "label": "a class by its number",
    "item": "an item of the class",
    "mean": "the mean of items of the class",
}


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def mixed_code(code: Code, other: Code, share: Float[Tensor, " n"]) -> Code:
    """Codes share * code + (1 - share) * other: what makes items of a class between two classes.

    Example:
        >>> mixed_code((torch.ones(1, 2),), (torch.zeros(1, 2),), torch.tensor([0.25]))
        (tensor([[0.2500, 0.2500]]),)
    """
    return tuple(torch.lerp(b, a, share.to(a).view(-1, *[1] * (a.ndim - 1))) for a, b in zip(code, other, strict=True))
