"""One-shot classification runs in the layout of Omniglot's `all_runs.zip` (Lake, Salakhutdinov and Tenenbaum 2015)."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from manyshot.base import InputError
from manyshot.datasets.centered import OVERSAMPLING, center
from manyshot.datasets.folder_or_zip import PathParts, Tree, open_tree
from manyshot.datasets.omniglot import ink
from manyshot.tasks import Episode, Examples

RUN = re.compile(r"run\d+", re.IGNORECASE)
KEY = "class_labels.txt"


@dataclass(frozen=True, eq=False)
class OneShotRuns:
    """The runs as T tasks of one episode.

    Args:
        names: Names of the T runs, such as "run01".
        episode: Training drawings as support, one class each, and test drawings as query, ordered by class. Items are
            uint8 `[T, n, 1, size, size]`, with ink 255.
    """

    names: tuple[str, ...]
    episode: Episode


def load_one_shot_runs(path: Path | str, size: int, centered: bool = False) -> OneShotRuns:
    """Read `runNN/training/*.png`, `runNN/test/*.png` and `runNN/class_labels.txt`, from a zip or a folder.

    Each line of the labels names a test drawing and the training drawing of the same character. Only the last three
    names of a path are used (`run01/test/item01.png`), so the runs may be in any folder.

    Args:
        path: Zip or folder.
        size: Height and width of the items in pixels; drawings are resized and inverted like those of Omniglot.
        centered: Whether to center drawings and scale them to one size, as `load_dataset` does.

    Raises:
        InputError: If there are no runs, a label names a missing file, a drawing has no label, two runs have the
            same name, or runs differ in size.
    """
    with open_tree(Path(path)) as tree:
        keys: dict[str, PathParts] = {}
        for parts in tree.files:
            if len(parts) >= 2 and parts[-1] == KEY and RUN.fullmatch(parts[-2]):
                twin = keys.setdefault(parts[-2], parts)
                if twin != parts:
                    both = f"'{'/'.join(twin[:-1])}' and '{'/'.join(parts[:-1])}'"
                    raise InputError(f"{path}: {both} are both {parts[-2]}; remove or rename one")
        if not keys:
            raise InputError(f"{path}: no runs; expected run01/{KEY}, run01/training and run01/test")
        names = tuple(sorted(keys))
        runs = [_read_run(tree, keys[name], OVERSAMPLING * size if centered else size) for name in names]
    if centered:
        runs = [(center(support, size), center(query, size), answers) for support, query, answers in runs]
    shapes = {name: (len(support), len(query)) for name, (support, query, _) in zip(names, runs, strict=True)}
    first = shapes[names[0]]
    for name, shape in shapes.items():
        if shape != first:
            raise InputError(
                f"{path}: {name} has {shape[0]} training and {shape[1]} test drawings, "
                f"{names[0]} has {first[0]} and {first[1]}; give runs of one size"
            )
    support, query, answers = (torch.from_numpy(np.stack(part)) for part in zip(*runs, strict=True))
    ways = first[0]
    every = torch.arange(ways).expand(len(names), ways)
    return OneShotRuns(
        names=names,
        episode=Episode(
            support=Examples.of(support, every, ways),
            query=Examples.of(query, answers, ways),
            classes=torch.arange(len(names) * ways).reshape(len(names), ways),
        ),
    )


def _read_run(tree: Tree, key: PathParts, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Training drawings, test drawings, and the index of the matching training drawing, by which they are sorted."""
    base = key[:-1]
    drawings = [parts for parts in tree.files if parts[-1].lower().endswith(".png")]
    training = [parts for parts in drawings if parts[:-1] == (*base, "training")]
    test = [parts for parts in drawings if parts[:-1] == (*base, "test")]
    answers = _answers(tree, key, {parts[-1] for parts in training}, {parts[-1] for parts in test})
    index = {parts[-1]: i for i, parts in enumerate(training)}
    unanswered = [parts for parts in test if parts[-1] not in answers]
    if unanswered or not test:
        what = f"no line for '{unanswered[0][-1]}'" if unanswered else "no test drawings"
        raise InputError(f"{tree.path}: {'/'.join(key)}: {what}; every test drawing needs one line")
    test.sort(key=lambda parts: index[answers[parts[-1]]])
    return (
        np.stack([ink(tree, parts, size) for parts in training]),
        np.stack([ink(tree, parts, size) for parts in test]),
        np.array([index[answers[parts[-1]]] for parts in test]),
    )


def _answers(tree: Tree, key: PathParts, training: set[str], test: set[str]) -> dict[str, str]:
    """File name of the matching training drawing, by file name of the test drawing."""
    here = f"{tree.path}: {'/'.join(key)}"
    answers: dict[str, str] = {}
    for number, line in enumerate(tree.read(key).decode("utf-8", "replace").splitlines(), 1):
        words = line.split()
        if not words:
            continue
        if len(words) != 2:
            raise InputError(f"{here}, line {number}: expected 'TEST-FILE TRAINING-FILE', found '{line.strip()[:80]}'")
        for word, kind, known in zip(words, ("test", "training"), (test, training), strict=True):
            *above, name = word.replace("\\", "/").split("/")
            if name not in known or (above and above[-1] != kind):
                raise InputError(f"{here}, line {number}: no {kind} drawing '{word}'; correct the line or add the file")
        question, answer = (word.replace("\\", "/").split("/")[-1] for word in words)
        if answers.setdefault(question, answer) != answer:
            raise InputError(f"{here}, line {number}: '{question}' has two answers; keep one")
    return answers
