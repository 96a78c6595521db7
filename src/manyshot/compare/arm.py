"""An arm of a comparison: what it trains with, and what it is used with."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from manyshot.base import InputError, did_you_mean
from manyshot.training.config import Config

SETTINGS: dict[str, Callable[[str], Any]] = {
    "learner": str,
    "objective": str,
    "encoder": str,
    "within_group": float,
    "learning_rate": float,
}
"""What an arm may set beside its plans: the options of `manyshot train`, with their types."""


@dataclass(frozen=True)
class Arm:
    """One way to train, and one to use what was trained.

    Args:
        name: what tables call it.
        plan: augmentation of the training tasks.
        test_plan: augmentation at use time.
        settings: what else it trains with, in place of the comparison's own: name and value, as written.
        test_learner: how its weights are used, such as "prototypes(nearest)"; as they were trained if None.

    Raises:
        InputError: if a plan, a setting or a learner cannot be used.

    Example:
        >>> Arm.parse("wide = support: affine(30) => shots: 8 x affine(30)")
        Arm(name='wide', plan='support: affine(30)', test_plan='shots: 8 x affine(30)', settings=(), test_learner=None)
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

    def __post_init__(self) -> None:
        config = self.configure(Config("digits"))
        if self.test_learner is not None:
            replace(config, learner=self.test_learner)

    @classmethod
    def parse(cls, text: str) -> "Arm":
        """Read `[name =] training plan [| setting=value ...] [=> plan at use time [| learner=...]]`.

        An arm without a name is called as it is written. A name may hold anything but "=" and "|"; its brackets are
        closed.

        Raises:
            InputError: if it cannot be read.
        """
        training, arrow, use = (part.strip() for part in text.partition("=>"))
        plan, *given = (part.strip() for part in training.split("|"))
        test_plan, *given_use = (part.strip() for part in use.split("|"))
        name, equals, named = (part.strip() for part in plan.partition("="))
        # An equals sign within an op's brackets is an option, and what stands before it is no name.
        if equals and name.count("(") == name.count(")"):
            plan = named
        else:
            name = text.strip()
        if equals and not name:
            raise InputError(f"arm '{text}': no name before '='; write one, or the plan alone")
        if arrow and not test_plan:
            raise InputError(f"arm '{text}': no plan after '=>'; write one, or 'none'")
        settings = _settings(given, text, tuple(SETTINGS))
        as_test_plan = dict(_settings(given_use, text, ("learner",)))
        return cls(name, plan, test_plan or "none", settings, as_test_plan.get("learner"))

    def configure(self, config: Config) -> Config:
        """What the arm trains with, where a comparison's other arms have `config`.

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
        """For JSON: everything but the name, settings by name."""
        values = asdict(self) | {"settings": dict(self.settings)}
        del values["name"]
        return values


def _settings(given: list[str], text: str, known: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Read the parts between bars, each `name=value`."""
    found: dict[str, str] = {}
    for part in given:
        name, equals, value = (word.strip() for word in part.partition("="))
        name = name.replace("-", "_")
        if not equals or not value:
            raise InputError(f"arm '{text}': '{part}' sets nothing; write a setting after '|', such as learner=maml")
        if name not in known:
            raise InputError(f"arm '{text}': '{name}' cannot be set here; {did_you_mean(name, known)}")
        if name in found:
            raise InputError(f"arm '{text}': {name} is set twice; set it once")
        found[name] = value
    return tuple(found.items())
