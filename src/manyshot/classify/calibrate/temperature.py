"""How sure a classifier may be: one temperature, fitted to logits of examples that were left out."""

import math

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from manyshot.base import InputError
from manyshot.classify.choose.candidate_prior import UNKNOWN_LOG_RATIO, Gain, Prior
from manyshot.classify.choose.candidates import Candidate
from manyshot.classify.choose.labeled_features import LabeledFeatures
from manyshot.classify.choose.zero_shot_names import NameTerm

REACH = 6.0
"""The temperature is sought within this many logarithmic units of the prior's center."""
SPLITS, MOST_ROWS = 3, 400
"""How often examples are divided into folds; more examples and variants than these are divided once."""


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


def calibrate(
    examples: LabeledFeatures, candidate: Candidate, prior: Prior, folds: int, term: NameTerm | None = None
) -> float:
    """The temperature of a candidate fitted to all examples, from its logits for those that folds leave out.

    Args:
        examples: The n examples.
        candidate: What is calibrated.
        prior: What temperatures did best on other data sets.
        folds: Number of folds; 0 for the prior's temperature.
        term: What names of classes add to the logits; None if they are not used.
    """
    targets, training = examples.targets, examples.all_training
    ((_, own),) = examples.left_out_logits([candidate], training)
    added = 0.0 if term is None else term.logits(examples.encoded, candidate, training)
    own = own + added
    expected, spread = prior.temperature_of(candidate.setting.head, examples.shots), logit_spread(own[0])
    if not folds:
        return fit_temperature(own[0, :0], targets[:0], spread, expected)
    splits = SPLITS if len(examples) * (1 + candidate.setting.copies) <= MOST_ROWS else 1
    parts = []
    for split in range(splits):
        fold = examples.folds(folds, examples.seed + split)
        ((_, left_out),) = examples.left_out_logits([candidate], training, fold)
        parts.append((left_out + added)[0])
    return fit_temperature(torch.cat(parts), targets.repeat(splits), spread, expected, splits)


def left_out_probabilities(
    examples: LabeledFeatures, candidate: Candidate, temperature: float, folds: int, term: NameTerm | None = None
) -> Float[np.ndarray, "n c"] | None:
    """Probabilities of each example by a fit of one candidate without its fold; None without folds.

    Args:
        examples: The n examples.
        candidate: What is fitted.
        temperature: Logits are divided by it, see `calibrate`.
        folds: Number of folds; 0 if nothing can be held out.
        term: What names of classes add to the logits; None if they are not used.
    """
    if not folds:
        return None
    training = examples.all_training
    ((_, logits),) = examples.left_out_logits([candidate], training, examples.folds(folds, examples.seed))
    added = 0.0 if term is None else term.logits(examples.encoded, candidate, training)
    return np.asarray(((logits + added)[0] / temperature).softmax(1))


def cross_fitted_probabilities(
    logits: Float[Tensor, "n c"], labels: Int[Tensor, " n"], fold: Int[Tensor, " n"]
) -> Float[np.ndarray, "n c"]:
    """Probabilities of held-out examples, each at the temperature that suits the examples of the other folds.

    What such probabilities are worth is judged fairly, since no example has a say in how sure it may be called.

    Args:
        logits: Logits `[n, c]` of examples that their classifier had not seen.
        labels: Their classes `[n]`.
        fold: Part `[n]` of each, from 0, two parts at least; examples of a group are in one.

    Raises:
        InputError: If all logits are the same.

    Example:
        >>> import torch
        >>> logits, labels = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]]), torch.tensor([0, 1, 1])
        >>> cross_fitted_probabilities(logits, labels, torch.tensor([0, 0, 1])).round(2).tolist()
        [[0.89, 0.11], [0.11, 0.89], [1.0, 0.0]]
    """
    spread, found = logit_spread(logits), torch.empty(logits.shape, dtype=torch.float64)
    for part in range(int(fold.max()) + 1):
        here = fold == part
        found[here] = (logits[here].double() / fit_temperature(logits[~here], labels[~here], spread)).softmax(1)
    return np.asarray(found)


def fit_temperature(
    logits: Float[Tensor, "n c"],
    labels: Int[Tensor, " n"],
    spread: float,
    log_ratio: Gain = UNKNOWN_LOG_RATIO,
    splits: int = 1,
) -> float:
    """Fit the temperature t of softmax(logits / t) (Guo, Pleiss, Sun and Weinberger 2017), with a prior.

    t minimizes the log-loss of logits of examples that the head had not seen, plus a normal prior on log t, so that
    without such logits (one example of each class) t is the prior's. Folds with examples of all classes give better
    logits than leave-one-out, which makes the class of the example that is left out the smallest. Logits of different
    heads have different scales. The prior is therefore on t over the spread of the logits that the head gives its own
    training examples, which one and the same constant fits roughly for all heads and numbers of examples.

    Args:
        logits: Logits `[n, c]` of unseen examples, n may be 0. Examples whose class has minus infinity do not count.
        labels: Their classes `[n]`.
        spread: `logit_spread` of the logits for the training examples.
        log_ratio: Expected log(temperature / spread), and its standard deviation between data sets.
        splits: How often each example is there, from as many divisions into folds; all of its rows count as one.

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
    from scipy.optimize import minimize_scalar  # a classifier that only predicts needs none of it

    if not 0 < spread < math.inf:
        raise InputError(f"spread={spread}: all training examples have the same logits; give examples that differ")
    own = logits.double().gather(1, labels[:, None])
    seen = own[:, 0].isfinite()
    rows, own = logits.double()[seen], own[seen]
    center = math.log(spread) + log_ratio.mean

    def loss(log_temperature: float) -> float:
        scale = math.exp(-log_temperature)
        log_loss = (rows * scale).logsumexp(1).sum() - (own * scale).sum()
        return float(log_loss) / splits + ((log_temperature - center) / log_ratio.sd) ** 2 / 2

    result = minimize_scalar(loss, bounds=(center - REACH, center + REACH), method="bounded", options={"xatol": 1e-5})
    return math.exp(result.x)
