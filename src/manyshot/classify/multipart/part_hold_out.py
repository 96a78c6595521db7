"""How well a fit to examples of several parts does on examples that it does not see, and what each piece adds."""

from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float64
from numpy.typing import NDArray
from torch import Tensor

from manyshot.classify.choose.choose_candidate import FOLDS
from manyshot.classify.choose.cross_validate import stratified_folds
from manyshot.classify.multipart.part_heads import PartHeads, PartRows
from manyshot.classify.multipart.part_names import SaidOfClasses, names_of_fit
from manyshot.tasks import Parts

REPEATS = ((150, 5), (500, 2))
"""How often examples are divided into folds, for at most so many rows (examples and variants); once for more."""


@dataclass(frozen=True)
class PartsProcedure:
    """What is fitted, again for each training set.

    Args:
        classes: Number of classes.
        head: Head by name, or "fusion".
        said: What is said of classes; None if names are not used.
        always: Whether names are used even where they do not agree with the examples.
    """

    classes: int
    head: str
    said: SaidOfClasses | None = None
    always: bool = False

    def fit(self, rows: PartRows, labels: Tensor, groups: Tensor | None) -> PartHeads:
        """The heads, without names.

        Args:
            rows: Examples and variants.
            labels: Classes of the examples.
            groups: Groups of the examples.
        """
        return PartHeads(rows, labels, self.classes, self.head, groups)


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What was found on n examples, each by fits without it: the mean over repeated folds.

    Args:
        outputs: Logits `[n, c]`.
        correct: How often `[n]` each was right, by arm: "all" of it; "no names"; "wrong names"; "no variants", without
            names.
        alone: Accuracy by each part alone, of the examples that have it.
        folds: Number of folds.
    """

    outputs: Float64[Tensor, "n c"]
    folds: int
    correct: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    alone: dict[str, float] = field(default_factory=dict)


def hold_out(
    rows: PartRows,
    labels: NDArray[np.int64],
    procedure: PartsProcedure,
    groups: NDArray[np.int64] | None,
    seed: int,
) -> HeldOut | None:
    """Judge a procedure by repeated folds; None if a class has one example, or group.

    Args:
        rows: Examples and variants.
        labels: Classes of the examples.
        procedure: What is fitted.
        groups: Groups of the examples.
        seed: Seed of the folds.
    """
    units = labels if groups is None else labels[np.unique(np.stack([labels, groups]), axis=1, return_index=True)[1]]
    folds = min(int(np.median(np.bincount(units, minlength=procedure.classes))), FOLDS)
    if folds < 2:
        return None
    n, repeats = len(labels), next((times for most, times in REPEATS if len(rows.features) <= most), 1)
    found = HeldOut(torch.zeros(n, procedure.classes, dtype=torch.float64), folds)
    hits = {name: np.zeros(n) for name in rows.features.names}
    for repeat in range(repeats):
        fold = stratified_folds(labels, folds, seed + repeat, groups)
        for index in range(folds):
            train, test = np.flatnonzero(fold != index), np.flatnonzero(fold == index)
            if not len(test):
                continue
            judged = _judge(rows, labels, procedure, groups, train, test)
            found.outputs[test] += judged["all"] / repeats
            for arm, logits in judged.items():
                right = (logits.argmax(1).numpy() == labels[test]) / repeats
                (hits if arm in hits else found.correct).setdefault(arm, np.zeros(n))[test] += right
    plain = rows.plain()
    for name, rates in hits.items():
        mask = plain.there[name].numpy()
        if mask.any():
            found.alone[name] = float(rates[mask].mean())
    return found


def _judge(
    rows: PartRows,
    labels: NDArray[np.int64],
    procedure: PartsProcedure,
    groups: NDArray[np.int64] | None,
    train: NDArray[np.int64],
    test: NDArray[np.int64],
) -> dict[str, Tensor]:
    """Logits of the examples `test` by a fit to the examples `train`, by arm and by part alone."""
    own, targets = rows.select(torch.from_numpy(train)), torch.from_numpy(labels[train])
    own_groups = None if groups is None else torch.from_numpy(groups[train])
    heads = procedure.fit(own, targets, own_groups)
    query = rows.plain()[test]
    logits = heads.logits(query)
    arms = {"all": logits, "no names": logits}
    if procedure.said is not None:
        chosen = names_of_fit(procedure.said, heads, own, targets, procedure.always)
        arms["wrong names"] = logits
        if chosen.names is not None and chosen.wrong is not None:
            arms["all"] = logits + chosen.names.scale * heads.name_logits(query, chosen.names)
            arms["wrong names"] = logits + chosen.wrong.scale * heads.name_logits(query, chosen.wrong)
    if rows.copies:
        arms["no variants"] = procedure.fit(own.without_variants(), targets, own_groups).logits(query)
    for name in query.names:
        off = {other: query.there[other] & (other == name) for other in query.names}
        arms[name] = heads.logits(Parts(query.values, off))
    return arms
