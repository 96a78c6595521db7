"""The ops that a learned policy may use, and how their params follow from learned magnitudes.

A policy learns each op's probability and magnitudes, which are options of the op: `elastic(0.08, p=0.4)`. So a learned
policy can be written as a plan.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, log

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.augment import image
from manyshot.augment.ops.op import Op, Params
from manyshot.base import InputError, did_you_mean
from manyshot.base.call_syntax import Call, Value

E = exp(1)
INITIAL_P = 0.5
"""Initial probability of an op that has magnitudes."""
INITIAL_SWITCH_P = 0.3
"""Initial probability of an op without magnitudes, which at its full strength may change the class."""


@dataclass(frozen=True)
class Magnitude:
    """A learned magnitude of an op.

    Args:
        option: Name of the op's option that the magnitude sets.
        most: Largest value that can be learned; a logarithm if `exponential`.
        first: Initial value; a logarithm if `exponential`.
        exponential: Whether the option is the exponential of the magnitude, as for largest factors.
    """

    option: str
    most: float
    first: float
    exponential: bool = False

    def written(self, value: float) -> float:
        """Value of the op's option for a learned magnitude."""
        return exp(value) if self.exponential else value


@dataclass(frozen=True)
class PolicyOp:
    """An op as a policy uses it.

    Args:
        call: Name of the op in plans.
        op: Op that draws params at magnitude 1, and applies them.
        magnitudes: Learned magnitudes. An op without any is a switch: it acts fully or not at all.
        params: Function from the params that `op` drew for n images, and their magnitudes `[n, magnitudes]`, to the
            params to apply. At magnitude 0 they leave an image unchanged, so an op at a gate of one half acts at half
            its strength.
        fixed: Options that a plan must state besides the magnitudes.
        colors: Whether the op is for images of three channels only.
    """

    call: str
    op: Op
    magnitudes: tuple[Magnitude, ...] = ()
    params: Callable[[Params, Tensor], Params] = lambda drawn, _: drawn
    fixed: Mapping[str, Value] = field(default_factory=dict)
    colors: bool = False

    @property
    def switched(self) -> bool:
        """Whether the op acts either fully or not at all."""
        return not self.magnitudes

    def written(self, values: Sequence[float], p: float) -> Call:
        """The op as a call in a plan.

        Args:
            values: Value of each magnitude.
            p: Probability with which the op acts.

        Example:
            >>> str(POLICY_OPS["elastic"].written([0.0712345], p=0.25))
            'elastic(strength=0.07123, p=0.25)'
        """
        learned = {
            magnitude.option: magnitude.written(value) for magnitude, value in zip(self.magnitudes, values, strict=True)
        }
        numbers = {name: float(f"{value:.4g}") for name, value in {**learned, "p": p}.items()}
        return Call(self.call, (), tuple({**self.fixed, **numbers}.items()))


def _times(name: str, unit: float = 1.0) -> Callable[[Params, Tensor], Params]:
    """Params of an op with one strength, drawn up to `unit`, that is proportional to the magnitude."""

    def params(drawn: Params, magnitude: Float[Tensor, "n 1"]) -> Params:
        value: Tensor = drawn[name]
        shape = (-1, *[1] * (value.ndim - 1))
        return {**drawn, name: value.to(magnitude) / unit * magnitude.view(shape)}

    return params


def _factor(name: str) -> Callable[[Params, Tensor], Params]:
    """Params of an op with a factor that is drawn uniformly around 1."""

    def params(drawn: Params, magnitude: Float[Tensor, "n 1"]) -> Params:
        return {**drawn, name: 1 + (drawn[name].to(magnitude) - 1) * magnitude[:, 0]}

    return params


def _power(name: str) -> Callable[[Params, Tensor], Params]:
    """Params of an op with a factor whose logarithm is drawn uniformly."""

    def params(drawn: Params, magnitude: Float[Tensor, "n 1"]) -> Params:
        return {**drawn, name: (drawn[name].to(magnitude).log() * magnitude[:, 0]).exp()}

    return params


def _rotation(drawn: Params, magnitude: Float[Tensor, "n 1"]) -> Params:
    zeros = {name: torch.zeros_like(drawn[name].to(magnitude)) for name in ("shear", "shift")}
    return {
        **zeros,
        "scale": torch.ones_like(magnitude[:, 0]),
        "degrees": drawn["degrees"].to(magnitude) * magnitude[:, 0],
    }


def _affine(drawn: Params, magnitude: Float[Tensor, "n 3"]) -> Params:
    scale, shear, shift = magnitude.unbind(-1)
    return {
        "degrees": torch.zeros_like(scale),
        "scale": (drawn["scale"].to(magnitude).log() * scale).exp(),
        "shear": drawn["shear"].to(magnitude) * shear,
        "shift": drawn["shift"].to(magnitude) * shift[:, None],
    }


_UNIT = image.Affine(degrees=1, scale=E, shear=1, shift=1)

POLICY_OPS: dict[str, PolicyOp] = {
    "flip": PolicyOp("flip", image.Flip(p=1)),
    "flip_vertical": PolicyOp("flip_vertical", image.FlipVertical(p=1)),
    "turn": PolicyOp("turn", image.Turn(fit=True), fixed={"fit": (Call("yes"),)}),
    "rotate": PolicyOp(
        "affine", _UNIT, (Magnitude("degrees", 180, 10),), _rotation, fixed={"scale": 1, "shear": 0, "shift": 0}
    ),
    "spin": PolicyOp(
        "affine",
        image.Affine(degrees=180, scale=1, shear=0, shift=0),
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
        _affine,
        fixed={"degrees": 0},
    ),
    "elastic": PolicyOp(
        "elastic", image.Elastic(strength=1), (Magnitude("strength", 0.2, 0.04),), _times("displacement")
    ),
    "stroke": PolicyOp("stroke", image.StrokeWidth(strength=1), (Magnitude("strength", 1, 0.3),), _times("width")),
    "invert": PolicyOp("invert", image.Invert(p=1)),
    "grayscale": PolicyOp("grayscale", image.Grayscale(p=1), colors=True),
    "brightness": PolicyOp(
        "brightness", image.Brightness(strength=1), (Magnitude("strength", 1, 0.1),), _factor("factor")
    ),
    "contrast": PolicyOp("contrast", image.Contrast(strength=1), (Magnitude("strength", 1, 0.1),), _factor("factor")),
    "saturation": PolicyOp(
        "saturation", image.Saturation(strength=1), (Magnitude("strength", 1, 0.1),), _factor("factor"), colors=True
    ),
    "hue": PolicyOp(
        "hue", image.Hue(strength=0.5), (Magnitude("strength", 0.5, 0.05),), _times("turn", 0.5), colors=True
    ),
    "recolor": PolicyOp("hue", image.Hue(strength=0.5), fixed={"strength": 0.5}, colors=True),
    "gamma": PolicyOp(
        "gamma",
        image.Gamma(strength=E),
        (Magnitude("strength", log(3), log(1.1), exponential=True),),
        _power("exponent"),
    ),
    "blur": PolicyOp("blur", image.Blur(sigma=1.5), (Magnitude("sigma", 1.5, 0.2),), _times("sigma", 1.5)),
    "noise": PolicyOp("noise", image.Noise(strength=1), (Magnitude("strength", 0.4, 0.05),), _times("strength")),
    "erase": PolicyOp("erase", image.Erase(area=0.15), fixed={"area": 0.15}),
}
"""Every op of a policy by its name, in the order in which they act."""

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
    """Names of the ops of a set, or of a list of ops with hyphens between them.

    Raises:
        InputError: If the text is neither.

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
    """The named ops that apply to images with this number of channels, in the order in which they act.

    Raises:
        InputError: If none is left.

    Example:
        >>> list(policy_ops(["hue", "rotate"], channels=1)), list(policy_ops(["hue", "rotate"], channels=3))
        (['rotate'], ['rotate', 'hue'])
    """
    ops = {name: op for name, op in POLICY_OPS.items() if name in names and (channels == 3 or not op.colors)}
    if not ops:
        raise InputError(f"ops={' '.join(names)}: none of them is for images of {channels} channel(s); choose others")
    return ops
