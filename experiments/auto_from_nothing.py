"""`auto` for small networks trained from nothing on few examples, beside written plans.

A small network of three convolutions learns 100 Omniglot characters, or 16 classes of photographs of CIFAR-FS, from 1,
5 and 10 examples of each; every batch is augmented anew. The best written plan is chosen, for each set and number of
examples, on the validation classes by one classifier each. `auto` is the mix of ops that it makes new shots with, as it
ships; it was fitted with frozen encoders, to data sets among which are drawings of characters and photographs. What
generated characters are worth in the same setting is in results/dagan_omniglot.json. Writes
results/auto_from_nothing.json; what is there of a set is used.

    python experiments/auto_from_nothing.py --root DATA [--sets omniglot cifar-fs] [--quick]
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from classifier import CANDIDATES, accuracy
from classifier_arms import compared, position_in_class
from run_and_record import RESULTS, write

from manyshot.augment import Op, Plan
from manyshot.base.read_files import read_json
from manyshot.datasets import load_dataset
from manyshot.meta_augment.auto.auto_plan import auto_plan
from manyshot.tasks import Source

WRITTEN = {
    "omniglot": CANDIDATES,
    "cifar-fs": (
        "support: flip",
        "support: flip affine(10, 1.1, 0.1, 0)",
        "support: flip resized_crop(0.5)",
        "support: flip resized_crop(0.5) brightness(0.3) contrast(0.3) saturation(0.3)",
        "support: flip resized_crop(0.5) brightness(0.3) contrast(0.3) saturation(0.3) erase(0.3)",
    ),
}
SPLITS = {"omniglot": ("small1", "background", 100), "cifar-fs": ("train", "validation", 16)}
"""The split to choose on, the one to test on, and the most classes of each."""
TESTED = {"omniglot": 10, "cifar-fs": 50}
SEEDS, SHOTS, STEPS = 3, (1, 5, 10), 400
TRIVIAL = "support: trivialaugment"


def draw(source: Source, classes: int, shots: int, tested: int, seed: int) -> tuple[Source, Source]:
    """Examples of drawn classes to train on, and others of the same classes to test on."""
    names = np.random.default_rng(seed).permutation(list(source.class_names))[:classes].tolist()
    own = source.subset(classes=names)
    position, counts = position_in_class(own, seed), own.counts[own.labels]
    return own.subset(items=position < shots), own.subset(items=position >= counts - tested)


def augmentation(arm: str, written: str, train: Source) -> Op | None:
    """The op that changes every item of every batch."""
    if arm == "nothing":
        return None
    if arm == "auto":
        return auto_plan(train.gather(np.arange(len(train))), train.labels).item_op()
    return Plan({"best written": written, "TrivialAugment": TRIVIAL}[arm]).item_op()


def compare(name: str, root: str, shots: int, seeds: int, steps: int) -> dict[str, object]:
    """Accuracy by arm and seed at a number of examples, and differences from the best written plan."""
    to_choose, to_test, classes = SPLITS[name]
    known, new = (load_dataset(name, split, root=root) for split in (to_choose, to_test))
    new = new.subset(classes=[one for one in new.class_names if one not in known.class_names])
    train, test = draw(known, classes, shots, TESTED[name], 0)
    tried = {plan: float(accuracy(train, None, test, Plan(plan).item_op(), 0, steps).mean()) for plan in WRITTEN[name]}
    written = max(tried, key=lambda plan: tried[plan])
    rows: dict[str, list[np.ndarray]] = {"nothing": [], "best written": [], "TrivialAugment": [], "auto": []}
    for seed in range(seeds):
        train, test = draw(new, classes, shots, TESTED[name], seed)
        for arm, found in rows.items():
            right = accuracy(train, None, test, augmentation(arm, written, train), seed, steps)
            found.append(np.array([right[test.labels == label].mean() for label in range(len(test.class_names))]))
        print(name, shots, seed, {arm: round(float(found[-1].mean()), 3) for arm, found in rows.items()}, flush=True)
    return {"written": written, "tried": tried} | compared(rows, "best written")


def main() -> None:
    """Choose, train, test, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True, help="the folder that holds omniglot/ and cifar_fs/")
    parser.add_argument("--sets", nargs="+", default=list(WRITTEN), choices=list(WRITTEN))
    parser.add_argument("--quick", action="store_true", help="a few steps, to see that it runs; no result")
    options = parser.parse_args()
    torch.set_num_threads(1)
    path: Path = RESULTS / "auto_from_nothing.json"
    before = read_json(path) if path.exists() else {}
    sets = before.get("sets", {}) if isinstance(before, dict) else {}
    for name in options.sets:
        for shots in SHOTS[:1] if options.quick else SHOTS:
            found = compare(name, options.root, shots, *((1, 2) if options.quick else (SEEDS, STEPS)))
            if not options.quick:
                sets.setdefault(name, {})[str(shots)] = found
                facts: dict[str, object] = {
                    "seeds": SEEDS,
                    "steps": STEPS,
                    "tested": TESTED,
                    "classes": {n: SPLITS[n][2] for n in sets},
                }
                facts |= {"command": "python experiments/auto_from_nothing.py --root DATA", "sets": sets}
                write("auto_from_nothing", facts)


if __name__ == "__main__":
    main()
