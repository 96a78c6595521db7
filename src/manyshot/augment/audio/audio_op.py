"""The base class of ops on sounds, and what several of them need."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import Field, fields, is_dataclass, replace
from typing import Any, ClassVar, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from manyshot.augment.ops.op import Op, Params, check_number
from manyshot.base import InputError
from manyshot.base.sound import from_samples, is_sounds, to_samples

Sounds = Float[Tensor, "n c t"]
AnyOp = TypeVar("AnyOp", bound=Op)
LOWEST_RATE, HIGHEST_RATE = 1000, 384_000


class AudioOp(Op):
    """Base class of ops on sounds `[n, c, t]`: n recordings of c channels and t samples.

    Sounds are floats from -1 to 1, of any precision, or 16-bit samples (int16); results have the same type and shape.
    Floats are not clipped, so that a later op may make them less loud again; 16-bit samples are. All channels of a
    recording are changed alike. An op whose effect depends on the number of samples per second has an option `rate`;
    `at_rate` sets it in a whole composition.

    A subclass implements `sample` and `change`.
    """

    takes: ClassVar[tuple[str, ...]] = ("sounds",)

    def check(self, items: Any) -> None:  # noqa: ANN401 - whatever a caller has
        """Check that items are a batch of sounds.

        Raises:
            InputError: If the axes or the type are wrong, or there are no samples.
        """
        name = type(self).__name__
        if not isinstance(items, Tensor):
            raise InputError(f"{name}: {type(items).__name__}: give a tensor [n, channels, samples]")
        if items.ndim != 3 or not items.shape[1] or not items.shape[2]:
            raise InputError(f"{name}: sounds of shape {list(items.shape)}: give [n, channels, samples]")
        if not (items.is_floating_point() or is_sounds(items)):
            kind = str(items.dtype).removeprefix("torch.")
            raise InputError(f"{name}: sounds of {kind}: give floats from -1 to 1, or int16")

    def apply(self, sounds: Tensor, params: Params) -> Tensor:
        """Change n sounds `[n, c, t]`, each by its own params.

        Args:
            sounds: Floats from -1 to 1, or int16.
            params: Params of n sounds, as drawn by `sample`.

        Returns:
            Sounds of the same shape and type; differentiable where `change` is.

        Raises:
            InputError: If items are no batch of sounds.
        """
        self.check(sounds)
        if not len(sounds):
            return sounds
        if is_sounds(sounds):
            return to_samples(self.change(from_samples(sounds), params))
        precise = sounds if sounds.dtype in (torch.float32, torch.float64) else sounds.float()
        return self.change(precise, params).to(sounds.dtype)

    @abstractmethod
    def change(self, sounds: Sounds, params: Params) -> Sounds:
        """Change n sounds of float32 or float64, each by its own params."""


def at_rate(op: AnyOp, rate: int) -> AnyOp:
    """The same op, and all that it holds, for sounds of another number of samples per second.

    Args:
        op: Any op.
        rate: Samples per second.

    Example:
        >>> from manyshot.augment.audio import Bandpass, Gain
        >>> from manyshot.augment.ops.compose import Compose
        >>> at_rate(Compose((Gain(), Bandpass())), 8000).ops[1].rate
        8000
    """
    changed: dict[str, Any] = {}
    options: tuple[Field[Any], ...] = fields(op) if is_dataclass(op) else ()
    for field in options:
        value = getattr(op, field.name)
        if field.name == "rate" and isinstance(op, AudioOp):
            changed["rate"] = rate
        elif isinstance(value, Op):
            changed[field.name] = at_rate(value, rate)
        elif isinstance(value, tuple) and any(isinstance(inner, Op) for inner in value):
            changed[field.name] = tuple(at_rate(inner, rate) if isinstance(inner, Op) else inner for inner in value)
    return replace(op, **changed) if changed else op  # type: ignore[type-var]


def check_rate(op: object) -> None:
    """Check an op's option `rate`.

    Raises:
        InputError: If it is no plausible number of samples per second.
    """
    check_number(op, "rate", low=LOWEST_RATE, high=HIGHEST_RATE, whole=True)


def column(values: Tensor, like: Sounds) -> Float[Tensor, "n 1 1"]:
    """One number per sound, for arithmetic with sounds."""
    return values.to(like)[:, None, None]


def rms(sounds: Sounds) -> Float[Tensor, "n 1 1"]:
    """Root mean square of each sound over its channels and samples, with a floor that keeps its derivative finite.

    Example:
        >>> rms(torch.tensor([[[3.0, -3.0]], [[0.0, 0.0]]])).flatten()
        tensor([3.0000e+00, 1.0000e-10])
    """
    return (sounds.square().mean((1, 2), keepdim=True) + 1e-20).sqrt()


def fit_length(sound: Float[Tensor, "c t"], length: int) -> Float[Tensor, "c length"]:
    """Cut a sound on both sides, or pad it with silence on both sides, so that its middle stays the middle.

    Example:
        >>> fit_length(torch.tensor([[1.0, 2.0, 3.0]]), 5), fit_length(torch.tensor([[1.0, 2.0, 3.0]]), 1)
        (tensor([[0., 1., 2., 3., 0.]]), tensor([[2.]]))
    """
    left = (length - sound.shape[1]) // 2
    return F.pad(sound, (left, length - sound.shape[1] - left))


def each(sounds: Sounds, change: Callable[[Tensor, int], Tensor]) -> Sounds:
    """Change sounds one by one, for effects that change their length, and bring them back to it.

    Args:
        sounds: The sounds.
        change: Function of a sound `[c, t]` and its index.
    """
    return torch.stack([fit_length(change(sound, index), sounds.shape[2]) for index, sound in enumerate(sounds)])


def resample(sound: Float[Tensor, "c t"], length: int) -> Float[Tensor, "c length"]:
    """Give a sound another number of samples by its Fourier series: no aliasing, and no loss below the lower rate.

    Example:
        >>> wave = torch.sin(torch.arange(64) * 2 * torch.pi / 16)[None]
        >>> torch.allclose(resample(wave, 128)[:, ::2], wave, atol=1e-5)
        True
    """
    spectrum = torch.fft.rfft(sound)
    wanted = length // 2 + 1
    spectrum = F.pad(spectrum, (0, wanted - spectrum.shape[1]))
    wave: Tensor = torch.fft.irfft(spectrum, n=length)
    return wave * (length / sound.shape[1])
