"""The learned part of `auto`: from what is seen of a support set to the gain that each candidate will bring."""

import hashlib
from importlib.resources import files
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from manyshot.base import InputError, read_bytes
from manyshot.base.tensor_file import read_tensors, write_tensors
from manyshot.meta_augment.auto.evidence import SCORE_NAMES
from manyshot.meta_augment.auto.menu import CANDIDATES
from manyshot.meta_augment.auto.traits import TASK_NAMES
from manyshot.meta_augment.auto.variant_gram import TaskEvidence

SHOTS = (1, 2, 5)
"""Numbers of shots that have numbers of their own; between them predictions are interpolated in log(shots)."""

SHA256 = "afd2afc243e15dea53057ae6e4fb287286409e0664e34413a95c2bd0b9e17ed3"
"""Checksum of the weights that ship."""


class GainPredictor(nn.Module):
    """Predict the gain of each candidate over no augmentation, as a difference of accuracies.

    A candidate starts from its mean gain on known data sets. The one with the largest mean is the usual choice u, and
    what cross-validation says beyond it moves the prediction once it is more than noise:

    z_k = (score_k - score_u) / noise,   gain_k = mean_k + slope max(z_k - threshold, 0),

    where a score is the accuracy of cross-validation less its squared error. Slope and threshold are those that choose
    best on data sets that were left out (`fit_predictor`). This is a sparse prior on how much a data set differs from
    the others (soft thresholding, Donoho & Johnstone 1994): for most the usual choice is right, and for some there are
    much better ones, which show.

    Since `TaskEvidence` are means over classes and examples, the prediction does not depend on their order.

    Example:
        >>> from manyshot.meta_augment.auto.menu import OPS
        >>> predictor, many = GainPredictor(), len(CANDIDATES)
        >>> seen = TaskEvidence(torch.zeros(5, 34), torch.zeros(5, len(OPS), 14), torch.zeros(5, many - 1, 3))
        >>> predictor(seen).shape, bool((predictor(seen)[:, 0] == 0).all())
        (torch.Size([5, 69]), True)
    """

    means: Tensor
    noise: Tensor
    slopes: Tensor
    thresholds: Tensor

    def __init__(self) -> None:
        super().__init__()
        sizes = len(SHOTS)
        self.register_buffer("means", torch.zeros(sizes, len(CANDIDATES)))
        self.register_buffer("noise", torch.ones(sizes))
        self.register_buffer("slopes", torch.zeros(sizes))
        self.register_buffer("thresholds", torch.zeros(sizes))

    def forward(self, seen: TaskEvidence) -> Float[Tensor, "b candidates"]:
        """Predict gains, in the order of `CANDIDATES`; that of the first, no augmentation, is 0.

        Between two of `SHOTS` predictions are interpolated in log(shots).
        """
        each = torch.stack([self.of_size(seen, size) for size in range(len(SHOTS))])
        known = torch.tensor(SHOTS).log().to(each)
        own = (3 * seen.task[:, TASK_NAMES.index("shots")]).clamp(known[0], known[-1])  # it is log(shots) / 3
        upper = torch.searchsorted(known, own).clamp(1, len(SHOTS) - 1)
        part = ((own - known[upper - 1]) / (known[upper] - known[upper - 1]))[:, None]
        rows = torch.arange(len(own)).to(upper)
        gains = (1 - part) * each[upper - 1, rows] + part * each[upper, rows]
        return gains - gains[:, :1]

    def of_size(self, seen: TaskEvidence, size: int) -> Float[Tensor, "b candidates"]:
        """Predictions by the numbers of one of `SHOTS`.

        Args:
            seen: Of b tasks.
            size: Which of `SHOTS`.
        """
        ahead = lead(seen.scores, int(self.means[size].argmax())) / self.noise[size]
        return self.means[size] + self.slopes[size] * (ahead - self.thresholds[size]).clamp(min=0)


def lead(scores: Float[Tensor, "b others 3"], usual: int) -> Float[Tensor, "b candidates"]:
    """How far cross-validation puts each candidate ahead of the usual choice.

    Args:
        scores: Of all candidates but the first, as `TaskEvidence` has them.
        usual: Number of the usual choice.

    Example:
        >>> lead(torch.tensor([[[0.1, 0.05, 0.0], [0.2, 0.0, 0.0]]]), 1)
        tensor([[-0.1500,  0.0000,  0.0500]])
    """
    total = scores[..., SCORE_NAMES.index("accuracy")] + scores[..., SCORE_NAMES.index("error")]
    total = torch.cat([total.new_zeros(len(total), 1), total], 1)
    return total - total[:, usual : usual + 1]


def write_predictor(path: Path, predictor: GainPredictor, metadata: dict[str, str]) -> None:
    """Write weights.

    Args:
        path: Path of the file.
        predictor: The predictor.
        metadata: What it was fitted to.
    """
    write_tensors(path, predictor.state_dict(), {**metadata, "menu": menu_text()})


def menu_text() -> str:
    """The menu as one text, which tells predictors for other menus apart."""
    return "\n".join(str(one.plan) for one in CANDIDATES)


def read_predictor(path: Path | None = None) -> GainPredictor:
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
    if metadata.get("menu") != menu_text():
        raise InputError(f"{path}: was trained for other plans than this version has; train it again")
    predictor = GainPredictor()
    expected = {name: tensor.shape for name, tensor in predictor.state_dict().items()}
    if expected != {name: tensor.shape for name, tensor in tensors.items()}:
        raise InputError(f"{path}: damaged, its tensors do not fit; restore the file")
    predictor.load_state_dict(tensors)
    return predictor.eval()
