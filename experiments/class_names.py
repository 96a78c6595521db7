"""What names of classes are worth as shots, on held-out classes: photographs, sentences, and where they should not.

A map from names to features is fitted on some classes, and judged on others, beside the same shots without names, with
another class's name, with one name for all, with the name alone, and with as many noisy copies of the shots. Each seed
leaves out another quarter of the classes that the map is fitted on, and draws other tasks; all arms see the same tasks.
Writes results/class_names.json after each set.

    python experiments/class_names.py --root DATA [--sets cifar-fs clinc150 ...] [--quick]
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from run_and_record import RESULTS, write

from manyshot.augment import Augmenter, Plan
from manyshot.base import parse_json, read_json
from manyshot.datasets import load_dataset
from manyshot.learners import LEARNERS, Learner
from manyshot.meta_augment.class_name_examples import ExamplesFromNames
from manyshot.meta_augment.embedding_noise import EmbeddingNoise
from manyshot.nets import ENCODERS
from manyshot.tasks import Episode, EpisodeSampler, Examples, Source
from manyshot.training import encode, evaluate, holm, paired_difference
from manyshot.training.class_texts import add_class_vectors
from manyshot.training.name_probe import names_of_others, one_name_for_all

RESULT = RESULTS / "class_names.json"
HEAD = "probe"
SHOTS = (1, 5)
QUERIES, BATCH, TEXT = 10, 50, "minilm"
ARMS = (
    "shots alone",
    "name",
    "another class's name",
    "one name for all",
    "name alone",
    "noise, equal copies",
    "augmentation",
)
LITE = "efficientnet-lite0(resolution=96)"


@dataclass(frozen=True)
class Case:
    """A set of classes to learn the map on, one to judge on, and tasks.

    Args:
        load: Returns the sources of both.
        ways: Of tasks.
        encoder: Frozen encoder of the examples.
        plan: Ops that change a shot, for comparison.
    """

    load: Callable[[Path], tuple[Source, Source]]
    ways: tuple[int, ...]
    encoder: str = LITE
    plan: str = "flip affine"

    def features(self, source: Source) -> Source:
        """Features of the encoder."""
        channels = source.store.shape[1] if isinstance(source.store, torch.Tensor) else 0
        module = ENCODERS.build(self.encoder, channels=channels, size=32 if channels else 0, norm="batch").eval()
        return encode(module, source)

    def changed(self, source: Source) -> "ChangedShots":
        """Features of the same examples, changed by the plan."""
        op, rows = Plan(f"shots: 1 x {self.plan}").item_op(), np.arange(len(source))
        items = op(source.gather(rows), torch.Generator().manual_seed(0))
        other = replace(source, store=items, rows=rows, authors=None, author_names=None, decode=None)
        return ChangedShots(*(self.features(one).store for one in (source, other)))  # type: ignore[arg-type]


class ChangedShots:
    """An augmenter that looks changed copies of examples up, since an encoder reads pictures and not features.

    Args:
        own: Features of the examples.
        changed: Features of a changed copy of each.
    """

    space = "features"

    def __init__(self, own: torch.Tensor, changed: torch.Tensor) -> None:
        self.place = {row.tobytes(): place for place, row in enumerate(own.numpy())}
        self.rows = changed

    def make(self, support: Examples, copies: int, generator: torch.Generator) -> Examples:
        """The changed copy of each example, as heavy as the example."""
        assert copies == 1, "one changed copy of each example is kept"
        rows = [[self.place[row.tobytes()] for row in task] for task in support.items.numpy()]
        origin = torch.arange(support.weight.shape[1]).expand(support.weight.shape)
        return replace(support, items=self.rows[torch.tensor(rows)], origin=origin)


def cifar_fs(root: Path) -> tuple[Source, Source]:
    """Photographs: 64 training classes, 16 validation classes."""
    train, test = (load_dataset("cifar-fs", split, root=root) for split in ("train", "validation"))
    return train, test


def clinc150(root: Path) -> tuple[Source, Source]:
    """Sentences: 105 intents of seven domains, 45 of the other three."""
    source = load_dataset("clinc150", "all", root=root)
    groups = sorted(set(source.groups or ()))
    return source.subset(groups=groups[3:]), source.subset(groups=groups[:3])


def emoji(root: Path, gray: bool = False, tags: bool = False) -> tuple[Source, Source]:
    """Emoji by seven vendors, divided by subgroup, with their names, or with their tags as well."""
    pictures = load_dataset(root / "emoji" / "images.zip", size=48, color=True)
    if gray:
        store = pictures.store.float().mean(1, keepdim=True).expand(-1, 3, -1, -1)  # type: ignore[union-attr]
        small = torch.nn.functional.interpolate(store, (12, 12), mode="bilinear", antialias=True)
        pictures = replace(pictures, store=small.round().byte())
    rows = parse_json((root / "emoji" / "names.json").read_bytes(), "names.json", list)
    named = {row["code"]: row for row in rows}
    about = [named[code]["name"].partition(": ")[2] or named[code]["name"] for code in pictures.class_names]
    if tags:
        about = [
            ", ".join((name, *named[code]["tags"])) for name, code in zip(about, pictures.class_names, strict=True)
        ]
    subgroup = {code: named[code]["subgroup"] for code in pictures.class_names}
    told = replace(pictures, about=tuple(about), groups=tuple(f"subgroup {one}" for one in subgroup.values()))
    held_out = [code for code, one in subgroup.items() if one % 5 == 0]
    return told.subset(classes=sorted(set(told.class_names) - set(held_out))), told.subset(classes=held_out)


def letters(root: Path) -> tuple[Source, Source]:
    """Printed letters named as in Unicode, such as "greek small letter alpha": a name says nothing of the shape."""
    source = load_dataset("glyphs", "all", size=32, color=True)
    held_out = ["Armenian", "Georgian", "Hebrew", "Coptic"]
    rest = sorted(set(source.groups or ()) - set(held_out))
    return source.subset(groups=rest, at_least=4), source.subset(groups=held_out, at_least=12)


def blood_cells(root: Path) -> tuple[Source, Source]:
    """White blood cells under a microscope, named by a map that was learned on photographs of animals and things."""
    cells = load_dataset(root / "blood_cells" / "images.zip", size=96, color=True)
    return cifar_fs(root)[0], cells.subset(at_least=20)


CASES = {
    "cifar-fs": Case(cifar_fs, (5,)),
    "clinc150": Case(clinc150, (20,), "minilm", "eda"),
    "emoji": Case(emoji, (5, 20, 50)),
    "emoji, names and tags": Case(partial(emoji, tags=True), (5, 20)),
    "emoji, gray, 12 pixels": Case(partial(emoji, gray=True), (5, 20)),
    "printed letters": Case(letters, (5,), plan="affine"),
    "blood cells": Case(blood_cells, (4,)),
}


def judged(learner: Learner, batches: Iterator[Episode], augmenter: Augmenter | None, weight: str = "") -> np.ndarray:
    """Accuracy of each task."""
    plan = Plan() if augmenter is None else Plan(f"shots: 1 x learned{weight}", augmenter)
    return evaluate(learner, batches, plan).accuracy


def arms(
    learner: Learner, sampler: EpisodeSampler, naming: ExamplesFromNames, changed: ChangedShots, tasks: int
) -> dict[str, np.ndarray]:
    """Accuracy `[tasks]` of each arm on the same tasks."""

    def batches() -> Iterator[Episode]:
        return sampler.batches(tasks, BATCH)

    noise = EmbeddingNoise(len(naming.feature_mean), strength=0.3, learned=False).eval()
    return {
        "shots alone": judged(learner, batches(), None),
        "name": judged(learner, batches(), naming),
        "another class's name": judged(learner, map(names_of_others, batches()), naming),
        "one name for all": judged(learner, map(one_name_for_all, batches()), naming),
        "name alone": judged(learner, batches(), naming, " weight 10000"),
        "noise, equal copies": judged(learner, batches(), noise),
        "augmentation": judged(learner, batches(), changed),
    }


def run(case: Case, root: Path, seeds: int, tasks: int) -> dict[str, object]:
    """Every head, number of ways and number of shots."""
    train, raw = case.load(root)
    changed = case.changed(raw)
    train, test = (add_class_vectors(case.features(one), TEXT) for one in (train, raw))
    namings, map_of = [], []
    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(len(train.class_names))
        kept = order[: max(4, len(order) * 3 // 4)] if seeds > 1 else order
        naming = ExamplesFromNames(train.store.shape[1])  # type: ignore[union-attr]
        naming.fit_statistics(train.subset(classes=[train.class_names[c] for c in kept]))
        namings.append(naming.eval())
        fall = float(torch.nn.functional.softplus(naming.budget.fall))
        map_of.append({"weight": float(naming.budget.log_weight.exp()), "fall": fall})
    rows: dict[str, object] = {}
    for ways in case.ways:
        learner = LEARNERS.parse(HEAD).build(encoder=lambda norm: torch.nn.Identity(), ways=ways, classes=0).eval()
        for shots in SHOTS:
            queries = min(QUERIES, int(test.counts.min()) - shots)
            if queries < 2 or ways > len(test.class_names):
                continue
            drawn = tasks * 20 // max(ways, 20)  # fewer where each has more queries
            per_seed = [
                arms(learner, EpisodeSampler(test, ways, shots, queries, seed=seed), namings[seed], changed, drawn)
                for seed in range(seeds)
            ]
            accuracy = {arm: np.stack([one[arm] for one in per_seed]) for arm in ARMS}
            rows[f"{ways} ways, {shots} shots"] = summary(accuracy)
            print(ways, shots, {arm: round(float(a.mean()), 4) for arm, a in accuracy.items()}, flush=True)
    return {
        "classes of the map": len(train.class_names),
        "classes judged": len(test.class_names),
        "examples judged": len(test),
        "plan": case.plan,
        "maps": map_of,
        "results": rows,
    }


def summary(accuracy: dict[str, np.ndarray]) -> dict[str, object]:
    """Mean of each arm and its paired difference from the shots alone, in points, Holm over arms."""
    first = accuracy["shots alone"]
    others = [arm for arm in ARMS if arm != "shots alone"]
    found = {arm: paired_difference(accuracy[arm], first, most=1) for arm in others}
    corrected = dict(zip(others, holm([one.p_value for one in found.values()]), strict=True))
    return {
        "accuracy": {arm: float(values.mean()) for arm, values in accuracy.items()},
        "by_seed": {arm: values.mean(1).tolist() for arm, values in accuracy.items()},
        "against_shots_alone": {
            arm: one.as_dict() | {"p_value_holm": float(corrected[arm])} for arm, one in found.items()
        },
    }


def main() -> None:
    """Run the cases, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", choices=CASES, default=[*CASES])
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    seeds, tasks = (2, 20) if options.quick else (3, 150)
    whole = read_json(RESULT) if RESULT.exists() and not options.quick else {}
    sets = whole.get("sets", {}) if isinstance(whole, dict) else {}
    for name in options.sets:
        began = time.process_time()
        sets[name] = run(CASES[name], options.root, seeds, tasks)
        sets[name]["cpu_seconds"] = time.process_time() - began
        if not options.quick:
            found = {"command": "python experiments/class_names.py --root DATA", "seeds": seeds, "tasks": tasks}
            found |= {"head": HEAD, "queries": QUERIES, "names by": TEXT, "pictures by": LITE, "sets": sets}
            write("class_names", found)


if __name__ == "__main__":
    main()
