"""Windows: which values of a scan become black and white.

Scanners measure in units of their own: Hounsfield units of -1024 to 3071 in computed tomography, arbitrary numbers up
to millions in magnetic resonance. A window maps the range that matters to 0..1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Float32, Shaped

from manyshot.base import InputError, did_you_mean
from manyshot.base.call_syntax import parse_call

NAMED: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "lung": (1500.0, -600.0),
        "mediastinum": (350.0, 50.0),
        "abdomen": (400.0, 40.0),
        "brain": (80.0, 40.0),
        "bone": (1800.0, 400.0),
    }
)
"""Usual windows of computed tomography: width and center in Hounsfield units."""
KINDS = ("full", "minmax", "percentile", "width", *NAMED)
DEFAULT_WINDOW = "percentile(0.5, 99.5)"
"""Window of scans if none is given."""
SAMPLE = 1 << 20
"""Percentiles of larger scans are those of about so many evenly spaced values."""


@dataclass(frozen=True)
class Window:
    """A window, as `parse_window` reads it.

    Args:
        text: How it is written.
        kind: "full", "minmax", "percentile" or "width".
        numbers: Two percentiles, or width and center.
    """

    text: str
    kind: str
    numbers: tuple[float, ...] = ()

    def limits(self, values: Shaped[np.ndarray, "..."], where: str) -> tuple[float, float]:
        """Return the values that become 0 and 1.

        Args:
            values: Values of one scan; those that are not finite do not count.
            where: Name of the scan in error messages.

        Raises:
            InputError: If no value is finite, or `full` is asked of floating-point numbers, which have no full range.
        """
        if self.kind == "width":
            width, center = self.numbers
            return center - width / 2, center + width / 2
        if self.kind == "full":
            if values.dtype.kind not in "iu":
                raise InputError(f"{where}: floats have no full range; give minmax or percentile(0.5, 99.5)")
            limits = np.iinfo(values.dtype)
            return float(limits.min), float(limits.max)
        finite = values if values.dtype.kind in "iu" else values[np.isfinite(values)]
        if not finite.size:
            raise InputError(f"{where}: has no finite value; remove it")
        if self.kind == "minmax":
            return float(finite.min()), float(finite.max())
        flat = finite.reshape(-1)
        low, high = np.percentile(flat[:: max(1, flat.size // SAMPLE)].astype(np.float64), self.numbers)
        return float(low), float(high)

    def apply(self, values: Shaped[np.ndarray, "..."], where: str) -> Float32[np.ndarray, "..."]:
        """Map values to 0..1, clipped; values that are not finite become 0, and all of a constant scan.

        Args:
            values: Integers or floating-point numbers of any width, with or without sign.
            where: Name of the scan in error messages.

        Raises:
            InputError: If no value is finite, or `full` is asked of floating-point numbers, which have no full range.

        Example:
            >>> parse_window("width(400, 40)").apply(np.array([-1000, -160, 40, 240], np.int16), "scan").tolist()
            [0.0, 0.0, 0.5, 1.0]
        """
        low, high = self.limits(values, where)
        scaled: npt.NDArray[Any] = (values.astype(np.float64) - low) / max(high - low, np.finfo(np.float64).tiny)
        if high <= low:
            return np.zeros(values.shape, np.float32)
        finite = np.nan_to_num(scaled, nan=0.0, posinf=1.0, neginf=0.0)
        return np.asarray(finite.clip(0, 1), np.float32)


def parse_window(text: str) -> Window:
    """Read a window.

    Args:
        text: `full` (the range of the stored whole numbers), `minmax`, `percentile(0.5, 99.5)`, `width(400, 40)` (width
            and center), or one of computed tomography: lung, mediastinum, abdomen, brain, bone.

    Raises:
        InputError: If it is none of these, or its numbers make no window.

    Example:
        >>> parse_window("abdomen") == Window("abdomen", "width", (400.0, 40.0))
        True
        >>> parse_window("width(0, 40)")
        Traceback (most recent call last):
        manyshot.base.errors.InputError: window: 'width(0, 40)': give a width above 0
    """
    call = parse_call(text, "window")
    if call.name not in KINDS:
        raise InputError(f"window: unknown '{call.name}'; {did_you_mean(call.name, KINDS)}")
    numbers = tuple(float(value) for value in call.arguments if isinstance(value, int | float))
    if call.name in ("percentile", "width"):
        if len(numbers) != 2 or len(call.arguments) != 2 or call.options:
            wanted = "percentile(0.5, 99.5)" if call.name == "percentile" else "width(400, 40), width and center"
            raise InputError(f"window: '{text}': give two numbers, such as {wanted}")
        if call.name == "percentile" and not 0 <= numbers[0] < numbers[1] <= 100:
            raise InputError(f"window: '{text}': give two percentiles from 0 to 100, the lower first")
        if call.name == "width" and numbers[0] <= 0:
            raise InputError(f"window: '{text}': give a width above 0")
        return Window(str(call), call.name, numbers)
    if call.arguments or call.options:
        raise InputError(f"window: '{text}': {call.name} takes no numbers; for your own give width(400, 40)")
    if call.name in NAMED:
        return Window(call.name, "width", NAMED[call.name])
    return Window(call.name, call.name)
