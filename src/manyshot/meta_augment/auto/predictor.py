"""The learned part of `auto`: from what is seen of a support set to the gain that each candidate will bring."""

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from manyshot.base import InputError, read_bytes
from manyshot.base.tensor_file import read_tensors, write_tensors
from manyshot.meta_augment.auto.bank import Looks
from manyshot.meta_augment.auto.evidence import PROBE_NAMES, SCORE_NAMES
from manyshot.meta_augment.auto.menu import OPS, USES
from manyshot.meta_augment.auto.traits import TASK_NAMES

UNIT = 0.1
"""Accuracy that one unit of the network's output stands for."""
HIDDEN, IDENTITY = 48, 12
"""Widths of the hidden layers, and of what is known of a row of the menu itself."""


SHA256 = "7284d16951853c29d6c7c579c8214223414faecdd3d5d9d0dd710aeaa3db220f"
"""Checksum of the weights that ship."""


def squash(values: Tensor) -> Tensor:
    """Compress large values: asinh(8 x) / 4."""
    return (8 * values).asinh() / 4


class GainPredictor(nn.Module):
    """Predict the gain of each candidate over no augmentation, as a difference of accuracies.

    Each row o of the menu has the same network, which also sees the mean over the rows (Deep Sets, Zaheer et al. 2017):

    h_o = relu(A [task, moves_o, gains_o, identity_o]),   gain_o,use = B relu(C [h_o, mean h]) + prior_o,use(shots)

    `pull` then mixes in the mean gains on known data sets: by as much as it takes to do best on data sets that the
    predictor has not seen.

    Since `Looks` are means over classes and examples, the prediction does not depend on their order.

    Args:
        ops: Rows of the menu.
        uses: Uses of each row.
        dropout: Share of the hidden units that are left out in training.

    Example:
        >>> predictor = GainPredictor()
        >>> seen = Looks(torch.zeros(5, 34), torch.zeros(5, len(OPS), 14), torch.zeros(5, len(OPS), 9))
        >>> predictor(seen).shape, bool((predictor(seen)[:, 0] == 0).all())
        (torch.Size([5, 58]), True)
    """

    mean: Tensor
    scale: Tensor
    known_sizes: Tensor
    means: Tensor
    shares: Tensor

    def __init__(self, ops: int = len(OPS), uses: int = len(USES), dropout: float = 0.1) -> None:
        super().__init__()
        inputs = len(TASK_NAMES) + len(PROBE_NAMES) + len(SCORE_NAMES)
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("scale", torch.ones(inputs))
        self.identity = nn.Parameter(torch.randn(ops, IDENTITY) / 2)
        self.first = nn.Linear(inputs + IDENTITY, HIDDEN)
        self.second = nn.Linear(2 * HIDDEN, HIDDEN)
        self.last = nn.Linear(HIDDEN, uses)
        self.prior = nn.Parameter(torch.zeros(3, ops, uses))
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("known_sizes", torch.arange(4.0))
        self.register_buffer("means", torch.zeros(4, ops * uses))
        self.register_buffer("shares", torch.zeros(4))

    def forward(self, seen: Looks) -> Float[Tensor, "b candidates"]:
        """Predict gains, in the order of `CANDIDATES`; that of the first, no augmentation, is 0."""
        b, ops = seen.moves.shape[:2]
        inputs = torch.cat([seen.task[:, None].expand(-1, ops, -1), seen.moves, seen.gains], 2)
        inputs = ((squash(inputs) - self.mean) / self.scale).clamp(-4, 4)
        rows = torch.cat([inputs, self.identity.expand(b, -1, -1)], 2)
        hidden = self.dropout(torch.relu(self.first(rows)))
        hidden = torch.cat([hidden, hidden.mean(1, keepdim=True).expand(-1, ops, -1)], 2)
        gains = self.last(self.dropout(torch.relu(self.second(hidden))))
        size = seen.task[:, TASK_NAMES.index("shots")]  # the logarithm of shots over 3
        basis = _basis(size)
        gains = UNIT * (gains + torch.einsum("bk,kou->bou", basis, self.prior))
        return torch.cat([gains.new_zeros(b, 1), self._pulled(gains.flatten(1), size)], 1)

    def fit_scale(self, seen: Looks) -> None:
        """Take mean and spread of the inputs from the tasks of training."""
        parts = [squash(part).flatten(0, -2) for part in (seen.task, seen.moves, seen.gains)]
        self.mean.copy_(torch.cat([part.mean(0) for part in parts]))
        self.scale.copy_(torch.cat([part.std(0) for part in parts]).clamp(min=0.02))

    def pull(self, shots: Sequence[int], means: Float[Tensor, "s candidates"], shares: Sequence[float]) -> None:
        """Mix predictions with the mean gains on known data sets: `(1 - share) gain + share mean`.

        Args:
            shots: Four numbers of shots; between them means and shares are interpolated in log(shots).
            means: Mean gain of each candidate.
            shares: From 0, the prediction alone, to 1, the mean alone.
        """
        self.known_sizes.copy_(torch.tensor(shots).log() / 3)
        self.means.copy_(means[:, 1:])
        self.shares.copy_(torch.tensor(shares))

    def _pulled(self, gains: Tensor, size: Tensor) -> Tensor:
        """The mixture of predictions and means at the shots of each task."""
        known = self.known_sizes
        size = size.clamp(known[0], known[-1])
        upper = torch.searchsorted(known, size).clamp(1, len(known) - 1)
        part = ((size - known[upper - 1]) / (known[upper] - known[upper - 1]))[:, None]
        share = self.shares[upper - 1, None] * (1 - part) + self.shares[upper, None] * part
        mean = self.means[upper - 1] * (1 - part) + self.means[upper] * part
        return (1 - share) * gains + share * mean


def _basis(size: Float[Tensor, " b"]) -> Float[Tensor, "b 3"]:
    """A parabola in the logarithm of shots over 3."""
    return torch.stack([torch.ones_like(size), size, size.square()], 1)


class Ensemble(nn.Module):
    """The mean prediction of several predictors.

    Args:
        members: Predictors, trained from different seeds.
    """

    def __init__(self, members: Sequence[GainPredictor]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, seen: Looks) -> Float[Tensor, "b candidates"]:
        """Predict gains, as `GainPredictor`."""
        return torch.stack([member(seen) for member in self.members]).mean(0)


def write_predictor(path: Path, ensemble: Ensemble, metadata: dict[str, str]) -> None:
    """Write weights.

    Args:
        path: Path of the file.
        ensemble: Predictors.
        metadata: What they were trained on.
    """
    kept = {"menu": "\n".join(OPS), "uses": "\n".join(USES), "members": str(len(ensemble.members))}
    write_tensors(path, ensemble.state_dict(), {**metadata, **kept})


def read_predictor(path: Path | None = None) -> Ensemble:
    """Read weights; those that ship with the package if no path is given.

    Args:
        path: Path of the file.

    Raises:
        InputError: If the file is damaged or was trained for another menu.
    """
    if path is None:
        path = Path(str(files("manyshot.meta_augment.auto") / "auto.safetensors"))
        if hashlib.sha256(read_bytes(path)).hexdigest() != SHA256:
            raise InputError(f"{path}: damaged; install Manyshot again")
    tensors, metadata = read_tensors(path)
    if metadata.get("menu", "").split("\n") != list(OPS) or metadata.get("uses", "").split("\n") != list(USES):
        raise InputError(f"{path}: was trained for other plans than this version has; train it again")
    members = metadata.get("members", "")
    ensemble = Ensemble([GainPredictor() for _ in range(int(members) if members.isdecimal() else 0)])
    expected = {name: tensor.shape for name, tensor in ensemble.state_dict().items()}
    if expected != {name: tensor.shape for name, tensor in tensors.items()}:
        raise InputError(f"{path}: damaged, its tensors do not fit; restore the file")
    ensemble.load_state_dict(tensors)
    return ensemble.eval()
