"""Copies among examples of several parts."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from manyshot.classify.data_issues.find_duplicate_examples import DuplicateExamples, find_duplicate_examples
from manyshot.classify.multipart.parted_examples import PartedExamples


def find_part_duplicates(examples: PartedExamples) -> list[DuplicateExamples]:
    """Find examples all of whose parts are copies of those of an earlier one; those that lack other parts are none.

    Each is listed once, beside the earliest of another class if there is one. Parts are copies as in
    `manyshot.classify.data_issues.find_duplicate_examples.find_duplicate_examples`; numbers are if they are equal.

    Args:
        examples: Labeled or unlabeled examples.
    """
    exact, near = content_keys(examples), _near_keys(examples)
    labels, found = examples.labels, []
    members: dict[tuple[object, ...], list[int]] = {}
    for second, key in enumerate(near):
        earlier = members.setdefault(key, [])
        if earlier:
            first = min(earlier, key=lambda one: (labels[one] == labels[second], exact[one] != exact[second], one))
            across = bool(labels[first] != labels[second] and labels[first] >= 0 <= labels[second])
            found.append(DuplicateExamples(first, second, "exact" if exact[first] == exact[second] else "near", across))
        earlier.append(second)
    return sorted(found, key=lambda pair: not pair.across_classes)


def groups_of_copies(examples: PartedExamples) -> NDArray[np.int64] | None:
    """The examples' groups; without any, exact copies are groups, so that none is judged by its own copy.

    Args:
        examples: Examples.
    """
    keys = content_keys(examples)
    if examples.groups is not None or len(set(keys)) == len(examples):
        return examples.groups
    numbers: dict[tuple[object, ...], int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def content_keys(examples: PartedExamples) -> list[tuple[object, ...]]:
    """What identifies the content of each example, part by part; None for a part that is missing.

    Args:
        examples: Examples.
    """
    columns = [
        _by_example(examples, name, list(examples.sets[name].digests)) if name in examples.sets else _numbers(examples)
        for name in examples.kinds
    ]
    return list(zip(*columns, strict=True))


def _near_keys(examples: PartedExamples) -> list[tuple[object, ...]]:
    """The same, where copies that differ in compression or punctuation have one key."""
    columns = []
    for name in examples.kinds:
        if name not in examples.sets:
            columns.append(_numbers(examples))
            continue
        own = examples.sets[name]
        first = list(range(len(own)))
        for pair in sorted(find_duplicate_examples(own), key=lambda pair: pair.second):
            first[pair.second] = first[pair.first]
        columns.append(_by_example(examples, name, first))
    return list(zip(*columns, strict=True))


def _by_example(examples: PartedExamples, name: str, values: Sequence[object]) -> list[object]:
    cells: list[object] = [None] * len(examples)
    for row, value in zip(examples.rows[name].tolist(), values, strict=True):
        cells[row] = value
    return cells


def _numbers(examples: PartedExamples) -> list[object]:
    assert examples.numbers is not None
    return [None if np.isnan(row).all() else row.tobytes() for row in examples.numbers]
