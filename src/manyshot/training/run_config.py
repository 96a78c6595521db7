"""Settings of a run, as plain data."""

from dataclasses import dataclass, field, replace

from manyshot.augment import Plan
from manyshot.base import InputError, did_you_mean, is_whole, plain_numbers
from manyshot.datasets import Columns
from manyshot.datasets.data_settings import DataSettings
from manyshot.datasets.window import parse_window
from manyshot.learners import LEARNERS
from manyshot.nets import ENCODERS
from manyshot.objectives import OBJECTIVES
from manyshot.training.fit_settings import Settings

Range = int | tuple[int, int]

PEOPLE = ("author", "patient")
"""Two words for one unit: those whose examples they are."""
SPLIT_UNITS = ("class", "group", "item", *PEOPLE)
MOST = 10_000
"""Upper bound of ways, shots and queries; catches typos before they exhaust the memory."""


@dataclass(frozen=True)
class Config(DataSettings):
    """Settings of a run: data, learner, tasks, augmentation and training loop; stored in its `config.json`.

    Args:
        data: Name of a data set, or path of an image folder or of a table or folder of sentences.
        split: Part of the data set; its first one if None.
        root: Folder of the data set's official files; the usual places if None.
        size: Height and width of the images, in pixels; the data set's own if None.
        centered: Whether drawings are centered and scaled to one size, in training and later.
        text_column: Column of the sentences in a table; recognized by common names if None.
        label_column: Column of the classes in a table; recognized by common names if None.
        encoding: Encoding of a table, such as "gb18030"; UTF-8 if None.
        parts: Columns of a table that are parts of an example, see `manyshot.datasets.Columns`.
        learner: Learner with its options, such as "prototypes" or "maml(inner_steps=5)".
        objective: Objective that training minimizes, such as "plain" or "maxup(4)".
        encoder: Encoder with its options, such as "conv4" or "conv4(64, 64, 128, 128)".
        ways: Number of classes per training task, or a range (least, most).
        shots: Number of support examples per class, or a range.
        queries: Number of query examples per class.
        within_group: Probability that all classes of a training task come from one group.
        classes: Number of training classes, drawn by the seed; a smaller number draws a subset of a larger one. All
            classes if None.
        plan: Augmentation of the training tasks.
        test_plan: Augmentation at test time: additional shots, and variants of each query to average over.
        validation: Fraction of the classes that is held out to select the best weights; 0 for none.
        test: Fraction that is held out for testing; 0 for none.
        augmenter: Fraction that is held out to train an augmenter on later, since classes that the learner was trained
            on teach it nothing; 0 for none.
        split_by: Unit of the held-out parts: classes ("class"), whole groups ("group"), examples of every class
            ("item"), or the people behind the examples ("author", "patient"); support and query of a task then share
            none of them.
        group_by: Regular expression on the path of an image that finds whose it is, such as "(patient[0-9]+)".
        window: Which gray values of a folder of images become black and white, such as "percentile(0.5, 99.5)" or
            "lung"; the range of the bits that they use if None.
        fit: Settings of the training loop.

    Raises:
        InputError: If a value is out of range, or a name is unknown.
    """

    described = "a run's settings"

    text_column: str | None = None
    label_column: str | None = None
    encoding: str | None = None
    parts: str | None = None
    learner: str = "prototypes"
    objective: str = "plain"
    encoder: str = "conv4"
    ways: Range = 5
    shots: Range = 1
    queries: int = 5
    within_group: float = 0.0
    classes: int | None = None
    plan: str = "none"
    test_plan: str = "none"
    validation: float = 0.2
    test: float = 0.0
    augmenter: float = 0.0
    split_by: str = "class"
    group_by: str | None = None
    window: str | None = None
    fit: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        plain_numbers(self)
        fractions = (self.validation, self.test, self.augmenter)
        if not (min(fractions) >= 0 and sum(fractions) < 1):
            raise InputError(
                f"validation={self.validation}, test={self.test}, augmenter={self.augmenter}: give fractions of at "
                "least 0 that leave something to train on"
            )
        if self.split_by not in SPLIT_UNITS:
            raise InputError(f"split_by='{self.split_by}': {did_you_mean(self.split_by, SPLIT_UNITS)}")
        for name in ("ways", "shots", "queries"):
            value = getattr(self, name)
            numbers = value if isinstance(value, tuple) and len(value) == 2 and name != "queries" else (value,)
            if not all(is_whole(number) and 1 <= number <= MOST for number in numbers):
                raise InputError(
                    f"{name}={value}: give a whole number from 1 to {MOST:,}, or for ways and shots a range "
                    "(least, most)"
                )
        if self.classes is not None and not (is_whole(self.classes) and self.classes >= 2):
            raise InputError(f"classes={self.classes}: give a whole number, at least 2, or leave it out for all")
        if self.window is not None:
            parse_window(self.window)
        Plan(self.plan)
        Plan(self.test_plan).check_test_time("test plan")
        OBJECTIVES.parse(self.objective)
        LEARNERS.parse(self.learner)
        ENCODERS.parse(self.encoder)

    @property
    def disjoint_authors(self) -> bool:
        """Whether support and query of a task share no author: if the parts do not."""
        return self.split_by in PEOPLE

    @property
    def columns(self) -> Columns | None:
        """Columns and encoding of a table; None if no setting names them, as for images."""
        if (self.text_column, self.label_column, self.encoding, self.parts) == (None, None, None, None):
            return None
        return Columns(self.text_column, self.label_column, self.encoding or "utf-8", parts=self.parts)

    @property
    def most_ways(self) -> int:
        """Largest number of classes of a training task."""
        return self.ways if isinstance(self.ways, int) else self.ways[1]

    def with_seed(self, seed: int) -> "Config":
        """The same settings with another seed."""
        return replace(self, fit=replace(self.fit, seed=seed))
