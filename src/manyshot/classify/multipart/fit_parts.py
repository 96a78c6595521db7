"""From a few examples of several parts to a finished classifier."""

import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from manyshot.base import InputError
from manyshot.classify.calibrate.temperature import fit_temperature, logit_spread
from manyshot.classify.choose.candidates import NO_PLAN
from manyshot.classify.choose.fit_decision import ALWAYS, NAMES, NO_NAMES
from manyshot.classify.choose.search_space import AUTO, COPIES
from manyshot.classify.encode.frozen_encoders import encoder_blocks, load_encoder
from manyshot.classify.fit_model import check_labels
from manyshot.classify.heads import HEADS
from manyshot.classify.multipart.part_duplicates import find_part_duplicates, groups_of_copies
from manyshot.classify.multipart.part_encoding import encode_parted, encoders_of
from manyshot.classify.multipart.part_heads import FUSION, PartRows
from manyshot.classify.multipart.part_hold_out import HeldOut, PartsProcedure, hold_out
from manyshot.classify.multipart.part_names import NEAREST, SaidOfClasses, names_of_fit, said_of_classes
from manyshot.classify.multipart.part_variants import check_parts_plan, encode_variants
from manyshot.classify.multipart.parted_examples import PartedExamples
from manyshot.classify.multipart.parts_model import PartsModel
from manyshot.classify.multipart.parts_report import PartsReport, report_of_parts

ALIKE = 1e-9
"""Spread of logits below which examples differ by rounding alone."""


def fit_parts(
    examples: PartedExamples,
    *,
    encoder: str = AUTO,
    head: str = AUTO,
    plan: str = AUTO,
    names: str = AUTO,
    about: Sequence[str] | None = None,
    seed: int = 0,
    device: str = "cpu",
    progress: Callable[[str], None] = lambda line: None,
) -> tuple[PartsModel, PartsReport]:
    r"""Fit a classifier to a few labeled examples of several parts, of which any may be missing.

    Each part is encoded by a frozen encoder; `manyshot.learners.Fusion` weighs them by leave-one-out errors. Examples
    that have other parts are classified by heads of their own.

    Args:
        examples: Labeled examples.
        encoder: "auto", or encoders of parts or kinds, as "photo=efficientnet-lite2 texts=universal".
        head: Head on the weighted features of the parts; "auto" for the ridge regression of the fusion.
        plan: Ops that make variants of the examples, such as "flip eda mirror"; each op finds the part of its kind.
            "auto" is "none": for examples of several parts it is not known which ones pay.
        names: Whether what is said of classes is used: "auto" where it agrees with the examples, "none" or "always".
        about: What is said of each class; their names if None.
        seed: Seed of folds and variants.
        device: Device to encode on.
        progress: Called with a line of text when there is something to say.

    Returns:
        The model, and the report of the fit.

    Raises:
        InputError: If there are fewer than two classes, an example has no label, all are alike, an encoder does not
            suit a part, a head or plan is unknown, or an op finds no part, or two.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from manyshot.classify.multipart.parted_examples import load_parted
        >>> path = Path(tempfile.mkdtemp()) / "pets.csv"
        >>> rows = ["cat,it purrs,3", "cat,a tom purrs,4", "cat,,4", "dog,it barks,30", "dog,a bark,25", "dog,,28"]
        >>> _ = path.write_text("\n".join(["label,caption,weight", *rows]))
        >>> examples = load_parted(path, kinds={"caption": "texts", "weight": "features"})
        >>> model, report = fit_parts(examples, encoder="caption=ngrams")
        >>> report.missing, sorted(model.weights())
        ({'caption': 2, 'numbers': 0}, ['caption', 'numbers'])
    """
    start = time.monotonic()
    check_labels(examples.labels, examples.class_names, examples.names)
    encoders = encoders_of(examples, encoder)
    head = _checked_head(head)
    plan = NO_PLAN if plan in (AUTO, NO_PLAN) else check_parts_plan(examples, encoders, plan)
    progress(f"encoding {len(examples):,} examples: " + ", ".join(f"{k} with {v}" for k, v in encoders.items()))
    means = column_means(examples.numbers)
    rows = _encode(examples, encoders, plan, seed, means, device)
    duplicates = find_part_duplicates(examples)
    groups = groups_of_copies(examples)
    said = _said(examples, encoders, head, names, about)
    procedure = PartsProcedure(len(examples.class_names), head, said, names == ALWAYS)
    held = hold_out(rows, examples.labels, procedure, groups, seed)
    labels, own_groups = torch.from_numpy(examples.labels), None if groups is None else torch.from_numpy(groups)
    named = None
    if said is not None:
        named = names_of_fit(said, procedure.fit(rows, labels, own_groups), rows, labels, procedure.always)
    model = PartsModel(
        class_names=examples.class_names,
        kinds=dict(examples.kinds),
        encoders=encoders,
        fingerprints={name: fingerprint(value) for name, value in encoders.items()},
        number_names=examples.number_names,
        means=means,
        rows=rows,
        head=head,
        plan=plan,
        said=None if named is None else named.names,
        labels=labels,
        groups=own_groups,
        temperature=1.0,
        names=examples.names,
        report={},
    )
    model = _calibrated(model, held)
    report = report_of_parts(examples, model, held, groups, named, duplicates, seed, time.monotonic() - start)
    return model.with_report(report.as_dict()), report


def _checked_head(head: str) -> str:
    if head == AUTO:
        return FUSION
    HEADS.build(head)
    return head


def _encode(
    examples: PartedExamples, encoders: dict[str, str], plan: str, seed: int, means: NDArray[np.float64], device: str
) -> PartRows:
    """The features of the examples, each followed by those of its variants."""
    plain = encode_parted(examples, encoders, means, device, "encode")
    if plan == NO_PLAN:
        return PartRows(plain)
    varied = encode_variants(examples, encoders, plan, COPIES, seed, means, device)
    n = len(examples)

    def beside(values: list[Tensor]) -> Tensor:
        first, others = values
        return torch.cat([first[:, None], others.view(n, COPIES, *others.shape[1:])], 1).flatten(0, 1)

    return PartRows(plain.combined([varied], beside), COPIES)


def _said(
    examples: PartedExamples, encoders: dict[str, str], head: str, names: str, about: Sequence[str] | None
) -> SaidOfClasses | None:
    """What is said of the classes, where it is used; None if it is not, or can be placed in no part."""
    if names not in NAMES:
        raise InputError(f"names='{names}': give one of {', '.join(NAMES)}")
    if about is not None and len(about) != len(examples.class_names):
        raise InputError(f"about: {len(about)} texts for {len(examples.class_names)} classes; give one of each class")
    said = None
    if names != NO_NAMES and not head.startswith(NEAREST):
        said = said_of_classes(examples.kinds, encoders, examples.class_texts if about is None else about)
    if said is None and names == ALWAYS:
        raise InputError(
            "names cannot be used here: they need another head than nearest, and a part of texts, or of pictures with "
            "an encoder efficientnet-lite0 or efficientnet-lite2"
        )
    return said


def _calibrated(model: PartsModel, held: HeldOut | None) -> PartsModel:
    """The model at the temperature that suits its answers for examples that were held out."""
    outputs = torch.zeros(0, len(model.class_names)) if held is None else held.outputs
    spread = logit_spread(model.heads.logits(model.rows.plain()))
    if spread < ALIKE:
        raise InputError("all examples have the same features in every part; give examples that differ")
    return model.at_temperature(fit_temperature(outputs, model.labels[: len(outputs)], spread))


def fingerprint(encoder: str) -> str:
    """What identifies the weights of an encoder, or of several.

    Args:
        encoder: Name; several are joined by "+".
    """
    return "+".join(load_encoder(block).fingerprint for block in encoder_blocks(encoder))


def column_means(numbers: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Mean of each column of numbers over what is known; 0 where nothing is.

    Args:
        numbers: Numbers `[n, d]` with NaN, or None.

    Example:
        >>> column_means(np.array([[1.0, np.nan], [3.0, np.nan]])).tolist()
        [2.0, 0.0]
    """
    if numbers is None:
        return np.zeros(0)
    known = ~np.isnan(numbers)
    means: NDArray[np.float64] = np.where(known, numbers, 0).sum(0) / np.maximum(known.sum(0), 1)
    return means
