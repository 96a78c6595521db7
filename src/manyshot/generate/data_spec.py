"""What a model is built for, and what options of any model are."""

from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from manyshot.augment.ops.op import check_choice
from manyshot.base import InputError
from manyshot.generate.adversarial_objective import PENALTY_WEIGHTS
from manyshot.generate.generator_objective import GeneratorObjective
from manyshot.generate.losses import LOSSES
from manyshot.generate.model import Conditioning

MOST = 4096
"""Of a width or of noise, so that a slip of the keyboard is told and does not eat the memory."""


@dataclass(frozen=True)
class DataSpec:
    """The kind of data that a model is built for.

    Args:
        shape: of an item: (channels, height, width) of square pictures, or (length,) of vectors.
        classes: how many classes there are to train on.

    Raises:
        InputError: if the shape is neither.
    """

    shape: tuple[int, ...]
    classes: int = 1

    def __post_init__(self) -> None:
        pictures = len(self.shape) == 3 and self.shape[1] == self.shape[2]
        if not (pictures or len(self.shape) == 1) or min(self.shape) < 1:
            raise InputError(f"items of shape {self.shape}: generative models take square pictures, or vectors")

    @property
    def is_picture(self) -> bool:
        """Whether items are pictures, with values from 0 to 1."""
        return len(self.shape) == 3

    def require_pictures(self, model: str) -> tuple[int, int]:
        """Channels and size, for models that make pictures alone.

        Raises:
            InputError: if the items are vectors.

        Example:
            >>> DataSpec((1, 28, 28)).require_pictures("dcgan")
            (1, 28)
        """
        if not self.is_picture:
            raise InputError(
                f"{model} makes pictures, and these are vectors of {self.shape[0]} numbers; use gan or afhn"
            )
        return self.shape[0], self.shape[1]


@runtime_checkable
class ModelOptions(Protocol):
    """The options of a model; makes what trains it once the data are known."""

    conditioning: ClassVar[Conditioning]
    """What the model is told."""
    has_discriminator: ClassVar[bool]
    """Whether a discriminator takes part."""

    def make(self, kind: DataSpec) -> GeneratorObjective:
        """Build the generator, and what teaches it, for this kind of data."""
        ...


def check_game(options: object) -> None:
    """Check the fields `loss` and `penalty` of a model's options.

    Raises:
        InputError: naming the value and the nearest choice.
    """
    check_choice(options, "loss", LOSSES)
    check_choice(options, "penalty", PENALTY_WEIGHTS)
