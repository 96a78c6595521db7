"""The examples that a person has put into classes on the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from manyshot.base import InputError
from manyshot.classify.examples.example_set import ExampleSet
from manyshot.classify.examples.read_examples import examples_from_arrays, load_examples, load_unlabeled
from manyshot.datasets.list_multipart import holds_parts

MAX_NAME = 100
"""Largest number of characters of a class name."""


@dataclass(frozen=True)
class Collection:
    """Pictures by class.

    Args:
        classes: Pictures of each class, without labels, by the name of the class.

    Example:
        >>> Collection().classes
        {}
    """

    classes: Mapping[str, ExampleSet] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(map(len, self.classes.values()))

    def add(self, name: str, paths: Sequence[Path]) -> "Collection":
        """Add pictures to a class, or all classes of a zip.

        Args:
            name: Name of the class. If it is empty, the files are zips that have a folder for each class.
            paths: Pictures, or zips of pictures.

        Raises:
            InputError: If there are no files, one is not a picture, the class has no name, or a zip holds something
                else, such as examples of several parts.
        """
        name = name.strip()
        if not paths:
            raise InputError("no pictures; drop some first")
        if len(name) > MAX_NAME:
            raise InputError(f"a class name of {len(name)} characters; use at most {MAX_NAME}")
        if name:
            return self._with(name, _short_names(load_unlabeled(paths, kind="pictures")))
        if any(path.suffix.lower() != ".zip" for path in paths):
            raise InputError("pictures without a class; write the name of their class first")
        result = self
        for path in paths:
            _refuse_parts(path)
            found = load_examples(path)
            if found.kind != "pictures":
                raise InputError(f"{path.name}: holds {found.kind}, not pictures")
            for label, class_name in enumerate(found.class_names):
                result = result._with(class_name, found.select(found.labels == label))
        return result

    def remove(self, name: str) -> "Collection":
        """Remove a class.

        Raises:
            InputError: If there is none of this name.
        """
        if name not in self.classes:
            raise InputError(f"no class '{name}' to remove; choose one")
        return Collection({other: examples for other, examples in self.classes.items() if other != name})

    def examples(self) -> ExampleSet:
        """All pictures with their labels.

        Raises:
            InputError: If there are fewer than two classes.
        """
        if len(self.classes) < 2:
            raise InputError(f"{len(self.classes)} classes; add pictures of at least 2")
        names = tuple(sorted(self.classes))
        parts = [self.classes[name] for name in names]
        return ExampleSet(
            kind="pictures",
            items=tuple(item for part in parts for item in part.items),
            labels=np.repeat(np.arange(len(parts)), [len(part) for part in parts]),
            class_names=names,
            names=tuple(f"{name}/{one}" for name, part in zip(names, parts, strict=True) for one in part.names),
            digests=tuple(digest for part in parts for digest in part.digests),
        )

    def _with(self, name: str, examples: ExampleSet) -> "Collection":
        """Add examples to a class; those that it has already, by content, are left out."""
        mine = self.classes.get(name)
        if mine is None:
            return Collection({**self.classes, name: examples})
        new = examples.select([row for row, digest in enumerate(examples.digests) if digest not in mine.digests])
        joined = replace(
            mine,
            items=mine.items + new.items,
            labels=np.concatenate([mine.labels, new.labels]),
            names=mine.names + new.names,
            digests=mine.digests + new.digests,
        )
        return Collection({**self.classes, name: joined})


def _refuse_parts(path: Path) -> None:
    """Refuse examples of several parts, of which only one would be read."""
    if holds_parts(path):
        raise InputError(
            f"{path.name}: holds examples of several parts, which the page does not take; use `manyshot fit`"
        )


def _short_names(examples: ExampleSet) -> ExampleSet:
    """Name examples by their files; the folders are those of the server."""
    return replace(examples, names=tuple(Path(name).name for name in examples.names))


def sentences_of(rows: Sequence[Sequence[str]]) -> ExampleSet:
    """Sentences with their labels.

    Args:
        rows: A sentence and its class each; rows where both are empty are skipped.

    Raises:
        InputError: If one of both is missing in a row, or there are fewer than two classes.

    Example:
        >>> sentences_of([["hello", "greet"], ["bye", "leave"], ["", ""]]).class_names
        ('greet', 'leave')
    """
    filled = [(str(text or "").strip(), str(label or "").strip()) for text, label in rows]
    for number, (text, label) in enumerate(filled, start=1):
        if bool(text) != bool(label):
            raise InputError(f"row {number} has no {'class' if text else 'sentence'}; fill it in, or empty the row")
    kept = [(text, label) for text, label in filled if text]
    if len({label for _, label in kept}) < 2:
        raise InputError(f"{len({label for _, label in kept})} classes; write sentences of at least 2")
    return examples_from_arrays([text for text, _ in kept], [label for _, label in kept])


def rows_of_table(path: Path) -> list[list[str]]:
    """Sentences and classes of a table or zip, as rows for the page.

    Args:
        path: CSV, TSV, JSONL, or a zip of text files in class folders.

    Raises:
        InputError: If it holds none, or examples of several parts.
    """
    _refuse_parts(path)
    examples = load_examples(path)
    if examples.kind == "pictures":
        raise InputError(f"{path.name}: holds pictures; choose 'Pictures' first")
    if examples.kind != "sentences":
        raise InputError(f"{path.name}: holds {examples.kind}, which the page does not take; use `manyshot fit`")
    return [
        [text, examples.class_names[label]]
        for text, label in zip(examples.texts(range(len(examples))), examples.labels, strict=True)
    ]
