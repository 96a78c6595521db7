"""How sure a classifier may be: one temperature, fitted to logits of examples that were left out."""

import math

from jaxtyping import Float, Int
from scipy.optimize import minimize_scalar
from torch import Tensor

from manyshot.base import InputError

PRIOR_LOG_RATIO = -1.0
"""Expected log(temperature / spread of the training logits)."""
PRIOR_DEVIATION = 0.7
"""Its standard deviation between data sets.

Both were read off the temperatures that fit large test sets best: frozen EfficientNet-Lite0 on nine data sets, 1 to 20
examples of 2 to 16 classes. Medians per head and number of examples lay between -0.9 and -1.4."""
REACH = 6.0
"""The temperature is sought within this many logarithmic units of the prior's center."""


def logit_spread(logits: Float[Tensor, "n c"]) -> float:
    """Root mean square of logits around their mean over classes, the unit in which heads are comparable.

    Args:
        logits: Logits `[n, c]`; infinite ones do not count.

    Example:
        >>> import torch
        >>> logit_spread(torch.tensor([[1.0, -1.0], [5.0, 1.0]]))  # deviations of 1 and 2
        1.5811388300841898
    """
    logits = logits.double()
    finite = logits.isfinite()
    mean = logits.where(finite, 0.0).sum(1, keepdim=True) / finite.sum(1, keepdim=True)
    return float((logits - mean)[finite].square().mean().sqrt())


def fit_temperature(logits: Float[Tensor, "n c"], labels: Int[Tensor, " n"], spread: float) -> float:
    """Fit the temperature t of softmax(logits / t) (Guo, Pleiss, Sun and Weinberger 2017), with a prior.

    t minimizes the log-loss of logits of examples that the head had not seen, plus a normal prior on log t, so that
    without such logits (one example of each class) t is the prior's. Folds with examples of all classes give better
    logits than leave-one-out, which makes the class of the example that is left out the smallest. Logits of different
    heads have different scales. The prior is therefore on t over the spread of the logits that the head gives its own
    training examples, which one and the same constant fits for all heads and numbers of examples.

    Args:
        logits: Logits `[n, c]` of unseen examples, n may be 0. Examples whose class has minus infinity do not count.
        labels: Their classes `[n]`.
        spread: `logit_spread` of the logits for the training examples.

    Returns:
        The temperature, above 0.

    Raises:
        InputError: If the spread is not a positive number.

    Example:
        >>> import torch
        >>> logits, labels = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]]), torch.tensor([0, 1, 1])
        >>> round(fit_temperature(logits[:0], labels[:0], spread=1.0), 3)
        0.368
        >>> round(fit_temperature(logits, labels, spread=1.0), 3)
        0.855
    """
    if not 0 < spread < math.inf:
        raise InputError(f"spread={spread}: all training examples have the same logits; give examples that differ")
    own = logits.double().gather(1, labels[:, None])
    seen = own[:, 0].isfinite()
    rows, own = logits.double()[seen], own[seen]
    center = math.log(spread) + PRIOR_LOG_RATIO

    def loss(log_temperature: float) -> float:
        scale = math.exp(-log_temperature)
        log_loss = (rows * scale).logsumexp(1).sum() - (own * scale).sum()
        return float(log_loss) + ((log_temperature - center) / PRIOR_DEVIATION) ** 2 / 2

    result = minimize_scalar(loss, bounds=(center - REACH, center + REACH), method="bounded", options={"xatol": 1e-5})
    return math.exp(result.x)
