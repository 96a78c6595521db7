"""DAGAN on unseen characters: classifiers of 100 classes from few drawings each, with and without made ones.

DAGAN learns from four fifths of Omniglot's background characters; 100 others are classified by ten networks, each of
them trained on the same few drawings of each. Writes results/dagan_omniglot.json; runs that are there are used.

    python experiments/dagan_omniglot.py --root DATA
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from circumstances import write
from classifier import accuracy, best_given
from gan_mnist import trained

from manyshot.augment import Plan
from manyshot.generate.made_source import made_items
from manyshot.tasks import Source
from manyshot.training import paired_difference
from manyshot.training.generator_config import GeneratorConfig, GeneratorSettings, load_generator_sources
from manyshot.training.timing import cpu_seconds

SEEDS = (0, 1, 2)
SHOTS = (1, 2, 3, 5)
CLASSES, CLASSIFIERS, JUDGED = 100, 10, 10


def shots_of(source: Source, shots: int, seed: int) -> tuple[Source, Source]:
    """So many drawings of each class to learn from, and ten others to judge on."""
    learn, judge = np.zeros(len(source), dtype=bool), np.zeros(len(source), dtype=bool)
    for start, count in zip(source.starts.tolist(), source.counts.tolist(), strict=False):
        order = start + torch.randperm(count, generator=torch.Generator().manual_seed(seed + start)).numpy()
        learn[order[:shots]], judge[order[-JUDGED:]] = True, True
    return source.subset(items=learn), source.subset(items=judge)


def main() -> None:
    """Train, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default="data", help="the folder that holds omniglot/")
    parser.add_argument("--runs", default="runs/dagan_omniglot", help="where the trainings lie")
    parser.add_argument("--tiny", action="store_true", help="a few steps of everything, to see that it runs; no result")
    options = parser.parse_args()
    tiny = options.tiny
    steps, classifier_steps = (4, 4) if tiny else (10_000, 2_000)
    seeds, all_shots, classifiers, classes = ((0,), (2,), 1, 10) if tiny else (SEEDS, SHOTS, CLASSIFIERS, CLASSES)
    found, seconds, given = {}, [], {}
    rows: dict[int, dict[str, list[np.ndarray]]] = {shots: {} for shots in all_shots}
    for seed in seeds:
        fit = GeneratorSettings(
            steps=steps, batch=32, discriminator_steps=2, rate=5e-4, look_every=max(2, steps // 10), seed=seed
        )
        config = GeneratorConfig("omniglot", root=options.root, model="dagan(32)", validation=0.1, test=0.15, fit=fit)
        folder = Path(options.runs) / f"dagan-{seed}"
        run = trained(config, folder)
        seconds.append(cpu_seconds(folder))
        unseen = load_generator_sources(config, run.model.wants).test
        unseen = unseen.subset(classes=unseen.class_names[:classes])
        for shots in all_shots:
            if seed == seeds[0]:
                held_out = load_generator_sources(config, run.model.wants).validation
                learn, judge = shots_of(held_out, shots, seed)
                given[shots] = best_given(learn, judge, seed, classifier_steps)
            op = Plan.parse(given[shots]).item_op()
            for number in range(classifiers):
                real, test = shots_of(unseen, shots, 1000 * number)
                made = made_items(run.model, real, 20 if tiny else 100, number)
                for arm, more, changed in (
                    ("nothing", None, None),
                    ("given", None, op),
                    ("made", made, None),
                    ("made and given", made, op),
                ):
                    right = accuracy(real, more, test, changed, 1000 * seed + number, classifier_steps)
                    rows[shots].setdefault(arm, []).append(right)
        print(
            seed,
            {s: {arm: float(np.mean(right)) for arm, right in arms.items()} for s, arms in rows.items()},
            flush=True,
        )
    for shots, arms in rows.items():
        # One row a seed: the items of its ten classifiers stand one behind the other.
        stacked = {arm: np.stack(right).reshape(len(seeds), -1) for arm, right in arms.items()}
        found[str(shots)] = {
            "given": given[shots],
            "accuracy": {arm: float(right.mean()) for arm, right in stacked.items()},
            "against nothing": {
                arm: paired_difference(right, stacked["nothing"]).as_dict() for arm, right in stacked.items()
            },
            "both against given": paired_difference(stacked["made and given"], stacked["given"]).as_dict(),
        }
    if not tiny:
        facts = {"seeds": seeds, "classes": classes, "classifiers": classifiers, "cpu_seconds": seconds, "steps": steps}
        write("dagan_omniglot", {"command": "python experiments/dagan_omniglot.py", **facts, "shots": found})


if __name__ == "__main__":
    main()
