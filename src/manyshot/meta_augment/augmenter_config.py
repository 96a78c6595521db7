"""Settings of the training of an augmenter, as plain data."""

from dataclasses import dataclass, field, replace

from manyshot.base import InputError, is_whole, plain_numbers
from manyshot.learners import LEARNERS
from manyshot.meta_augment import AUGMENTERS
from manyshot.meta_augment.augmenter_gradient import ESTIMATORS
from manyshot.runtime.stored_settings import StoredSettings, absolute_path
from manyshot.training.fit_settings import Settings
from manyshot.training.run_config import MOST, Range

MOST_COPIES = 1024


@dataclass(frozen=True)
class AugmenterConfig(StoredSettings):
    """Settings of the training of an augmenter, stored in its run's `config.json`.

    Args:
        learner: Folder of the learner's run, or, for joint training, of an augmenter's run.
        augmenter: Augmenter with its options, such as "hallucinator(noise=16)"; for joint training, that of the run.
        head: Learner that adapts on the features of the learner's encoder, such as "ridge(penalty=0.1)"; the learner
            as it was trained if None.
        gradient: Estimator of the augmenter's gradient, such as "exact" or "implicit(terms=10)".
        copies: Number of generated examples per support example.
        ways: Number of classes per training task, or a range (least, most).
        shots: Number of support examples per class, or a range.
        queries: Number of query examples per class; they are never augmented.
        within_group: Probability that all classes of a training task come from one group.
        about: Table of what is said of each class (columns class and about), for an augmenter that reads it; their
            names if None.
        joint: Whether to train the learner as well.
        fit: Settings of the training loop.

    Raises:
        InputError: If a value is out of range, or a name is unknown.

    Example:
        >>> AugmenterConfig("runs/letters", copies=8).augmenter
        'hallucinator'
    """

    described = "an augmenter's settings"

    learner: str
    augmenter: str = "hallucinator"
    head: str | None = None
    gradient: str = "exact"
    copies: int = 4
    ways: Range = 5
    shots: Range = (1, 5)
    queries: int = 10
    within_group: float = 0.0
    about: str | None = None
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

    def with_absolute_paths(self) -> "AugmenterConfig":
        """The settings with the absolute paths of the learner's run and of the table of texts."""
        about = None if self.about is None else absolute_path(self.about)
        return replace(self, learner=absolute_path(self.learner), about=about)
