"""Everything that a run is made from, as plain data."""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from manyshot.augment import Plan
from manyshot.base import InputError, did_you_mean, is_whole, plain_numbers
from manyshot.datasets import DATASETS, Columns
from manyshot.learners import LEARNERS
from manyshot.nets import ENCODERS
from manyshot.objectives import OBJECTIVES
from manyshot.runtime.read_settings import read_settings
from manyshot.training.settings import Settings

Range = int | tuple[int, int]

MOST = 10_000
"""Of ways, of shots and of queries, so that a slip of the keyboard is told and does not eat the memory."""


@dataclass(frozen=True)
class Config:
    """What a run was trained on and how; its folder's `config.json`.

    Args:
        data: name of a data set, or path of an image folder or of a table or folder of sentences.
        split: part of the data set; its first one if None.
        root: folder of the data set's official files, if not the usual places.
        size: height and width of the images, in pixels; the data set's own if None.
        centered: drawings moved to the middle and brought to one size, when trained on and when used.
        text_column: of a table of sentences; found by its usual names if None.
        label_column: the column of the classes; likewise.
        encoding: of a table of sentences, such as "gb18030"; UTF-8 if None.
        learner: such as "prototypes" or "maml(steps=5)".
        objective: what training minimises, such as "plain" or "maxup(4)".
        encoder: such as "conv4" or "conv4(64, 64, 128, 128)".
        ways: classes a training task, or a range (least, most).
        shots: support items a class, or a range.
        queries: query items a class.
        within_group: share of the training tasks whose classes come from one group.
        classes: train on so many classes alone, drawn by the seed; fewer are always among more. All if None.
        plan: augmentation of the training tasks.
        test_plan: augmentation at use time: extra shots, and variants of a query to average over.
        validation: share of the classes that is held out to choose the best weights by; 0 for none.
        test: share that is set aside to judge by, and never trained or chosen on; 0 for none.
        augmenter: share that is set aside for an augmenter to learn from later, since on classes that the learner knows
            there is nothing for it to learn; 0 for none.
        split_by: what is held out: classes ("class"), whole groups ("group"), or items of every class ("item").
        fit: steps, rates and the like.

    Raises:
        InputError: if a value is out of range, or a name unknown.
    """

    data: str
    split: str | None = None
    root: str | None = None
    size: int | None = None
    centered: bool = False
    text_column: str | None = None
    label_column: str | None = None
    encoding: str | None = None
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
    fit: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        plain_numbers(self)
        shares = (self.validation, self.test, self.augmenter)
        if not (min(shares) >= 0 and sum(shares) < 1):
            raise InputError(
                f"validation={self.validation}, test={self.test}, augmenter={self.augmenter}: give shares of at least "
                "0 that leave something to train on"
            )
        if self.split_by not in ("class", "group", "item"):
            raise InputError(f"split_by='{self.split_by}': {did_you_mean(self.split_by, ['class', 'group', 'item'])}")
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
        Plan(self.plan)
        Plan(self.test_plan).check_use("test plan")
        OBJECTIVES.parse(self.objective)
        LEARNERS.parse(self.learner)
        ENCODERS.parse(self.encoder)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any], where: str) -> "Config":
        """Read back what `as_dict` gave.

        Args:
            values: from JSON.
            where: named in errors.

        Raises:
            InputError: if a name is unknown or a value of the wrong kind.

        Example:
            >>> config = Config("digits", ways=(3, 5))
            >>> Config.from_dict(config.as_dict(), "here") == config
            True
        """
        return read_settings(cls, values, where, "a run's settings")

    @property
    def columns(self) -> Columns | None:
        """How a table of sentences is read; None where nothing is said of it, as for pictures."""
        if (self.text_column, self.label_column, self.encoding) == (None, None, None):
            return None
        return Columns(self.text_column, self.label_column, self.encoding or "utf-8")

    @property
    def most_ways(self) -> int:
        """The largest number of classes of a training task."""
        return self.ways if isinstance(self.ways, int) else self.ways[1]

    def with_absolute_paths(self) -> "Config":
        """The same with full paths, so that a run can be used from any folder.

        Example:
            >>> Config("digits").with_absolute_paths().data
            'digits'
        """
        root = None if self.root is None else str(Path(self.root).expanduser().resolve())
        path = Path(self.data).expanduser()
        named = self.data in DATASETS or not path.exists()  # a path may also be meant to lie below the root
        return replace(self, root=root, data=self.data if named else str(path.resolve()))

    def with_seed(self, seed: int) -> "Config":
        """The same with another seed."""
        return replace(self, fit=replace(self.fit, seed=seed))
