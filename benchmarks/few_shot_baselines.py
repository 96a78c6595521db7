"""What a user of scikit-learn would do with a few examples and a frozen encoder, by the book."""

import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier

from manyshot.classify.choose.candidates import Setting
from manyshot.classify.encode.encoded_examples import EncodedExamples
from manyshot.classify.heads import Transform

Features = NDArray[np.float64]
Labels = NDArray[np.int64]
PENALTIES = np.logspace(-3, 2, 6)
FOLDS = 5
FLIPS_AND_CROPS = Setting(Transform(), "logistic", (("crop(0.6)", 2), ("flip", 1)))


def predict_logistic(x: Features, y: Labels, query: Features, example: Labels | None = None) -> NDArray[np.float64]:
    """Probabilities by `LogisticRegressionCV`, or `LogisticRegression` with one example per class.

    Args:
        x: Features `[n, d]`.
        y: Classes `[n]`.
        query: Features `[m, d]`.
        example: The example `[n]` of each row, if rows are variants of fewer examples.
    """
    folds = min(FOLDS, int(np.bincount(y if example is None else y[np.unique(example, return_index=True)[1]]).min()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", FutureWarning)
        if folds < 2:
            return np.asarray(LogisticRegression(max_iter=1000).fit(x, y).predict_proba(query))
        if example is None:
            splits = list(StratifiedKFold(folds, shuffle=True, random_state=0).split(x, y))
        else:
            splits = list(StratifiedGroupKFold(folds, shuffle=True, random_state=0).split(x, y, example))
        model = LogisticRegressionCV(Cs=PENALTIES, cv=splits, max_iter=1000)
        return np.asarray(model.fit(x, y).predict_proba(query))


def predict_neighbors(x: Features, y: Labels, query: Features) -> NDArray[np.float64]:
    """Probabilities by nearest neighbors, their number chosen by cross-validation.

    Args:
        x: Features `[n, d]`.
        y: Classes `[n]`.
        query: Features `[m, d]`.
    """
    folds = min(FOLDS, int(np.bincount(y).min()))
    if folds < 2:
        return np.asarray(KNeighborsClassifier(1).fit(x, y).predict_proba(query))
    grid = {"n_neighbors": [count for count in (1, 3, 5, 9) if count <= len(y) - len(y) // folds - 1]}
    return np.asarray(GridSearchCV(KNeighborsClassifier(), grid, cv=folds).fit(x, y).predict_proba(query))


def baselines(
    encoded: EncodedExamples, labels: Labels, encoder: str, fit: Labels, test: Labels, augmented: bool
) -> dict[str, NDArray[np.float64]]:
    """Probabilities for the test examples by each baseline.

    Features are rotated into the span of the training rows first, which changes no result and saves time.

    Args:
        encoded: Features of all examples.
        labels: Their classes.
        encoder: The encoder.
        fit: Indices of the training examples.
        test: Indices of the test examples.
        augmented: Whether flips and crops are also tried as further training examples.
    """
    plain = Setting(Transform(), "logistic")
    x, query = _together(encoded, encoder, plain, fit, test)
    y = labels[fit]
    result = {
        "logistic regression": predict_logistic(x, y, query),
        "nearest neighbors": predict_neighbors(x, y, query),
    }
    if augmented:
        each = 1 + FLIPS_AND_CROPS.copies
        x, query = _together(encoded, encoder, FLIPS_AND_CROPS, fit, test)
        example = np.repeat(np.arange(len(fit)), each)
        name = "logistic regression, flips and crops"
        result[name] = predict_logistic(x, y.repeat(each), query[::each], example)
    return result


def _together(
    encoded: EncodedExamples, encoder: str, setting: Setting, fit: Labels, test: Labels
) -> tuple[Features, Features]:
    (x,) = encoded.select(torch.from_numpy(fit)).rows(encoder, setting)
    (query,) = encoded.select(torch.from_numpy(test)).rows(encoder, setting)
    axes = torch.linalg.qr(x.double().T)[0] if len(x) < x.shape[1] else torch.eye(x.shape[1]).double()
    return (x.double() @ axes).numpy(), (query.double() @ axes).numpy()
