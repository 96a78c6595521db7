"""The ops that a learned policy may use, and how what it learns becomes their params: one row an op.

What is learned of an op is how often it acts and how strong it may be, in the op's own words: `elastic(0.08, p=0.4)`.
So a learned policy is a plan, and can be written down as one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, log

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.augment.image import (
    Affine,
    Blur,
    Brightness,
    Contrast,
    Elastic,
    Erase,
    Flip,
    FlipVertical,
    Gamma,
    Grayscale,
    Hue,
    Invert,
    Noise,
    Saturation,
    StrokeWidth,
    Turn,
)
from manyshot.augment.ops.op import Op, Params
from manyshot.base import InputError, did_you_mean
from manyshot.base.calls import Call, Value

E = exp(1)
OFTEN = 0.5
"""How often a policy that has learned nothing yet uses an op that has magnitudes."""
SELDOM = 0.3
"""The same for an op that is either there or not: a turn at its full strength may make a letter another one."""


@dataclass(frozen=True)
class Magnitude:
    """How strong an op may be, a number that a policy learns.

    Args:
        option: the op's option that it sets.
        most: the largest value that can be learned, on the scale of `exponential`.
        first: the value that learning begins at.
        exponential: whether the option is e to the power of this number, as a largest factor is.
    """

    option: str
    most: float
    first: float
    exponential: bool = False

    def written(self, value: float) -> float:
        """The op's option for a learned value."""
        return exp(value) if self.exponential else value


@dataclass(frozen=True)
class PolicyOp:
    """An op as a policy uses it.

    Args:
        call: the op's name in the language of plans.
        op: draws at magnitude 1, and applies.
        magnitudes: what is learned of it beside how often it acts. Without any the op is a switch: it acts or does not,
            and how often it does is learned from what each did to the loss.
        params: from what `op` drew for n items and their magnitudes `[n, magnitudes]` to params. At magnitude 0 they
            leave an item alone, so that an op that is half on is one of half the strength.
        fixed: options that a plan must write, beside the magnitudes.
        colours: whether the op is for images of three channels alone.
    """

    call: str
    op: Op
    magnitudes: tuple[Magnitude, ...] = ()
    params: Callable[[Params, Tensor], Params] = lambda drawn, _: drawn
    fixed: Mapping[str, Value] = field(default_factory=dict)
    colours: bool = False

    @property
    def switched(self) -> bool:
        """Whether the op is either on or off."""
        return not self.magnitudes

    def written(self, values: Sequence[float], chance: float) -> Call:
        """The op as a plan writes it.

        Args:
            values: of the magnitudes.
            chance: how often it acts.

        Example:
            >>> str(POLICY_OPS["elastic"].written([0.0712345], chance=0.25))
            'elastic(strength=0.07123, p=0.25)'
        """
        learned = {each.option: each.written(value) for each, value in zip(self.magnitudes, values, strict=True)}
        numbers = {name: float(f"{value:.4g}") for name, value in {**learned, "p": chance}.items()}
        return Call(self.call, (), tuple({**self.fixed, **numbers}.items()))


def _times(name: str, unit: float = 1.0) -> Callable[[Params, Tensor], Params]:
    """Params of an op whose one strength, drawn up to `unit`, is proportional to its magnitude."""

    def params(drawn: Params, magnitude: Float[Tensor, "n 1"]) -> Params:
        value: Tensor = drawn[name]
        shape = (-1, *[1] * (value.ndim - 1))
        return {**drawn, name: value.to(magnitude) / unit * magnitude.view(shape)}

    return params


def _factor(name: str) -> Callable[[Params, Tensor], Params]:
    """The same for a factor that is drawn evenly about 1."""

    def params(drawn: Params, magnitude: Float[Tensor, "n 1"]) -> Params:
        return {**drawn, name: 1 + (drawn[name].to(magnitude) - 1) * magnitude[:, 0]}

    return params


def _power(name: str) -> Callable[[Params, Tensor], Params]:
    """The same for a factor that is drawn evenly in its logarithm."""

    def params(drawn: Params, magnitude: Float[Tensor, "n 1"]) -> Params:
        return {**drawn, name: (drawn[name].to(magnitude).log() * magnitude[:, 0]).exp()}

    return params


def _turned(drawn: Params, magnitude: Float[Tensor, "n 1"]) -> Params:
    still = {name: torch.zeros_like(drawn[name].to(magnitude)) for name in ("shear", "shift")}
    return {
        **still,
        "scale": torch.ones_like(magnitude[:, 0]),
        "degrees": drawn["degrees"].to(magnitude) * magnitude[:, 0],
    }


def _moved(drawn: Params, magnitude: Float[Tensor, "n 3"]) -> Params:
    scale, shear, shift = magnitude.unbind(-1)
    return {
        "degrees": torch.zeros_like(scale),
        "scale": (drawn["scale"].to(magnitude).log() * scale).exp(),
        "shear": drawn["shear"].to(magnitude) * shear,
        "shift": drawn["shift"].to(magnitude) * shift[:, None],
    }


_UNIT = Affine(degrees=1, scale=E, shear=1, shift=1)

POLICY_OPS: dict[str, PolicyOp] = {
    "flip": PolicyOp("flip", Flip(p=1)),
    "flip_vertical": PolicyOp("flip_vertical", FlipVertical(p=1)),
    "turn": PolicyOp("turn", Turn(fit=True), fixed={"fit": (Call("yes"),)}),
    "rotate": PolicyOp(
        "affine", _UNIT, (Magnitude("degrees", 180, 10),), _turned, fixed={"scale": 1, "shear": 0, "shift": 0}
    ),
    "spin": PolicyOp(
        "affine",
        Affine(degrees=180, scale=1, shear=0, shift=0),
        fixed={"degrees": 180, "scale": 1, "shear": 0, "shift": 0},
    ),
    "affine": PolicyOp(
        "affine",
        _UNIT,
        (
            Magnitude("scale", log(1.6), log(1.1), exponential=True),
            Magnitude("shear", 0.6, 0.1),
            Magnitude("shift", 0.4, 0.05),
        ),
        _moved,
        fixed={"degrees": 0},
    ),
    "elastic": PolicyOp("elastic", Elastic(strength=1), (Magnitude("strength", 0.2, 0.04),), _times("displacement")),
    "stroke": PolicyOp("stroke", StrokeWidth(strength=1), (Magnitude("strength", 1, 0.3),), _times("width")),
    "invert": PolicyOp("invert", Invert(p=1)),
    "grayscale": PolicyOp("grayscale", Grayscale(p=1), colours=True),
    "brightness": PolicyOp("brightness", Brightness(strength=1), (Magnitude("strength", 1, 0.1),), _factor("factor")),
    "contrast": PolicyOp("contrast", Contrast(strength=1), (Magnitude("strength", 1, 0.1),), _factor("factor")),
    "saturation": PolicyOp(
        "saturation", Saturation(strength=1), (Magnitude("strength", 1, 0.1),), _factor("factor"), colours=True
    ),
    "hue": PolicyOp("hue", Hue(strength=0.5), (Magnitude("strength", 0.5, 0.05),), _times("turn", 0.5), colours=True),
    "recolour": PolicyOp("hue", Hue(strength=0.5), fixed={"strength": 0.5}, colours=True),
    "gamma": PolicyOp(
        "gamma", Gamma(strength=E), (Magnitude("strength", log(3), log(1.1), exponential=True),), _power("exponent")
    ),
    "blur": PolicyOp("blur", Blur(sigma=1.5), (Magnitude("sigma", 1.5, 0.2),), _times("sigma", 1.5)),
    "noise": PolicyOp("noise", Noise(strength=1), (Magnitude("strength", 0.4, 0.05),), _times("strength")),
    "erase": PolicyOp("erase", Erase(area=0.15), fixed={"area": 0.15}),
}
"""The ops by name, in the order in which they act."""

SETS: dict[str, tuple[str, ...]] = {
    "all": tuple(POLICY_OPS),
    "shapes": ("rotate", "affine", "elastic", "stroke"),
    "drawings": (
        "flip",
        "flip_vertical",
        "turn",
        "rotate",
        "spin",
        "affine",
        "elastic",
        "stroke",
        "blur",
        "noise",
        "erase",
    ),
    "photographs": tuple(name for name in POLICY_OPS if name not in ("elastic", "stroke", "invert")),
}
"""Sets of ops by name."""


def op_names(text: str) -> tuple[str, ...]:
    """The ops of a set, or those that are named, with hyphens between them.

    Raises:
        InputError: for what is neither.

    Example:
        >>> op_names("shapes"), op_names("rotate-hue")
        (('rotate', 'affine', 'elastic', 'stroke'), ('rotate', 'hue'))
    """
    if text in SETS:
        return SETS[text]
    names = tuple(text.split("-"))
    for name in names:
        if name not in POLICY_OPS:
            raise InputError(f"ops={text}: {did_you_mean(name, [*SETS, *POLICY_OPS])}")
    return names


def policy_ops(names: Sequence[str], channels: int) -> dict[str, PolicyOp]:
    """Rows of the table for images of so many channels, in the table's order.

    Raises:
        InputError: if none is left.

    Example:
        >>> list(policy_ops(["hue", "rotate"], channels=1)), list(policy_ops(["hue", "rotate"], channels=3))
        (['rotate'], ['rotate', 'hue'])
    """
    found = {name: op for name, op in POLICY_OPS.items() if name in names and (channels == 3 or not op.colours)}
    if not found:
        raise InputError(f"ops={' '.join(names)}: none of them is for images of {channels} channel(s); name others")
    return found
