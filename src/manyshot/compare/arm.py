"""An arm of a comparison: its settings for training and for testing."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.base.arm_text import read_settings, split_arm
from manyshot.training.run_config import Config

SETTINGS: dict[str, Callable[[str], Any]] = {
    "learner": str,
    "objective": str,
    "encoder": str,
    "within_group": float,
    "learning_rate": float,
}
"""Settings that an arm may have besides its plans, with their types; named like the options of `manyshot train`."""


@dataclass(frozen=True)
class Arm:
    """One arm of a comparison: a way to train, and a way to use the trained weights.

    Args:
        name: Name of the arm in tables.
        plan: Augmentation of the training tasks.
        test_plan: Augmentation at test time.
        settings: Names and values, as text, of settings that replace those of the comparison.
        test_learner: Learner that uses the weights at test time, such as "prototypes(nearest)"; the trained one if
            None.
        test_augmenter: Folder of the run of the augmenter that the word `learned` of the test plan stands for.

    Raises:
        InputError: If a plan, a setting or a learner cannot be used.

    Example:
        >>> arm = Arm.parse("wide = support: affine(30) => shots: 8 x affine(30) | learner=ridge")
        >>> arm.name, arm.plan, arm.test_plan, arm.test_learner
        ('wide', 'support: affine(30)', 'shots: 8 x affine(30)', 'ridge')
        >>> Arm.parse("handwriting").name
        'handwriting'
        >>> Arm.parse("maml = none | learner=maml(steps=5) | learning_rate=1e-3").settings
        (('learner', 'maml(steps=5)'), ('learning_rate', '1e-3'))
    """

    name: str
    plan: str
    test_plan: str = "none"
    settings: tuple[tuple[str, str], ...] = ()
    test_learner: str | None = None
    test_augmenter: str | None = None

    def __post_init__(self) -> None:
        config = self.configure(Config("digits"))
        needs = Plan(self.test_plan).needs_augmenter
        if needs != (self.test_augmenter is not None):
            raise InputError(
                f"arm '{self.name}': '{self.test_plan}' needs an augmenter; write '| augmenter=RUN' behind it"
                if needs
                else f"arm '{self.name}': '{self.test_plan}' has no use for an augmenter; write 'shots: 1 x learned'"
            )
        if self.test_learner is not None:
            replace(config, learner=self.test_learner)

    @classmethod
    def parse(cls, text: str) -> "Arm":
        """Read `[name =] training plan [| setting=value ...] [=> test plan [| learner=...] [| augmenter=RUN]]`.

        The whole text is the name of an arm without one; see `split_arm` for what can be a name.

        Args:
            text: Text of the arm.

        Raises:
            InputError: If the text cannot be read.
        """
        training, arrow, testing = (part.strip() for part in text.partition("=>"))
        name, plan, parts = split_arm(training)
        test_plan, *test_parts = (part.strip() for part in testing.split("|"))
        if arrow and not test_plan:
            raise InputError(f"arm '{text}': no plan after '=>'; write one, or 'none'")
        settings = read_settings(parts, text, SETTINGS)
        used = dict(read_settings(test_parts, text, ("learner", "augmenter")))
        name = name or text.strip()
        return cls(name, plan, test_plan or "none", settings, used.get("learner"), used.get("augmenter"))

    def configure(self, config: Config) -> Config:
        """The settings of the arm's trainings.

        Args:
            config: Settings that the comparison's arms have in common.

        Raises:
            InputError: If a value of the arm's is no number, or out of range.

        Example:
            >>> Arm.parse("none | learning_rate=0.1").configure(Config("digits")).fit.learning_rate
            0.1
        """
        values: dict[str, Any] = {"plan": self.plan, "test_plan": self.test_plan}
        for name, text in self.settings:
            try:
                values[name] = SETTINGS[name](text)
            except ValueError:
                raise InputError(f"arm '{self.name}': {name}={text}: give a number") from None
        if "learning_rate" in values:
            values["fit"] = replace(config.fit, learning_rate=values.pop("learning_rate"))
        return replace(config, **values)

    def as_dict(self) -> dict[str, Any]:
        """The arm for JSON, without its name; settings by name."""
        values = asdict(self) | {"settings": dict(self.settings)}
        del values["name"]
        return values
