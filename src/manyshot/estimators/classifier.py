"""A few-shot classifier with scikit-learn's interface."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)
from torch import Tensor, nn

from manyshot.augment import Plan, pool_variants
from manyshot.augment.plan.syntax_tree import Syntax
from manyshot.base import InputError
from manyshot.base.seeds import generator
from manyshot.datasets.inputs import kind_of_input, read_pictures, to_images
from manyshot.estimators.auto_classifier import AutoFewShotClassifier
from manyshot.estimators.encoders import Encoder, frozen_encoder, frozen_learner, takes_text
from manyshot.learners import Classifier, Learner, by_task
from manyshot.meta_augment.auto.auto_plan import AUTO, auto_plan
from manyshot.nets import PretrainedEncoder
from manyshot.tasks import Episode, Examples, Parts
from manyshot.tasks.items import move_items


class FewShotClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """Classify with a few labeled examples per class: a frozen encoder, augmentation, and a learner on the features.

    X may be vectors `[n, d]`, images (arrays `[n, h, w]` or `[n, h, w, c]`, tensors `[n, c, h, w]`; uint8, or floats
    from 0 to 1), a list of paths of pictures or of PIL images, a list of sentences, or `manyshot.Parts` for examples of
    several parts, with the encoder "parts" and the learner "fusion". Works in `Pipeline`, `cross_val_score` and
    `GridSearchCV`.

    Args:
        encoder: A pre-trained encoder by name, such as "efficientnet-lite0" for images or "minilm" for sentences; a
            module, or a function of a batch, that gives features `[n, d]`; None to use vectors or pixels as they are.
        learner: Learner by name, with options: "logistic", "ridge", "prototypes", "probe(penalty=0.1)", ...
        augment: A `Plan`, or its text: `support`, `shots` and `query` clauses, such as "shots: 8 x affine elastic";
            "auto" to choose one for the images by `manyshot.auto_plan`.
        random_state: Seed of the augmentation: a whole number, a NumPy `RandomState`, or None.

    Attributes:
        classes_: The class labels, sorted.
        encoder_: The encoder in use, a module.
        learner_: The learner in use, a module.
        plan_: The plan in use.
        n_features_in_: Number of features, if X holds vectors.

    Example:
        >>> from sklearn.datasets import load_digits
        >>> images, y = load_digits(return_X_y=True)
        >>> images = (images / 16).reshape(-1, 8, 8)
        >>> classifier = FewShotClassifier(learner="ridge", augment="shots: 8 x affine(10)", random_state=0)
        >>> classifier.fit(images[:50], y[:50]).predict(images[100:105]), y[100:105]
        (array([4, 0, 5, 3, 6]), array([4, 0, 5, 3, 6]))
    """

    auto = AutoFewShotClassifier
    """The estimator that chooses encoder, head and augmentation for the examples, as `manyshot fit` does."""

    def __init__(
        self,
        encoder: Encoder = None,
        learner: str = "logistic",
        augment: str | Plan | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.encoder = encoder
        self.learner = learner
        self.augment = augment
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "FewShotClassifier":  # noqa: ANN401
        """Adapt to labeled examples.

        Args:
            X: Examples, n of them.
            y: Class labels, one per example.
            sample_weight: Weight of each example; 1 if None.

        Raises:
            InputError: If a name is unknown, the learner has to be trained first, or X does not suit the encoder.
        """
        self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        plan = None if self.augment == AUTO else _check_plan(self.augment)
        items, y = self._fit_items(X, y)
        check_classification_targets(y)
        self.classes_, class_ids = np.unique(y, return_inverse=True)
        if plan is None:
            if not isinstance(items, Tensor) or items.ndim != 4:
                raise InputError(f"augment='{AUTO}' is for images, and X holds {self._kind}; give a plan, or None")
            plan = auto_plan(items, class_ids)
        self.plan_ = plan
        self.encoder_ = frozen_encoder(self.encoder, items)
        learner = frozen_learner(self.learner, self.encoder_, len(self.classes_))
        parts = learner.on_features()
        self._cached = parts is not None and parts[0] is self.encoder_
        if self._cached:  # in double precision, since features are small
            learner = frozen_learner(self.learner, nn.Identity(), len(self.classes_)).double()
        self.learner_: Learner = learner
        self._query_plan = _only(plan, "query")
        weight = torch.as_tensor(np.ones(len(y)) if sample_weight is None else _check_sample_weight(sample_weight, X))
        self._support = self._adapted_support(items, class_ids, weight, plan)
        self._classifier: Classifier = self.learner_.adapt(self._support)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:  # noqa: ANN401
        """Class probabilities `[n, classes]`, in the order of `classes_`; each row adds up to 1."""
        check_is_fitted(self, "classes_")
        items = self._predict_items(X)
        query = _examples(items, torch.zeros(len(items), dtype=torch.long), torch.ones(len(items)), len(self.classes_))
        episode = Episode(query, query, torch.arange(len(self.classes_))[None])
        with torch.no_grad():
            query = self._query_plan.apply(episode, generator(self._seed, "query")).query
            logits = self._classifier(self._features(query).items, query.weight)
            logits = pool_variants(logits.double(), self._query_plan.query_copies)
        probabilities: NDArray[np.float64] = logits[0].softmax(-1).cpu().numpy()
        return probabilities

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: ANN401
        """The most probable class label `[n]` of each example."""
        best = self.predict_proba(X).argmax(1)
        return np.asarray(self.classes_[best])

    def _fit_items(self, X: Any, y: Any) -> tuple[Tensor | list[str] | Parts, NDArray[Any]]:  # noqa: ANN401
        self._kind = "parts" if isinstance(X, Parts) else kind_of_input(X)
        if self._kind == "parts":
            items: Tensor | list[str] | Parts = X
        elif self._kind == "vectors":
            X, y = validate_data(self, X, y)
            items = torch.tensor(X)
        else:
            if y is None:
                raise InputError("FewShotClassifier requires y to be passed, but the target y is None")
            self._size: tuple[int, int] | None = None
            self._color: bool | None = None
            items = self._convert(X)
            if isinstance(items, Tensor):
                self._size, self._color = (items.shape[2], items.shape[3]), items.shape[1] == 3
        y = column_or_1d(y, warn=True)
        check_consistent_length(X, y)
        return items, y

    def _predict_items(self, X: Any) -> Tensor | list[str] | Parts:  # noqa: ANN401
        if isinstance(X, Parts) != (self._kind == "parts"):
            kind = "parts" if isinstance(X, Parts) else kind_of_input(X)
            raise InputError(f"X holds {kind}, and the classifier was fitted to {self._kind}; give the same kind")
        if isinstance(X, Parts):
            return X
        if self._kind == "vectors":
            return torch.tensor(validate_data(self, X, reset=False))
        kind = kind_of_input(X)
        if (kind == "vectors") or (self._support_is_text and kind != "text"):
            raise InputError(f"X holds {kind}, and the classifier was fitted to {self._kind}; give the same kind")
        items = self._convert(X)
        if isinstance(items, Tensor) and tuple(items.shape[2:]) != self._size:
            raise InputError(f"images of size {tuple(items.shape[2:])}, but the classifier was fitted to {self._size}")
        return items

    @property
    def _support_is_text(self) -> bool:
        return self._kind == "text" and takes_text(self.encoder)

    def _convert(self, X: Any) -> Tensor | list[str]:  # noqa: ANN401
        kind = kind_of_input(X)
        if kind == "images":
            return to_images(X)
        if kind == "text" and takes_text(self.encoder):
            return [str(text) for text in X]
        return read_pictures(list(X), self._size, self._color)

    def _adapted_support(
        self, items: Tensor | list[str] | Parts, class_ids: NDArray[np.int64], weight: Tensor, plan: Plan
    ) -> Examples:
        """The augmented support, encoded if the learner leaves the encoder alone."""
        support = _examples(items, torch.from_numpy(class_ids), weight, len(self.classes_))
        episode = Episode(support, _first(support), torch.arange(len(self.classes_))[None])
        if plan.augmenter is not None and plan.augmenter.space == "features":
            episode = Episode(self._features(support), self._features(_first(support)), episode.classes)
            return _only(plan, "support", "shots").apply(episode, generator(self._seed, "support")).support
        with torch.no_grad():
            augmented = _only(plan, "support", "shots").apply(episode, generator(self._seed, "support"))
            return self._features(augmented.support)

    def _features(self, examples: Examples) -> Examples:
        if not self._cached:
            return examples
        with torch.no_grad():
            encoded = by_task(self.encoder_, _on_device_of(self.encoder_, examples.items))
            features = move_items(encoded.double() if isinstance(encoded, Tensor) else encoded, "cpu", torch.float64)
        return Examples(features, examples.labels.double(), examples.weight.double(), examples.class_mask)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the classifier, which is a function and follows from the rest."""
        return {name: value for name, value in super().__getstate__().items() if name != "_classifier"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_support" in state:
            self._classifier = self.learner_.adapt(self._support)

    def __sklearn_tags__(self) -> Any:  # noqa: ANN401 - scikit-learn has no types
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.string = self.encoder is not None
        return tags


def _examples(items: Tensor | list[str] | Parts, class_ids: Tensor, weight: Tensor, ways: int) -> Examples:
    """One task of labeled examples."""
    return Examples(
        items=_as_one_task(items),
        labels=torch.eye(ways, dtype=weight.dtype)[class_ids][None],
        weight=weight[None],
        class_mask=torch.ones(1, ways, dtype=torch.bool),
    )


def _as_one_task(items: Any) -> Any:  # noqa: ANN401 - a tensor, sentences, or parts
    if isinstance(items, Parts):
        return items.both(_as_one_task)
    return items[None] if isinstance(items, Tensor) else [items]


def _first(examples: Examples) -> Examples:
    """The first example of each task, as the side of an episode that is not used."""

    def first(items: Any) -> Any:  # noqa: ANN401 - a tensor, sentences, or parts
        if isinstance(items, Parts):
            return items.both(first)
        return items[:, :1] if isinstance(items, Tensor) else [row[:1] for row in items]

    return Examples(first(examples.items), examples.labels[:, :1], examples.weight[:, :1], examples.class_mask)


def _check_plan(augment: str | Plan | None) -> Plan:
    """The plan that was given, which must suit a single task."""
    plan = augment if isinstance(augment, Plan) else Plan(augment or "none")
    if "task" in plan.placements:
        raise InputError(f"augment='{plan}': there is a single task here; leave out the 'task:' clause")
    plan.check_test_time("augment")
    return plan


def _only(plan: Plan, *placements: str) -> Plan:
    """The part of a plan that acts at these placements."""
    clauses = [
        replace(clause, placements=kept)
        for clause in plan.syntax.clauses
        if (kept := tuple(name for name in clause.placements if name in placements))
    ]
    part = Plan(Syntax(tuple(clauses)))
    return part.with_augmenter(plan.augmenter) if part.needs_augmenter and plan.augmenter is not None else part


def _on_device_of(encoder: nn.Module, items: Any) -> Any:  # noqa: ANN401 - a tensor, or lists of sentences
    parameter = next(encoder.parameters(), None)
    if not isinstance(items, Tensor) or parameter is None:
        return items
    return items.to(parameter.device) if isinstance(encoder, PretrainedEncoder) else items.to(parameter)
