"""audiomentations: its transforms as ops on sounds, and our ops as its transforms."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Generator, Tensor

from manyshot.augment.adapters.external_op import seeded
from manyshot.augment.audio.audio_op import AudioOp, Sounds, at_rate, check_rate, fit_length
from manyshot.augment.ops.op import Op, Params, seeds
from manyshot.base import InputError
from manyshot.base.sound import RATE


@dataclass(frozen=True)
class FromAudiomentations(AudioOp):
    """A transform of audiomentations, or any callable on (samples, rate), as an op.

    All global generators are seeded per sound, so that the transform's draws can be replayed, and restored afterwards.
    A result of another length is cut or padded on both sides. It is not differentiable.

    Args:
        transform: Transform, `Compose`, or function of float32 samples `[t]` or `[c, t]` and their rate.
        rate: Samples per second.

    Raises:
        InputError: If the rate is out of range; when applied, if the number of channels changes.

    Example:
        >>> op = FromAudiomentations(lambda samples, sample_rate: -samples)
        >>> op.apply(torch.ones(1, 1, 2), {"seed": torch.tensor([0])})
        tensor([[[-1., -1.]]])
    """

    transform: Any
    rate: int = RATE

    traceable: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_rate(self)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `seed [n]`."""
        return {"seed": seeds(n, generator)}

    def change(self, sounds: Sounds, params: Params) -> Sounds:
        """Transform each sound."""
        return torch.stack(
            [self._one(sound, seed) for sound, seed in zip(sounds, params["seed"].tolist(), strict=True)]
        )

    def _one(self, sound: Float[Tensor, "c t"], seed: int) -> Float[Tensor, "c t"]:
        samples = np.ascontiguousarray(sound.detach().cpu().float().numpy())
        with seeded(seed):
            changed = self.transform(samples[0] if len(samples) == 1 else samples, self.rate)
        result = torch.from_numpy(np.atleast_2d(np.array(changed, dtype=np.float32)))
        if len(result) != len(sound):
            raise InputError(
                f"FromAudiomentations: {len(sound)} channels became {len(result)}; give a transform that keeps them"
            )
        return fit_length(result, sound.shape[1]).to(sound)


@dataclass(frozen=True)
class ToAudiomentations:
    """Our op as a transform for audiomentations' `Compose`, which follows `torch.manual_seed`.

    Args:
        op: Op on sounds; it is set to the rate of the samples.

    Example:
        >>> from manyshot.augment.audio import Polarity
        >>> ToAudiomentations(Polarity(p=1))(np.ones(2, dtype=np.float32), 8000)
        array([-1., -1.], dtype=float32)
    """

    op: Op

    def __call__(self, samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
        """Change samples `[t]` or `[c, t]`.

        Args:
            samples: Values from -1 to 1.
            sample_rate: Samples per second.
        """
        sound = torch.from_numpy(np.atleast_2d(np.asarray(samples, dtype=np.float32)))
        changed = at_rate(self.op, sample_rate)(sound).numpy()
        result: NDArray[np.float32] = changed[0] if np.ndim(samples) == 1 else changed
        return result
