"""Base class of augmentations: params are drawn separately from being applied, so every call can be replayed."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf, isfinite, log
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from manyshot.base import InputError, did_you_mean, plain_number
from manyshot.base import seeds as streams

Params = Mapping[str, Any]
"""Named parameters. Tensors have one row per item: `{"degrees": [n], "shift": [n, 2]}`; compositions nest them."""


class Op(ABC):
    """Base class of ops, which change items and keep their class.

    `apply` is pure: the same items and params give the same result. Every op is a frozen dataclass of plain numbers,
    strings and ops, so it can be printed, compared and stored.

    Example:
        >>> from manyshot.augment.image import Affine
        >>> _ = torch.manual_seed(0)
        >>> Affine()(torch.rand(8, 3, 32, 32)).shape
        torch.Size([8, 3, 32, 32])
    """

    takes: ClassVar[tuple[str, ...]] = ()
    """Kinds of items that it changes, such as "images", see `manyshot.augment.ops.item_kinds`; empty for any."""

    unit: ClassVar[bool] = False
    """Whether values have to be from 0 to 1 (or uint8), since it clamps them or measures its strength by that range."""

    @abstractmethod
    def sample(self, n: int, generator: Generator) -> Params:
        """Draw the params of n items."""

    @abstractmethod
    def apply(self, items: Any, params: Params) -> Any:  # noqa: ANN401 - a tensor, or a list for text
        """Change n items, each by its own params."""

    def check(self, items: Any) -> None:  # noqa: ANN401, B027 - whatever a caller has
        """Check that the op supports these items.

        Raises:
            InputError: If it does not; the message says what to give instead.
        """

    def __call__(self, items: Any, generator: Generator | None = None) -> Any:  # noqa: ANN401
        """Draw params and change items, each by its own draw.

        Args:
            items: Images `[n, c, h, w]` or volumes `[n, c, d, h, w]`, floats from 0 to 1 or uint8; sounds `[n, c, t]`,
                floats from -1 to 1 or int16; or n texts; or one image `[c, h, w]`, sound `[c, t]` or text.
            generator: Random generator on the CPU; None for one seeded by torch's global generator.

        Returns:
            Changed items of the same type and shape.

        Raises:
            InputError: If the op does not support the items, or needs values from 0 to 1 and gets others.
        """
        if isinstance(items, str):
            return self([items], generator)[0]
        if isinstance(items, Tensor) and items.ndim == (2 if takes_sounds(self) else 3):
            return self(items[None], generator)[0]
        self.check(items)
        check_range(self, items)
        return self.apply(items, self.sample(len(items), generator or fresh_generator()))


def takes_sounds(op: Op) -> bool:
    """Whether an op, or one that it holds, changes sounds.

    Example:
        >>> from manyshot.augment.audio import Gain
        >>> takes_sounds(Gain())
        True
    """
    return "sounds" in op.takes or any(takes_sounds(inner) for inner in getattr(op, "held", ()))


OUTSIDE = 0.5
"""How far beyond 0 to 1 values may lie, as those of learned or interpolated items do."""


def check_range(op: Op, items: Any) -> None:  # noqa: ANN401 - whatever a caller has
    """Check that values are from 0 to 1, if the op, or one that it holds, needs that; ops that move pixels take any.

    Args:
        op: Op that is to change the items.
        items: Floats; other items are not looked at.

    Raises:
        InputError: If values lie outside, such as Hounsfield units, z-scores or floats up to 255.

    Example:
        >>> from manyshot.augment.image import Affine, Gamma
        >>> hounsfield = torch.linspace(-1000, 1000, 64).view(1, 1, 8, 8)
        >>> check_range(Affine(), hounsfield)
        >>> check_range(Gamma(), hounsfield)
        Traceback (most recent call last):
        manyshot.base.errors.InputError: Gamma: values from -1000 to 1000, and it needs 0 to 1: map them first, by a \
window for scans, by x / 255 for bytes, or by (x - low) / (high - low)
    """
    if not isinstance(items, Tensor) or not items.is_floating_point() or not items.numel():
        return
    needing = next(_needing_unit(op), None)
    if needing is None:
        return
    low, high = (float(end) for end in items.detach().aminmax())
    if low < -OUTSIDE or high > 1 + OUTSIDE:
        raise InputError(
            f"{type(needing).__name__}: values from {low:.4g} to {high:.4g}, and it needs 0 to 1: map them first, by a "
            "window for scans, by x / 255 for bytes, or by (x - low) / (high - low)"
        )


def _needing_unit(op: Op) -> Iterator[Op]:
    if op.unit:
        yield op
    for inner in getattr(op, "held", ()):
        yield from _needing_unit(inner)


def fresh_generator() -> Generator:
    """Return a generator seeded by torch's global generator, so that `torch.manual_seed` determines it.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> first, second = fresh_generator(), fresh_generator()
        >>> first.initial_seed() == second.initial_seed()
        False
    """
    return streams.generator(int(torch.randint(2**31, ())))


def take(params: Params, index: Tensor) -> dict[str, Any]:
    """Select rows of params: to share one draw among items, to replay one item, or to reorder.

    Args:
        params: Params of n items.
        index: `[m]` integers below n, or a mask `[n]`.

    Returns:
        Params of m items.

    Example:
        >>> take({"degrees": torch.tensor([1.0, 2.0])}, torch.tensor([1, 1, 0]))
        {'degrees': tensor([2., 2., 1.])}
    """
    return {name: value[index] if isinstance(value, Tensor) else take(value, index) for name, value in params.items()}


def join(parts: Sequence[Params]) -> dict[str, Any]:
    """Join params of several batches of one op, in order.

    Args:
        parts: Params of n_1, n_2, ... items, at least one batch.

    Returns:
        Params of the n_1 + n_2 + ... items.

    Example:
        >>> join([{"degrees": torch.tensor([1.0])}, {"degrees": torch.tensor([2.0, 3.0])}])
        {'degrees': tensor([1., 2., 3.])}
    """
    return {
        name: torch.cat([part[name] for part in parts])
        if isinstance(value, Tensor)
        else join([part[name] for part in parts])
        for name, value in parts[0].items()
    }


def uniform(n: int, low: float, high: float, generator: Generator) -> Float[Tensor, "n"]:
    """Draw n uniform numbers from low to high.

    Example:
        >>> uniform(3, -1.0, 1.0, torch.Generator().manual_seed(0)).shape
        torch.Size([3])
    """
    return low + (high - low) * torch.rand(n, generator=generator)


def factor(n: int, largest: float, generator: Generator) -> Float[Tensor, "n"]:
    """Draw n factors from 1/largest to largest, uniform in the logarithm: growing is as likely as shrinking.

    Example:
        >>> factors = factor(100, 2.0, torch.Generator().manual_seed(0))
        >>> bool(((factors >= 0.5) & (factors <= 2)).all())
        True
    """
    return uniform(n, -log(largest), log(largest), generator).exp()


def seeds(n: int, generator: Generator) -> Int[Tensor, "n"]:
    """Draw n seeds below 2^31, for values that `apply` derives from a seed.

    Example:
        >>> seeds(3, torch.Generator().manual_seed(0)).dtype
        torch.int64
    """
    return torch.randint(2**31, (n,), generator=generator)


def check_number(op: object, *names: str, low: float = 0.0, high: float = inf, whole: bool = False) -> None:
    """Check that fields of an op are finite numbers from low to high; NumPy numbers are converted to Python's.

    Raises:
        InputError: If one is not; the message names the op, the field and what to give instead.

    Example:
        >>> from types import SimpleNamespace
        >>> check_number(SimpleNamespace(p=2.0), "p", high=1.0)
        Traceback (most recent call last):
        manyshot.base.errors.InputError: SimpleNamespace: p=2.0: give a number from 0 to 1
    """
    for name in names:
        value = plain_number(getattr(op, name))
        if value is not getattr(op, name):
            object.__setattr__(op, name, value)  # the dataclass is frozen, but this is still its construction
        number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
        if not (number and isfinite(value) and low <= value <= high):
            kind = "a whole number" if whole else "a number"
            limits = f"of at least {low:g}" if high == inf else f"from {low:g} to {high:g}"
            raise InputError(f"{type(op).__name__}: {name}={value!r}: give {kind} {limits}")


def check_choice(op: object, name: str, choices: Iterable[str]) -> None:
    """Check that a field of an op is one of the choices.

    Raises:
        InputError: If it is not; the message suggests the nearest choice.

    Example:
        >>> from types import SimpleNamespace
        >>> check_choice(SimpleNamespace(fill="zeros"), "fill", ("zero", "mean"))
        Traceback (most recent call last):
        manyshot.base.errors.InputError: SimpleNamespace: fill='zeros': did you mean 'zero'?
    """
    value, choices = getattr(op, name), list(choices)
    if value not in choices:
        raise InputError(f"{type(op).__name__}: {name}={value!r}: {did_you_mean(str(value), choices)}")
