"""What the settings of every training loop have in common."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from manyshot.base import plain_numbers
from manyshot.base.seeds import check_seed


@dataclass(frozen=True, kw_only=True)
class LoopSettings(ABC):
    """Base of the settings of a training loop, which are given by name.

    Args:
        seed: Seed of the weights and of all draws.
        device: "cpu", "cuda", ...

    Raises:
        InputError: If a value is out of range.
    """

    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        plain_numbers(self)
        check_seed(self.seed)
        self.check()

    @abstractmethod
    def check(self) -> None:
        """Refuse values of a subclass that are out of range.

        Raises:
            InputError: For the first one.
        """
