"""The data that a generative model is built for."""

from dataclasses import dataclass

from manyshot.base import InputError

MAX_WIDTH = 4096
"""Upper bound of widths and noise dimensions that catches typos before memory is allocated."""


@dataclass(frozen=True)
class DataSpec:
    """Shape of the examples and number of classes that a generative model is built for.

    Args:
        shape: (channels, height, width) of square images, or (length,) of vectors.
        classes: Number of classes to train on.

    Raises:
        InputError: If the shape is neither.
    """

    shape: tuple[int, ...]
    classes: int = 1

    def __post_init__(self) -> None:
        images = len(self.shape) == 3 and self.shape[1] == self.shape[2]
        if not (images or len(self.shape) == 1) or min(self.shape) < 1:
            raise InputError(f"examples of shape {self.shape}: generative models take square images, or vectors")

    @property
    def is_image(self) -> bool:
        """Whether examples are images, with values from 0 to 1."""
        return len(self.shape) == 3

    def require_images(self, model: str) -> tuple[int, int]:
        """Number of channels and size, for models of images only.

        Args:
            model: Name of the model, for the error.

        Raises:
            InputError: If the examples are vectors.

        Example:
            >>> DataSpec((1, 28, 28)).require_images("dcgan")
            (1, 28)
        """
        if not self.is_image:
            raise InputError(
                f"{model} generates images, but these are vectors of {self.shape[0]} numbers; use gan or afhn"
            )
        return self.shape[0], self.shape[1]
