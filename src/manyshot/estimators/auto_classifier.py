"""`manyshot fit` with scikit-learn's interface: encoder, head and augmentation are chosen for the examples."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from manyshot.classify import FitReport, Model, Predictions, examples_from_arrays, fit_model, save_model


class AutoFewShotClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """Classify pictures or sentences with a few labeled examples per class; everything else is chosen by resampling.

    X may be images (arrays `[n, h, w]` or `[n, h, w, c]`, tensors `[n, c, h, w]`; uint8, or floats from 0 to 1), a list
    of paths of pictures or of PIL images, or a list of sentences. It is `FewShotClassifier.auto`.

    Args:
        encoder: A frozen encoder, such as "efficientnet-lite0", several joined by "+", or "auto" to choose one.
        head: A head, such as "ridge", or "auto".
        plan: Augmentation: ops such as "flip affine(15)", "learned", "none", or "auto".
        names: Whether class labels are read as names that say something of the classes: "none", "auto" where they agree
            with the examples, or "always". With "none" predictions do not depend on what classes are called.
        mirror: Whether mirrored pictures may be tried, if the plan is "auto".
        balance: Whether all classes weigh the same, so that a rare one is predicted more often.
        budget: Seconds that the search may take.
        random_state: Seed of splits and augmentation: a whole number, a NumPy `RandomState`, or None.

    Attributes:
        classes_: The class labels, sorted.
        model_: The fitted `Model`, which `manyshot predict` and `manyshot export` take once it is saved.
        report_: The `FitReport`: what was tried, what was chosen and why, accuracy with its interval, suspects.

    Example:
        >>> from manyshot import FewShotClassifier
        >>> FewShotClassifier.auto(budget=60)
        AutoFewShotClassifier(budget=60)
        >>> questions = ["where is my parcel", "track the parcel", "do you sell tea", "where can i buy tea"]
        >>> classifier = AutoFewShotClassifier("ngrams", random_state=0)
        >>> classifier.fit(questions, ["parcel", "parcel", "tea", "tea"]).predict(["is the parcel late"])
        array(['parcel'], dtype='<U6')
    """

    def __init__(
        self,
        encoder: str = "auto",
        head: str = "auto",
        plan: str = "auto",
        budget: float = 180.0,
        random_state: int | np.random.RandomState | None = None,
        names: str = "none",
        mirror: bool = True,
        balance: bool = False,
    ) -> None:
        self.encoder = encoder
        self.head = head
        self.plan = plan
        self.mirror = mirror
        self.balance = balance
        self.names = names
        self.budget = budget
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> "AutoFewShotClassifier":  # noqa: ANN401 - what users hold
        """Choose encoder, head and augmentation for labeled examples, and fit to all of them.

        Args:
            X: Examples, n of them.
            y: Class labels, one per example.

        Raises:
            InputError: If a name is unknown, an example is damaged, or there is one class only.
        """
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        check_consistent_length(X, y)
        self.model_: Model
        self.report_: FitReport
        self.model_, self.report_ = fit_model(
            examples_from_arrays(X, y),
            encoder=self.encoder,
            head=self.head,
            plan=self.plan,
            mirror=self.mirror,
            balance=self.balance,
            names=self.names,
            budget=self.budget,
            seed=seed,
        )
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:  # noqa: ANN401 - what users hold
        """Calibrated class probabilities `[n, classes]`, in the order of `classes_`; each row adds up to 1."""
        return np.asarray(self._predictions(X).probabilities, dtype=np.float64)

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: ANN401 - what users hold
        """The most probable class label `[n]` of each example, even where it is unlike every class."""
        best = self._predictions(X).best
        return np.asarray(self.classes_[best])

    def is_unknown(self, X: Any) -> NDArray[np.bool_]:  # noqa: ANN401 - what users hold
        """Whether each example `[n]` is unlike every class."""
        return self._predictions(X).unknown

    def save(self, folder: Path | str, overwrite: bool = False) -> None:
        """Write the model as `manyshot fit` does, for `manyshot predict`, `evaluate`, `export` and `manyshot.load`.

        Args:
            folder: Folder to write.
            overwrite: Whether a model that is there may be replaced.

        Raises:
            InputError: If the folder cannot be written.
        """
        check_is_fitted(self, "model_")
        save_model(self.model_, folder, overwrite)

    def _predictions(self, X: Any) -> Predictions:  # noqa: ANN401 - what users hold
        check_is_fitted(self, "model_")
        return self.model_.predict(examples_from_arrays(X))

    def __sklearn_tags__(self) -> Any:  # noqa: ANN401 - scikit-learn has no types
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.input_tags.string = True
        return tags
