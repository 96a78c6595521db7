"""An arm of a comparison of agents: its plan, and settings that differ from those of other arms."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from manyshot.base import InputError, did_you_mean
from manyshot.rl.rl_config import RLConfig, RLSettings

OUTER: dict[str, Callable[[str], Any]] = {
    "choose": str,
    "levels": str,
    "learner": str,
    "world": str,
    "worlds": int,
    "division": str,
}
INNER: dict[str, Callable[[str], Any]] = {
    "steps": int,
    "epochs": int,
    "learning_rate": float,
    "entropy": float,
    "view_weight": float,
    "view_value": lambda text: {"yes": True, "no": False}[text],
    "width": int,
}
"""Settings that an arm may have besides its plan, of a run and of its training loop, with their types."""


@dataclass(frozen=True)
class RLArm:
    """One arm of a comparison of agents.

    Args:
        name: Name of the arm in tables.
        plan: Augmentation.
        settings: Names and values, as text, of settings that replace those of the comparison.

    Raises:
        InputError: If a setting cannot be used.

    Example:
        >>> RLArm.parse("shifted = view: crop(0.25, padding_mode=border)").plan
        'view: crop(0.25, padding_mode=border)'
        >>> RLArm.parse("bandit = none | choose=bandit(crop, flip) | steps=1000").settings
        (('choose', 'bandit(crop, flip)'), ('steps', '1000'))
    """

    name: str
    plan: str
    settings: tuple[tuple[str, str], ...] = ()

    @staticmethod
    def parse(text: str) -> "RLArm":
        """Read `[name =] plan [| setting=value ...]`; without a name, the whole text is the name.

        Args:
            text: Text of the arm.

        Raises:
            InputError: If the text cannot be read.
        """
        plan, *parts = (part.strip() for part in text.split("|"))
        name, equals, named = (part.strip() for part in plan.partition("="))
        # An equals sign within an op's brackets belongs to an option, so the text before it is no name.
        if equals and name.count("(") == name.count(")"):
            plan = named
        else:
            name = text.strip()
        if not plan or not name:
            raise InputError(f"arm '{text}': write 'name = plan', with the plan 'none' for no augmentation")
        settings: dict[str, str] = {}
        for part in parts:
            key, equals, value = (word.strip() for word in part.partition("="))
            key, known = key.replace("-", "_"), [*OUTER, *INNER]
            if not equals or not value:
                raise InputError(f"arm '{text}': '{part}' sets nothing; write a setting after '|': learner=rl2")
            if key not in known:
                raise InputError(f"arm '{text}': '{key}' cannot be set here; {did_you_mean(key, known)}")
            if key in settings:
                raise InputError(f"arm '{text}': {key} is set twice; set it once")
            settings[key] = value
        return RLArm(name, plan, tuple(settings.items()))

    def configure(self, config: RLConfig) -> RLConfig:
        """The settings of the arm's trainings.

        Args:
            config: Settings that the arms have in common.

        Raises:
            InputError: If a value is no number, or out of range.

        Example:
            >>> RLArm.parse("none | steps=5").configure(RLConfig("leap")).fit.steps
            5
        """
        values: dict[str, Any] = {}
        for name, text in self.settings:
            try:
                values[name] = (OUTER | INNER)[name](text)
            except (ValueError, KeyError):
                what = "yes or no" if name == "view_value" else "a number"
                raise InputError(f"arm '{self.name}': {name}={text}: give {what}") from None
        inner = {one.name for one in fields(RLSettings)}
        fit = replace(config.fit, **{name: value for name, value in values.items() if name in inner})
        outer = {name: value for name, value in values.items() if name not in inner}
        return replace(config, plan=self.plan, fit=fit, **outer)


def check_arm_names(arms: Sequence[RLArm]) -> None:
    """Make sure that arms have different names.

    Raises:
        InputError: If two arms have the same name, or there are none.

    Example:
        >>> check_arm_names([RLArm("plain", "none"), RLArm("plain", "view: crop")])
        Traceback (most recent call last):
        manyshot.base.errors.InputError: two arms are called 'plain'; name them: 'first = plan'
    """
    names = [arm.name for arm in arms]
    if not names:
        raise InputError("no arms to compare; give at least one: --arms none")
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise InputError(f"two arms are called '{repeated}'; name them: 'first = plan'")
