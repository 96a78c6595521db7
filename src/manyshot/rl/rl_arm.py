"""An arm of a comparison of agents: its plan, and settings that differ from those of other arms."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

from manyshot.base import InputError
from manyshot.base.arm_text import read_settings, split_arm
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
        >>> arm = RLArm.parse("moved = view: crop(0.25, padding_mode=border) | choose=bandit(crop, flip) | steps=1000")
        >>> arm.name, arm.plan, arm.settings
        ('moved', 'view: crop(0.25, padding_mode=border)', (('choose', 'bandit(crop, flip)'), ('steps', '1000')))
    """

    name: str
    plan: str
    settings: tuple[tuple[str, str], ...] = ()

    @staticmethod
    def parse(text: str) -> "RLArm":
        """Read `[name =] plan [| setting=value ...]`, see `split_arm`.

        Args:
            text: Text of the arm.

        Raises:
            InputError: If the text cannot be read.
        """
        name, plan, parts = split_arm(text)
        if not plan:
            raise InputError(f"arm '{text}': write 'name = plan', with the plan 'none' for no augmentation")
        return RLArm(name or text.strip(), plan, read_settings(parts, text, (*OUTER, *INNER)))

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
