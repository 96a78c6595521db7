"""The features of the sets of few examples, computed once and kept in files, and many fits to them at once.

    python experiments/few_example_features.py --root DATA --features FEATURES

`fit_defaults.py` and `benchmarks/fit.py` read them by `--features`; with `--jobs` they spread
their draws over processes.
"""

import argparse
import json
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from few_example_sets import PICTURES, SENTENCES, draws
from jaxtyping import Float
from lite0_and_spread import NAME, PARTS
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from manyshot.base.tensor_file import read_tensors, write_tensors
from manyshot.classify.choose.candidates import TOGETHER, Setting, settings
from manyshot.classify.choose.cross_validate import join_views
from manyshot.classify.encode.encoded_examples import EncodedExamples
from manyshot.classify.encode.frozen_encoders import FROZEN, available, encoders_to_try
from manyshot.classify.encode.plan_encoding import Pass, encode_passes
from manyshot.classify.examples.example_set import ExampleSet, Kind
from manyshot.classify.heads import Head
from manyshot.classify.heads.row_space import decompose

KINDS: dict[Kind, dict] = {"pictures": PICTURES, "sentences": SENTENCES}
ORDER = [row.name for row in FROZEN]
Labels = NDArray[np.int64]
Task, Result = TypeVar("Task"), TypeVar("Result")


@dataclass(frozen=True, eq=False)
class EncodedSet:
    """One data set.

    Args:
        kind: What its examples are.
        labels: Class `[n]` of each.
        encoded: Their features, and those of their variants.
    """

    kind: Kind
    labels: Labels
    encoded: EncodedExamples

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.labels.max()) + 1

    @property
    def encoders(self) -> tuple[str, ...]:
        """Encoders in order of preference, each alone."""
        return self.encoded.encoders

    @property
    def settings(self) -> list[Setting]:
        """All settings for which there are features."""
        return settings(self.kind, together=self.encoded.can_make(self.encoders[0], TOGETHER))

    @property
    def joined(self) -> list[str]:
        """Encoders alone and joined, as `fit` tries them."""
        return encoders_to_try(self.encoders)


def all_passes(kind: Kind, plain: bool = False) -> list[Pass]:
    """All that `fit` would encode if it had the time, or the examples as they are alone."""
    plans = dict(row for variants in TOGETHER for row in variants) if kind == "pictures" and not plain else {}
    encoders = [name for name in available(kind) if name not in PARTS]
    encoders += [NAME] if kind == "pictures" else []
    passes = [Pass(encoder) for encoder in encoders]
    return passes + [Pass(encoder, plan, copies) for plan, copies in plans.items() for encoder in encoders]


def encode(examples: ExampleSet, passes: Sequence[Pass], device: str) -> dict[tuple[str, str], Tensor]:
    """Features by encoder and plan; Lite0 and the spread of its maps come from one pass."""
    found: dict[tuple[str, str], Tensor] = {}
    for (encoder, plan), features in encode_passes(examples, passes, device=device).features.items():
        if encoder != NAME:
            found[encoder, plan] = features
        else:
            parts = features.split(list(PARTS.values()), -1)
            found |= {(name, plan): part for name, part in zip(PARTS, parts, strict=True)}
    return found


def part_of(examples: ExampleSet, classes: int, most: int) -> ExampleSet:
    """The first so many classes, and so many examples of each that there are `most` in all."""
    each = most // min(classes, len(examples.class_names))
    rows = [np.flatnonzero(examples.labels == label) for label in range(min(classes, len(examples.class_names)))]
    random = np.random.default_rng(0)
    kept = np.concatenate([np.sort(random.permutation(row)[:each]) for row in rows])
    return replace(examples.select(kept), class_names=examples.class_names[: len(rows)])


def encode_sets(root: Path, folder: Path, options: argparse.Namespace) -> None:
    """Encode what is not in the folder yet, in half precision."""
    folder.mkdir(parents=True, exist_ok=True)
    names = options.sets and options.sets.split(",")
    for kind, sets in KINDS.items():
        for name, load in sets.items():
            if (folder / f"{name}.safetensors").exists() or (names and name not in names):
                continue
            examples = load(root)
            if kind == "pictures":
                examples = part_of(examples, options.classes, options.pictures)
            features = encode(examples, all_passes(kind, options.plain), options.device)
            tensors = {json.dumps(key): one.half() for key, one in features.items()}
            tensors["labels"] = torch.from_numpy(examples.labels)
            write_tensors(folder / f"{name}.safetensors", tensors)
            print(f"{name}: {len(examples)} {kind} of {len(examples.class_names)} classes", flush=True)


def load_sets(folder: Path, names: Sequence[str] | None = None) -> dict[str, EncodedSet]:
    """Read all sets, or some.

    Args:
        folder: The folder.
        names: Names of sets; all that are there if None.
    """
    found = {}
    for kind, sets in KINDS.items():
        for name in sets:
            path = folder / f"{name}.safetensors"
            if path.exists() and (names is None or name in names):
                tensors, _ = read_tensors(path)
                labels = tensors.pop("labels").numpy()
                features = {tuple(json.loads(key)): value.float() for key, value in tensors.items()}
                keys = sorted(features, key=lambda key: ORDER.index(key[0]))
                found[name] = EncodedSet(kind, labels, EncodedExamples({key: features[key] for key in keys}))
    return found


class Logits(NamedTuple):
    """What a fitted setting says.

    Args:
        setting: The setting.
        own: Logits `[n, c]` of the examples that it was fitted to.
        new: Logits `[m, c]` of the test examples.
    """

    setting: Setting
    own: Float[Tensor, "n c"]
    new: Float[Tensor, "m c"]


def fit_settings(
    one: EncodedSet, encoder: str, chosen: Iterable[Setting], fit: Labels, test: Labels
) -> Iterator[Logits]:
    """Fit each setting to the examples `fit`, as `fit_model` would, but with one eigendecomposition for many."""
    both = one.encoded.select(torch.from_numpy(np.r_[fit, test]))
    targets = F.one_hot(torch.from_numpy(one.labels[fit]), one.classes).double()
    groups: dict[tuple, list[Setting]] = {}
    for setting in chosen:
        groups.setdefault((setting.transform, setting.variants), []).append(setting)
    for (transform, _), members in groups.items():
        each = 1 + members[0].copies
        known, w = len(fit) * each, both.row_weights(members[0])[: len(fit) * each][None]
        blocks = both.rows(encoder, members[0])
        rows = torch.cat([transform.fit(block[:known], w)(block) for block in blocks], 2)
        span = decompose(rows[:, :known], w)
        at = (rows - span.mean[:, None]) @ span.axes.mT
        families: dict[type[Head], list[Setting]] = {}
        for setting in members:
            families.setdefault(type(setting.build_head()), []).append(setting)
        for family, alike in families.items():
            heads: list[Head] = [setting.build_head() for setting in alike]
            fits = family.fit_each(heads, span, targets.repeat_interleave(each, 0), w)
            for setting, classify in zip(alike, fits, strict=True):
                logits = join_views(classify(at)[0].unflatten(0, (len(fit) + len(test), each)), setting)
                yield Logits(setting, logits[: len(fit)], logits[len(fit) :])


def spread_over(
    work: Callable[[Task], Result], tasks: Sequence[Task], jobs: int, log: Path | None = None
) -> Iterator[tuple[Task, Result]]:
    """The results of tasks, as they come, from so many processes that share what was loaded before.

    Args:
        work: What is done for a task.
        tasks: Tasks, tuples that JSON can hold.
        jobs: Processes.
        log: File of results of tasks, a line each: what it holds is not computed again, and what is computed is added.
    """
    lines = log.read_text().splitlines() if log is not None and log.exists() else []
    known: dict[str, Result] = {json.dumps(task): result for task, result in map(json.loads, lines)}
    yield from ((task, known[json.dumps(task)]) for task in tasks if json.dumps(task) in known)
    for task, result in _compute(work, [task for task in tasks if json.dumps(task) not in known], jobs):
        if log is not None:
            with log.open("a") as file:
                file.write(json.dumps([task, result]) + "\n")
        yield task, result


def _compute(work: Callable[[Task], Result], tasks: Sequence[Task], jobs: int) -> Iterator[tuple[Task, Result]]:
    if jobs <= 1:
        yield from ((task, work(task)) for task in tasks)
        return
    torch.set_num_threads(1)
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("fork")) as pool:
        waiting = {pool.submit(work, task): task for task in tasks}
        for done in as_completed(waiting):
            yield waiting[done], done.result()


def draws_of(count: int, shots: int) -> int:
    """Draws of a number of shots: half as many from 10 per class on, which take most of the time."""
    return count if shots < 10 else max(count // 2, 1)


def draw_of(one: EncodedSet, shots: int, number: int) -> tuple[Labels, Labels] | None:
    """Draw `number` of so many examples per class, and the test examples; None if the set has too few."""
    found = list(draws(one.labels, shots, 1, first=number))
    return found[0] if found else None


def main() -> None:
    """Encode."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True, type=Path, help="the folder that holds the data sets")
    parser.add_argument("--features", required=True, type=Path, help="the folder of features")
    parser.add_argument("--device", default="cpu", help="where to encode")
    parser.add_argument("--plain", action="store_true", help="no variants, which are five sixths of the work")
    parser.add_argument("--sets", help="names of sets, with commas between; all if left out")
    parser.add_argument("--classes", type=int, default=100, help="most classes of a set of pictures")
    parser.add_argument("--pictures", type=int, default=1000, help="most pictures of a set")
    options = parser.parse_args()
    encode_sets(options.root, options.features, options)


if __name__ == "__main__":
    main()
