"""The learned part of `auto`: from what is seen of a support set to the weight of each op."""

import hashlib
from importlib.resources import files
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from manyshot.base import InputError, read_bytes
from manyshot.base.tensor_file import read_tensors, write_tensors
from manyshot.meta_augment.auto.candidate_ops import OPS
from manyshot.meta_augment.auto.evidence import TaskEvidence

SHOTS = (1, 2, 5)
"""Numbers of shots that have numbers of their own; between them they are interpolated in log(shots)."""

SHA256 = "f9dfedf7183486d6850b388e2997b6d07d62d47318216b9184983791729a34c5"
"""Checksum of the weights that ship."""

ERROR_FLOOR = 0.05
"""Standard error of an excess that is added to every one, in nats."""


class OpWeigher(nn.Module):
    """Weigh the ops by what helped on known data sets and by what the support says.

    log weight_r = prior_r - trust (excess_r - usual_r) / error_r + constant.

    The excess of an op is how much worse than under all ops left-out examples are told apart under it; what counts is
    by how many standard errors it differs from what is usual for the op. Prior, usual excess and trust are learned on
    other data sets (`fit_op_weigher`).

    Example:
        >>> weigher, ops = OpWeigher(), len(OPS)
        >>> zeros = torch.zeros(5, ops)
        >>> weights = weigher(TaskEvidence(torch.full((5,), 2.0), zeros, zeros, torch.zeros(5), zeros, zeros))
        >>> weights.shape, bool((weights.sum(1) - 1).abs().max() < 1e-6)
        (torch.Size([5, 24]), True)
    """

    prior: Tensor
    usual: Tensor
    trust: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("prior", torch.zeros(len(SHOTS), len(OPS)))
        self.register_buffer("usual", torch.zeros(len(SHOTS), len(OPS)))
        self.register_buffer("trust", torch.zeros(len(SHOTS)))

    def forward(self, seen: TaskEvidence) -> Float[Tensor, "b ops"]:
        """Weights of the ops, which add up to 1."""
        prior, usual, trust = (self._between(part, seen.shots) for part in (self.prior, self.usual, self.trust))
        return torch.softmax(prior - trust[:, None] * standing(seen, usual), 1)

    def usual_weights(self, shots: Float[Tensor, " b"]) -> Float[Tensor, "b ops"]:
        """Weights of the ops before a task is looked at.

        Args:
            shots: Examples of a class of each task.
        """
        return torch.softmax(self._between(self.prior, shots), 1)

    def trusts(self, shots: float) -> bool:
        """Whether the weights depend on what is seen.

        Args:
            shots: Examples of a class.
        """
        return bool(self._between(self.trust, torch.tensor([float(shots)])).any())

    @staticmethod
    def _between(numbers: Tensor, shots: Tensor) -> Tensor:
        """Numbers for some shots, where there are some for each of `SHOTS`."""
        known = torch.tensor(SHOTS).log().to(shots)
        own = shots.log().clamp(known[0], known[-1])
        upper = torch.searchsorted(known, own).clamp(1, len(SHOTS) - 1)
        part = (own - known[upper - 1]) / (known[upper] - known[upper - 1])
        part = part.view(-1, *[1] * (numbers.ndim - 1))
        return (1 - part) * numbers[upper - 1] + part * numbers[upper]


def standing(seen: TaskEvidence, usual: Float[Tensor, "b ops"]) -> Float[Tensor, "b ops"]:
    """How many standard errors the excess of each op lies above what is usual; 0 if nothing could be left out.

    Args:
        seen: Of b tasks.
        usual: Usual excess of each op.
    """
    looked = (seen.error > 0).any(1, keepdim=True)
    return torch.where(looked, (seen.excess - usual) / (seen.error + ERROR_FLOOR**2).sqrt(), 0.0)


def write_weigher(path: Path, weigher: OpWeigher, metadata: dict[str, str]) -> None:
    """Write weights.

    Args:
        path: Path of the file.
        weigher: The weigher.
        metadata: What it was fitted to.
    """
    write_tensors(path, weigher.state_dict(), {**metadata, "menu": "\n".join(OPS)})


def read_weigher(path: Path | None = None) -> OpWeigher:
    """Read weights; those that ship with the package if no path is given.

    Args:
        path: Path of the file.

    Raises:
        InputError: If the file is damaged or was fitted for another menu.
    """
    if path is None:
        path = Path(str(files("manyshot.meta_augment.auto") / "auto.safetensors"))
        if hashlib.sha256(read_bytes(path)).hexdigest() != SHA256:
            raise InputError(f"{path}: damaged; install Manyshot again")
    tensors, metadata = read_tensors(path)
    if metadata.get("menu") != "\n".join(OPS):
        raise InputError(f"{path}: was fitted for other ops than this version has; fit it again")
    weigher = OpWeigher()
    expected = {name: tensor.shape for name, tensor in weigher.state_dict().items()}
    if expected != {name: tensor.shape for name, tensor in tensors.items()}:
        raise InputError(f"{path}: damaged, its tensors do not fit; restore the file")
    weigher.load_state_dict(tensors)
    return weigher.eval()
