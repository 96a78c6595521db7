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
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from few_example_sets import PICTURES, SENTENCES, draws
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from manyshot.base.tensor_file import read_tensors, write_tensors
from manyshot.classify.candidates import VARIANTS, Setting, settings
from manyshot.classify.encoded_examples import EncodedExamples
from manyshot.classify.encoding import Pass, encode_passes
from manyshot.classify.example_set import Kind
from manyshot.classify.frozen_encoders import FROZEN, available, encoders_to_try
from manyshot.classify.heads import Head
from manyshot.classify.heads.row_space import decompose
from manyshot.classify.resample import join_views

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
        plans = self.encoded.plans_of(self.encoders[0])
        return settings(self.kind, plans={plan: copies for plan, copies in VARIANTS.items() if plan in plans})

    @property
    def joined(self) -> list[str]:
        """Encoders alone and joined, as `fit` tries them."""
        return encoders_to_try(self.encoders)


def all_passes(kind: Kind, plain: bool = False) -> list[Pass]:
    """All that `fit` would encode if it had the time, or the examples as they are alone."""
    plans = VARIANTS if kind == "pictures" and not plain else {}
    encoders = available(kind)
    passes = [Pass(encoder) for encoder in encoders]
    return passes + [Pass(encoder, plan, copies) for plan, copies in plans.items() for encoder in encoders]


def encode_sets(
    root: Path, folder: Path, device: str = "cpu", plain: bool = False, names: Sequence[str] | None = None
) -> None:
    """Encode what is not in the folder yet, in half precision."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, sets in KINDS.items():
        for name, load in sets.items():
            if (folder / f"{name}.safetensors").exists() or (names is not None and name not in names):
                continue
            examples = load(root)
            encoded = encode_passes(examples, all_passes(kind, plain), device=device)
            tensors = {json.dumps(key): features.half() for key, features in encoded.features.items()}
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


def spread_over(work: Callable[[Task], Result], tasks: Sequence[Task], jobs: int) -> Iterator[tuple[Task, Result]]:
    """The results of tasks, as they come, from so many processes that share what was loaded before."""
    if jobs <= 1:
        yield from ((task, work(task)) for task in tasks)
        return
    torch.set_num_threads(1)
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("fork")) as pool:
        waiting = {pool.submit(work, task): task for task in tasks}
        for done in as_completed(waiting):
            yield waiting[done], done.result()


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
    options = parser.parse_args()
    names = options.sets and options.sets.split(",")
    encode_sets(options.root, options.features, options.device, options.plain, names)


if __name__ == "__main__":
    main()
