"""The base class of mixes: ops that blend each item with others and change its label accordingly."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from manyshot.augment.image.image_op import as_given, check_images, to_floats
from manyshot.augment.mix.part_mixing import choose_parts
from manyshot.augment.mix.partners import partners_of
from manyshot.augment.ops.op import Params, check_number, fresh_generator
from manyshot.base import InputError
from manyshot.tasks import Parts
from manyshot.tasks.items import floats

Images = Float[Tensor, "n ..."]
"""Images `[n, c, h, w]`, or any tensors for mixes that take vectors."""
Labels = Float[Tensor, "n ways"]
"""Class probabilities of n items."""
Partners = Int[Tensor, "n others"]
"""Indices of the items that are mixed into each item."""
Mixed = tuple[Images, Labels]
"""Mixed items and their labels."""


class Mix(ABC):
    """An op that mixes each item with others of its batch, and its label with theirs."""

    within_class: ClassVar[bool] = False
    """Whether only examples of one class of a task are mixed."""

    @property
    def takes_vectors(self) -> bool:
        """Whether items may be tensors of any shape, such as vectors of features, and not only images."""
        return False

    @abstractmethod
    def sample(self, n: int, generator: Generator) -> Params:
        """Draw the params of n items, among them `partner [n, others]`, which `partners_of` resolves."""

    def check(self, images: Any) -> None:  # noqa: ANN401 - whatever a caller has
        """Refuse images that the mix cannot mix.

        Raises:
            InputError: Naming the mix, what is wrong, and the remedy.
        """
        if not self.takes_vectors:
            check_images(self, images)
        elif not (isinstance(images, Tensor) and (images.is_floating_point() or images.dtype == torch.uint8)):
            what = str(images.dtype) if isinstance(images, Tensor) else type(images).__name__
            raise InputError(f"{type(self).__name__}: {what}: give a tensor of floats, or images of uint8")

    def __call__(self, images: Tensor, labels: Tensor, generator: Generator | None = None) -> tuple[Tensor, Labels]:
        """Draw params and mix the items of a batch with each other, each by its own draw.

        Args:
            images: Images `[n, c, h, w]`, floats from 0 to 1 or uint8; or vectors `[n, d]`, if the mix takes them.
            labels: Class probabilities or one-hot rows, `[n, ways]`.
            generator: Random numbers for the draws, on the CPU; None to follow `torch.manual_seed`.

        Returns:
            Mixed images of the same type, and soft labels.

        Raises:
            InputError: For images that cannot be mixed, or labels that are not such rows.
        """
        self.check(images)
        if labels.ndim != 2 or not labels.is_floating_point():
            shape = f"{str(labels.dtype).removeprefix('torch.')} of shape {list(labels.shape)}"
            raise InputError(
                f"{type(self).__name__}: labels of {shape}: give a row of class probabilities for each item, such as "
                "torch.nn.functional.one_hot(labels, classes).float()"
            )
        params = self.sample(len(images), generator or fresh_generator())
        partners = partners_of(params["partner"], torch.zeros(len(images), dtype=torch.long))
        return self.apply(images, labels, params, partners)

    def apply(self, images: Tensor, labels: Labels, params: Params, partners: Partners) -> tuple[Tensor, Labels]:
        """Mix each image with its partners, and the labels by the weight that each has in the result.

        Args:
            images: Images `[n, c, h, w]`, floats from 0 to 1 or uint8; or any tensors, if the mix takes vectors.
            labels: Class probabilities or one-hot rows.
            params: Params of n items.
            partners: Indices of the items that are mixed into each item.

        Raises:
            InputError: For images that cannot be mixed.
        """
        self.check(images)
        mixed, soft = self.change(to_floats(images), labels, params, partners)
        return as_given(mixed, images), soft

    def mix_parts(self, parts: Parts, labels: Labels, params: Params, partners: Partners) -> tuple[Parts, Labels]:
        """Mix examples of several parts, all parts by one draw.

        Args:
            parts: Parts of n examples.
            labels: Class probabilities.
            params: Params of n examples.
            partners: Indices of the examples that are mixed into each.

        Raises:
            InputError: If the mix mixes images alone.
        """
        raise InputError(
            f"{type(self).__name__}: mixes pictures alone, and these examples have several parts; write mixup or mixgen"
        )

    @abstractmethod
    def change(self, images: Images, labels: Labels, params: Params, partners: Partners) -> Mixed:
        """Mix images of float32 or float64, and labels."""


@dataclass(frozen=True)
class SometimesMix(Mix):
    """Mix each item with probability p.

    Args:
        mix: The mix to apply.
        p: Probability that an item is mixed.

    Raises:
        InputError: For a p outside 0 to 1.

    Example:
        >>> from manyshot.augment.mix.cutmix import CutMix
        >>> op = SometimesMix(CutMix(), p=0.5)
        >>> list(op.sample(8, torch.Generator().manual_seed(0)))
        ['on', 'inner', 'partner']
    """

    mix: Mix
    p: float = 0.5

    def __post_init__(self) -> None:
        check_number(self, "p", high=1)

    @property
    def takes_vectors(self) -> bool:
        """Whether the mix takes vectors."""
        return self.mix.takes_vectors

    @property
    def within_class(self) -> bool:  # type: ignore[override] # that of the mix it holds
        """Whether the mix mixes examples of one class alone."""
        return self.mix.within_class

    def check(self, images: Any) -> None:  # noqa: ANN401 - whatever a caller has
        """Refuse images that the mix cannot mix."""
        self.mix.check(images)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `on [n]`, booleans, the mix's params of all items under `inner`, and their `partner`."""
        on = torch.rand(n, generator=generator) < self.p
        inner = self.mix.sample(n, generator)
        return {"on": on, "inner": inner, "partner": inner["partner"]}

    def change(self, images: Images, labels: Labels, params: Params, partners: Partners) -> Mixed:
        """Mix the chosen items; differentiable where the mix is."""
        mixed, soft = self.mix.change(images, labels, params["inner"], partners)
        on = params["on"].to(images.device)
        mask = on.view(-1, *[1] * (images.ndim - 1))
        return torch.where(mask, mixed, images), torch.where(on[:, None], soft, labels)

    def mix_parts(self, parts: Parts, labels: Labels, params: Params, partners: Partners) -> tuple[Parts, Labels]:
        """Mix the chosen examples of several parts."""
        mixed, soft = self.mix.mix_parts(parts, labels, params["inner"], partners)
        on = params["on"]
        return choose_parts(on, parts.with_values(floats), mixed), torch.where(
            on.to(labels.device)[:, None], soft, labels
        )
