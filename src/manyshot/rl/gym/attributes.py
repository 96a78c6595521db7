"""Attributes of a simulator as contexts: their ranges as text, and how they are set."""

import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from manyshot.base import InputError

_NUMBER = r"-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"\s*([A-Za-z_]\w*)\s+({_NUMBER})\.\.({_NUMBER})\s*")


def parse_ranges(text: str) -> dict[str, tuple[float, float]]:
    """Read attributes with their smallest and largest value.

    Args:
        text: Such as "length 0.25..1, gravity 5..15"; empty for none.

    Raises:
        InputError: If a part does not read so, or a range is empty.

    Example:
        >>> parse_ranges("length 0.25..1, gravity 5..15")
        {'length': (0.25, 1.0), 'gravity': (5.0, 15.0)}
    """
    ranges: dict[str, tuple[float, float]] = {}
    for part in text.split(",") if text.strip() else ():
        found = _RANGE.fullmatch(part)
        if found is None:
            raise InputError(f"vary: '{part.strip()[:40]}': write a name and its range, as in 'length 0.25..1'")
        name, low, high = found[1], float(found[2]), float(found[3])
        if name in ranges or not low < high or not (isfinite(low) and isfinite(high)):
            raise InputError(f"vary: '{part.strip()[:40]}': give each name once, and a smaller before a larger number")
        ranges[name] = (low, high)
    return ranges


def set_attributes(simulator: Any, values: Mapping[str, float]) -> None:  # noqa: ANN401 - any environment's class
    """Set attributes of an environment, and what its constructor computes from them.

    Args:
        simulator: The unwrapped environment.
        values: The attributes.

    Raises:
        InputError: If it has no such attribute, the attribute holds no number, or setting it has no effect.

    Example:
        >>> import gymnasium
        >>> simulator = gymnasium.make("CartPole-v1").unwrapped
        >>> set_attributes(simulator, {"length": 1.0})
        >>> simulator.length, simulator.polemass_length
        (1.0, 0.1)
    """
    kind = type(simulator).__name__
    for name, value in values.items():
        before = getattr(simulator, name, None)
        if isinstance(before, bool) or not isinstance(before, int | float):
            numbers = sorted(key for key, one in vars(simulator).items() if type(one) in (int, float) and key[0] != "_")
            raise InputError(f"{kind} has no number '{name}' to vary; it has {', '.join(numbers[:12]) or 'none'}")
        try:
            setattr(simulator, name, value)
        except AttributeError:
            raise InputError(f"{kind}: '{name}' cannot be set; vary something else") from None
        if getattr(simulator, name) != value:
            raise InputError(f"{kind}: '{name}' keeps its value when it is set; vary something else")
    derive = DERIVED.get(kind)
    if derive is not None:
        derive(simulator)


def _cart_pole(simulator: Any) -> None:  # noqa: ANN401 - Gymnasium's class
    simulator.total_mass = simulator.masspole + simulator.masscart
    simulator.polemass_length = simulator.masspole * simulator.length


DERIVED: dict[str, Callable[[Any], None]] = {"CartPoleEnv": _cart_pole}
"""What constructors compute from attributes, and would otherwise stay as it was, by the name of the class."""
