"""How often the accuracy that `fit` states for its own classifier covers the accuracy on many new examples.

Examples are drawn from each data set again and again; head and settings are chosen and judged by nested resampling of
the draw alone, as `fit` does, and the classifier of all drawn examples is tested on all others. Features are those of a
frozen EfficientNet-Lite0 at 112 pixels (of the pixels, for 8 x 8 digits), which is fast, and as good for this purpose.
The finite number of other examples makes the accuracy on them uncertain too: `covered` counts an interval that is
widened by this noise, `covered_as_it_is` one that is not. Writes results/fit_interval.json.

    MANYSHOT_DATA=/path/to/data python experiments/fit_interval.py --draws 100

`--sets` and `--shots` run a part; what the file holds of other sets and numbers of examples stays.
"""

import argparse
import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from circumstances import RESULTS, write

from manyshot.base import track
from manyshot.classify.candidates import Candidate, Setting
from manyshot.classify.choose_candidate import FOLDS, choose
from manyshot.classify.feature_bank import FeatureBank
from manyshot.classify.heads import Transform
from manyshot.classify.honest_interval import honest_interval, interval_of_one_example
from manyshot.classify.prior import Prior
from manyshot.classify.resample import left_out_logits
from manyshot.datasets import load_dataset
from manyshot.nets import ENCODERS
from manyshot.tasks import Source
from manyshot.training import encode

SHOTS = (1, 2, 5, 10, 20)
PER_CLASS = 150  # examples of each class that are encoded
SIZE = 112
ENCODER = "efficientnet-lite0"
HEADS = ("ridge(penalty=0.001)", "ridge(penalty=0.01)", "ridge(penalty=0.1)", "centroid")
TRANSFORM = Transform(power=0.5)

Values = np.ndarray


def sets(root: Path) -> dict[str, Callable[[], tuple[torch.Tensor, Values]]]:
    """Features `[n, 1, d]` and labels of each data set, when they are asked for."""

    def zipped(folder: str) -> Source:
        return load_dataset(str(root / folder / "images.zip"), size=SIZE, color=True)

    def omniglot() -> Source:
        source = load_dataset("omniglot", "small2", root=root / "omniglot", size=28)
        return source.subset(classes=source.class_names[:20])

    loaders: dict[str, Callable[[], Source]] = {
        "MedNIST": lambda: zipped("mednist"),
        "chest X-rays": lambda: zipped("chest_xray"),
        "HAM10000": lambda: zipped("ham10000").subset(at_least=60),
        "CIFAR-FS validation": lambda: load_dataset("cifar_fs", "validation", root=root / "cifar_fs", color=True),
        "digits": lambda: load_dataset("digits"),
        "Omniglot, 20 characters": omniglot,
    }

    def encoded(name: str) -> tuple[torch.Tensor, Values]:
        source = first_of_each_class(loaders[name](), PER_CLASS)
        return features_of(name, source)[:, None], source.labels

    real = {name: partial(encoded, name) for name in loaders}
    return real | {f"simulated, {far:g} apart": partial(simulated, far, seed) for seed, far in enumerate((2, 4, 8))}


def first_of_each_class(source: Source, most: int) -> Source:
    """A source without the examples of a class after its first `most`."""
    place = np.arange(len(source)) - source.starts[source.labels]
    return source.subset(items=place < most)


def features_of(name: str, source: Source) -> torch.Tensor:
    """Features `[n, d]` of all examples."""
    if name == "digits":
        return source.gather(range(len(source))).float().flatten(1)
    channels, size = source.gather([0]).shape[1:3]
    network = ENCODERS.build(f"{ENCODER}(resolution={SIZE})", channels=channels, size=size, norm="batch").eval()
    return encode(network, source).gather(range(len(source))).float()


def simulated(separation: float, seed: int) -> tuple[torch.Tensor, Values]:
    """Features `[3000, 1, 40]` and labels of five normal classes, whose means differ so much in standard deviations.

    The features of a class have heavy tails and directions of their own, so that no head is exactly right.
    """
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(5), 600)
    means = random.normal(size=(5, 40)) * separation / 40**0.5
    scales = np.exp(random.normal(size=(5, 40)) / 2)
    noise = random.standard_t(5, size=(len(labels), 40)) * scales[labels]
    return torch.from_numpy(means[labels] + noise).float()[:, None], labels


def draw_once(bank: FeatureBank, labels: Values, shots: int, seed: int) -> dict[str, float]:
    """Draw examples, fit, state an interval, and test it on all other examples."""
    random = np.random.default_rng((seed, shots))
    classes = int(labels.max()) + 1
    drawn = np.concatenate([random.permutation(np.flatnonzero(labels == c))[:shots] for c in range(classes)])
    candidates = [Candidate(ENCODER, Setting(TRANSFORM, head)) for head in HEADS]
    choice = choose(bank.select(torch.from_numpy(drawn)), labels[drawn], candidates, Prior({}, {}), seed=seed)
    weights = torch.zeros(1, len(labels), dtype=torch.float64)
    weights[0, drawn] = 1
    fitted = left_out_logits(bank, torch.from_numpy(labels), classes, [choice.candidate], weights, None)
    _, logits = next(iter(fitted))
    right = logits[0].argmax(-1).numpy() == labels
    tested = weights[0].numpy() == 0
    truth = float(np.mean([right[tested & (labels == c)].mean() for c in range(classes)]))
    if choice.correct is None:
        low, high = interval_of_one_example(classes)
        estimate = float("nan")
    else:
        folds = min(shots, FOLDS)
        stated = honest_interval(choice.correct, (folds - 1) / folds)
        low, high, estimate = stated.low, stated.high, stated.value
    return {"truth": truth, "estimate": estimate, "low": low, "high": high, "tested": int(tested.sum())}


def summarize(rows: list[dict[str, float]]) -> dict[str, float]:
    """Coverage and width over draws."""
    truth, low, high, tested = (np.array([row[key] for row in rows]) for key in ("truth", "low", "high", "tested"))
    smooth = (truth * tested + 1) / (tested + 2)
    noise = 1.96**2 * smooth * (1 - smooth) / tested
    middle = (low + high) / 2
    below = truth < middle - np.sqrt((middle - low) ** 2 + noise)
    above = truth > np.where(high >= 1, 1.0, middle + np.sqrt((high - middle) ** 2 + noise))
    return {
        "draws": len(rows),
        "accuracy": float(truth.mean()),
        "covered": float(1 - (below | above).mean()),
        "covered_as_it_is": float(((low <= truth) & (truth <= high)).mean()),
        "too_high": float(below.mean()),
        "too_low": float(above.mean()),
        "width": float((high - low).mean()),
        "bias": float(np.mean([row["estimate"] for row in rows]) - truth.mean()),
    }


def main() -> None:
    """Simulate, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--sets", help="names of sets, with commas between; all if left out")
    parser.add_argument("--shots", default=",".join(map(str, SHOTS)), help="examples per class, with commas between")
    options = parser.parse_args()
    torch.set_num_threads(1)
    file = RESULTS / "fit_interval.json"
    results: dict = json.loads(file.read_text())["results"] if file.exists() else {}
    for name, load in sets(Path(os.environ["MANYSHOT_DATA"])).items():
        if options.sets and name not in options.sets.split(","):
            continue
        features, labels = load()
        bank = FeatureBank({(ENCODER, "none"): features})
        for shots in map(int, options.shots.split(",")):
            if np.bincount(labels).min() < 2 * shots:
                continue
            rows = [draw_once(bank, labels, shots, seed) for seed in track(range(options.draws), name)]
            one = summarize(rows)
            results.setdefault(name, {})[str(shots)] = one
            print(
                f"{name:24s} {shots:2d} per class: accuracy {one['accuracy']:.1%}, covered {one['covered']:.0%} "
                f"(as it is {one['covered_as_it_is']:.0%}), width {100 * one['width']:.0f} points, "
                f"bias {100 * one['bias']:+.1f}",
                flush=True,
            )
            write("fit_interval", {"results": results, "summary": summary(results)})
    for shots, row in summary(results).items():
        print(f"all sets {shots:>12s} per class: covered {row['covered']:.1%} in {row['draws']} draws")


def summary(results: dict[str, dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Coverage over all sets by number of examples."""
    found = {}
    for shots in map(str, SHOTS):
        rows = [row[shots] for row in results.values() if shots in row]
        if rows:
            draws = sum(row["draws"] for row in rows)
            covered = sum(row["covered"] * row["draws"] for row in rows) / draws
            found[shots] = {"sets": len(rows), "draws": draws, "covered": covered}
    return found


if __name__ == "__main__":
    main()
