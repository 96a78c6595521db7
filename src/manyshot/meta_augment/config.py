"""Everything that the training of an augmenter is made from, as plain data."""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from manyshot.base import InputError, is_whole, plain_numbers
from manyshot.learners import LEARNERS
from manyshot.meta_augment import AUGMENTERS
from manyshot.meta_augment.gradients import ESTIMATORS
from manyshot.runtime.read_settings import read_settings
from manyshot.training.config import MOST, Range
from manyshot.training.settings import Settings

MOST_COPIES = 1024


@dataclass(frozen=True)
class AugmenterConfig:
    """What an augmenter was trained for and how; its folder's `config.json`.

    Args:
        learner: folder of the learner's run; of an augmenter's run, where both are trained further.
        augmenter: such as "hallucinator(noise=16)"; that of the run where it is trained further.
        head: how the learner's weights are used, such as "ridge(penalty=0.1)"; as they were trained if None.
        gradient: how the augmenter gets its gradient, such as "exact" or "implicit(terms=10)".
        copies: made items of each support item.
        ways: classes a training task, or a range (least, most).
        shots: support items a class, or a range.
        queries: query items a class; they stay clean.
        within_group: share of the training tasks whose classes come from one group.
        joint: train the learner as well.
        fit: steps, rates and the like.

    Raises:
        InputError: if a value is out of range, or a name unknown.

    Example:
        >>> AugmenterConfig("runs/letters", copies=8).augmenter
        'hallucinator'
    """

    learner: str
    augmenter: str = "hallucinator"
    head: str | None = None
    gradient: str = "exact"
    copies: int = 4
    ways: Range = 5
    shots: Range = (1, 5)
    queries: int = 10
    within_group: float = 0.0
    joint: bool = False
    fit: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        plain_numbers(self)
        if not (is_whole(self.copies) and 1 <= self.copies <= MOST_COPIES):
            raise InputError(f"copies={self.copies}: give a whole number from 1 to {MOST_COPIES}")
        for name in ("ways", "shots", "queries"):
            value = getattr(self, name)
            if not all(1 <= number <= MOST for number in (value if isinstance(value, tuple) else (value,))):
                raise InputError(f"{name}={value}: give a whole number from 1 to {MOST:,}, or a range (least, most)")
        AUGMENTERS.parse(self.augmenter)
        ESTIMATORS.parse(self.gradient).build()
        if self.head is not None:
            LEARNERS.parse(self.head)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Any, where: str) -> "AugmenterConfig":  # noqa: ANN401 - from a file
        """Read back what `as_dict` gave.

        Args:
            values: from JSON.
            where: named in errors.

        Raises:
            InputError: if a name is unknown or a value of the wrong kind.

        Example:
            >>> config = AugmenterConfig("runs/letters", ways=(3, 5))
            >>> AugmenterConfig.from_dict(config.as_dict(), "here") == config
            True
        """
        return read_settings(cls, values, where, "an augmenter's settings")

    def with_absolute_paths(self) -> "AugmenterConfig":
        """The same with the full path of the learner's run."""
        return replace(self, learner=str(Path(self.learner).expanduser().resolve()))
