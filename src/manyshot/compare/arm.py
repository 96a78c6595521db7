"""An arm of a comparison: its settings for training and for testing."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from manyshot.augment import Plan
from manyshot.base import InputError, did_you_mean
from manyshot.training.config import Config

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

        The whole text is the name of an arm without one. A name has no "=" and no "|", and its brackets are closed.

        Args:
            text: Text of the arm.

        Raises:
            InputError: If the text cannot be read.
        """
        training, arrow, testing = (part.strip() for part in text.partition("=>"))
        plan, *parts = (part.strip() for part in training.split("|"))
        test_plan, *test_parts = (part.strip() for part in testing.split("|"))
        name, equals, named = (part.strip() for part in plan.partition("="))
        # An equals sign within an op's brackets belongs to an option, so the text before it is no name.
        if equals and name.count("(") == name.count(")"):
            plan = named
        else:
            name = text.strip()
        if equals and not name:
            raise InputError(f"arm '{text}': no name before '='; write one, or the plan alone")
        if arrow and not test_plan:
            raise InputError(f"arm '{text}': no plan after '=>'; write one, or 'none'")
        settings = _settings(parts, text, tuple(SETTINGS))
        used = dict(_settings(test_parts, text, ("learner", "augmenter")))
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


def check_names(arms: Sequence[Arm]) -> None:
    """Make sure that arms have different names.

    Args:
        arms: Arms of a comparison.

    Raises:
        InputError: If two arms have the same name.

    Example:
        >>> check_names([Arm("plain", "none"), Arm("plain", "task: turn")])
        Traceback (most recent call last):
        manyshot.base.errors.InputError: two arms are called 'plain'; name them: 'first = plan'
    """
    names = [arm.name for arm in arms]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise InputError(f"two arms are called '{repeated}'; name them: 'first = plan'")


def _settings(parts: list[str], text: str, known: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Read the parts between bars, each `name=value`."""
    settings: dict[str, str] = {}
    for part in parts:
        name, equals, value = (word.strip() for word in part.partition("="))
        name = name.replace("-", "_")
        if not equals or not value:
            raise InputError(f"arm '{text}': '{part}' sets nothing; write a setting after '|', such as learner=maml")
        if name not in known:
            raise InputError(f"arm '{text}': '{name}' cannot be set here; {did_you_mean(name, known)}")
        if name in settings:
            raise InputError(f"arm '{text}': {name} is set twice; set it once")
        settings[name] = value
    return tuple(settings.items())
