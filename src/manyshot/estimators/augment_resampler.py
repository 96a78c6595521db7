"""Over-sampling by augmentation, with imbalanced-learn's interface."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from torch import Tensor

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.base.seeds import generator
from manyshot.datasets.inputs import from_images, kind_of_input, to_images
from manyshot.meta_augment.auto.auto_plan import AUTO, auto_plan


class AugmentResampler(BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """Add augmented examples: `fit_resample(X, y)` returns the original examples, then the generated ones.

    X may be images (arrays `[n, h, w]` or `[n, h, w, c]`, tensors `[n, c, h, w]`; uint8, or floats from 0 to 1) or a
    list of sentences; the result is of the same type. Does not need imbalanced-learn, and works in its `Pipeline`.

    Args:
        plan: A `Plan`, or its text, with a `shots` clause that says how an example is changed; "auto" to choose one for
            the images by `manyshot.auto_plan`.
        sampling_strategy: How many examples each class has afterwards: "auto" to balance all classes with the largest
            one, a whole number for all classes, or a mapping from class labels to numbers (other classes stay as they
            are). None generates as many per example as the plan says (`shots: 4 x affine` gives four).
        random_state: Seed: a whole number, a NumPy `RandomState`, or None.

    Attributes:
        sampling_strategy_: Number of generated examples of each class.
        sample_indices_: For each example of the result, the index of the original one that it is or was generated from.

    Example:
        >>> X, y = np.random.default_rng(0).random((6, 8, 8)), np.array([0, 0, 0, 0, 1, 1])
        >>> resampler = AugmentResampler("shots: affine(10)", random_state=0)
        >>> more, labels = resampler.fit_resample(X, y)
        >>> more.shape, labels.tolist(), resampler.sample_indices_.tolist()
        ((8, 8, 8), [0, 0, 0, 0, 1, 1, 1, 1], [0, 1, 2, 3, 4, 5, 4, 5])
    """

    def __init__(
        self,
        plan: str | Plan = "shots: affine elastic",
        sampling_strategy: str | int | Mapping[Any, int] | None = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.plan = plan
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state

    def fit_resample(self, X: Any, y: Any) -> tuple[Any, NDArray[Any]]:  # noqa: ANN401
        """Augment a data set.

        Args:
            X: Images or sentences, n of them.
            y: Class labels, one per example.

        Returns:
            The examples, original ones first, and their labels.

        Raises:
            InputError: If X holds neither images nor sentences, the plan does not generate examples, or a class would
                have fewer examples than it has.
        """
        plan = None if self.plan == AUTO else self.plan if isinstance(self.plan, Plan) else Plan(self.plan)
        op = None if plan is None else plan.item_op()
        kind = kind_of_input(X)
        if kind not in ("images", "text"):
            raise InputError(f"X holds {kind}; give arrays or tensors of images, or a list of sentences")
        labels = np.asarray(y)
        if len(labels) != len(X):
            raise InputError(f"{len(X)} examples and {len(labels)} labels; give one label per example")
        if plan is None or op is None:
            plan = self._chosen_plan(X, labels, kind)
            op = plan.item_op()
        classes, class_ids = np.unique(labels, return_inverse=True)
        counts = np.bincount(class_ids)
        added = self._numbers(plan, classes, counts) - counts
        self.sampling_strategy_ = dict(zip(classes.tolist(), added.tolist(), strict=True))
        members = [np.flatnonzero(class_ids == c) for c in range(len(classes))]
        origin = np.concatenate([np.resize(m, n) for m, n in zip(members, added, strict=True)]).astype(np.int64)
        self.sample_indices_ = np.concatenate([np.arange(len(labels)), origin])
        draws = generator(int(check_random_state(self.random_state).randint(2**31 - 1)))
        if kind == "text":
            generated = op([str(X[i]) for i in origin], draws) if len(origin) else []
            texts = list(X) + generated
            more_texts: Any = np.asarray(texts, dtype=object) if isinstance(X, np.ndarray) else texts
            return more_texts, labels[self.sample_indices_]
        X = X if isinstance(X, np.ndarray | Tensor) else to_images(X)
        images = to_images(X)
        if len(origin):
            more: Any = from_images(op(images[torch.from_numpy(origin)], draws), X)
            X = torch.cat([X, more]) if isinstance(X, Tensor) else np.concatenate([X, more])
        return X, labels[self.sample_indices_]

    def _chosen_plan(self, X: Any, labels: NDArray[Any], kind: str) -> Plan:  # noqa: ANN401
        """The plan that `auto` chooses for the images."""
        if kind != "images":
            raise InputError(f"plan='{AUTO}' is for images, and X holds {kind}; give a plan such as 'shots: reword'")
        return auto_plan(X, labels)

    def _numbers(self, plan: Plan, classes: NDArray[Any], counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many examples each class has afterwards."""
        strategy = self.sampling_strategy
        if strategy is None:
            shots = next((clause for clause in plan.syntax.clauses if "shots" in clause.placements), None)
            copies = 1 if shots is None else shots.copies or 1
            balanced = shots is not None and shots.balanced
            return (np.full_like(counts, counts.max()) if balanced else counts) * (1 + copies)
        if strategy == "auto":
            return np.full_like(counts, counts.max())
        if isinstance(strategy, Mapping):
            unknown = [label for label in strategy if label not in classes.tolist()]
            if unknown:
                raise InputError(f"sampling_strategy: no class {unknown[0]!r}; known: {classes.tolist()}")
            pairs = zip(classes.tolist(), counts.tolist(), strict=True)
            numbers = np.array([strategy.get(label, count) for label, count in pairs])
        elif isinstance(strategy, int | np.integer):
            numbers = np.full_like(counts, strategy)
        else:
            raise InputError(f"sampling_strategy={strategy!r}: give 'auto', a whole number, a mapping, or None")
        if (numbers < counts).any():
            c = int(np.argmax(numbers < counts))
            raise InputError(
                f"sampling_strategy: class {classes[c]!s} has {counts[c]} examples, more than {numbers[c]}; give at "
                "least as many"
            )
        return numbers.astype(np.int64)
