"""Does a split of pictures, not patients, inflate accuracy? Chest X-rays, frozen features, real and random labels.

    python experiments/patient_leak.py --root DATA --json results/patient_leak.json

Pictures are encoded once at 96 pixels (EfficientNet-Lite0). Ridge regression and the nearest neighbor learn from
`shots` pictures a class and are tested on all pictures of the other half, split by picture or by patient. In `random`
each patient has a label by coin: nothing can be learned but whose picture it is, so accuracy above 50 % is the leak
itself. Only patients with two pictures or more take part in it.
"""

import argparse
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import torch

from manyshot.base import write_json
from manyshot.datasets.image_folder import load_folder
from manyshot.nets import ENCODERS
from manyshot.tasks import Source
from manyshot.training.encode_source import encode
from manyshot.training.seed_intervals import mean_interval

GROUP_BY = r"(person\d+)_(bacteria|virus)|(IM-\d+)|(NORMAL2-IM-\d+)"
SHOTS = (5, 20, 100, 400)
DRAWS = 20
SIZE = 96


def prepared(root: Path, size: int, most: int | None) -> Source:
    """Features of the X-rays, with patients as authors."""
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(root / "chest_xray" / "images.zip") as archive:
            archive.extractall(folder)
        source = load_folder(Path(folder), size=size, color=True, group_by=GROUP_BY)
        if most is not None:
            source = source.subset(items=np.arange(len(source)) % max(1, len(source) // most) == 0)
        return encode(ENCODERS.build("efficientnet-lite0(resolution=96)", channels=3), source)


def accuracy(train: torch.Tensor, known: np.ndarray, test: torch.Tensor, wanted: np.ndarray) -> dict[str, float]:
    """Balanced accuracy of ridge regression on centered features and of the nearest neighbor by cosine."""
    mean = train.mean(0)
    a, b = (torch.nn.functional.normalize(x - mean, dim=1) for x in (train, test))
    classes = np.unique(known)
    targets = torch.from_numpy((known[:, None] == classes) * 1.0).float()
    targets = targets / targets.mean(0) - 1
    gram = a @ a.T
    weights = torch.linalg.solve(gram + 0.1 * torch.eye(len(a)), targets)
    answers = {
        "ridge": (b @ a.T @ weights).argmax(1).numpy(),
        "nearest": targets[(b @ a.T).argmax(1)].argmax(1).numpy(),
    }
    return {
        name: float(np.mean([(classes[answer[wanted == c]] == c).mean() for c in classes if (wanted == c).any()]))
        for name, answer in answers.items()
    }


def one_draw(features: torch.Tensor, labels: np.ndarray, people: np.ndarray, shots: int, unit: str, seed: int):
    """Accuracy of one split in halves, by picture or by patient."""
    random = np.random.default_rng([seed, shots])
    units = np.arange(len(labels)) if unit == "picture" else people
    known = np.unique(units)
    half = np.isin(units, random.permutation(known)[: len(known) // 2])
    train = np.concatenate(
        [random.permutation(np.flatnonzero(half & (labels == c)))[:shots] for c in np.unique(labels)]
    )
    test = np.flatnonzero(~half)
    return accuracy(features[train], labels[train], features[test], labels[test])


def main() -> None:
    """Encode, draw, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="folder with chest_xray/images.zip")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--quick", action="store_true", help="few pictures, few draws")
    options = parser.parse_args()
    torch.set_num_threads(1)
    source = prepared(options.root, SIZE, 200 if options.quick else None)
    features = source.gather(range(len(source))).float()
    people = source.authors_of_rows
    assert people is not None
    counts = np.bincount(people)
    several = counts[people] > 1
    results: dict[str, dict[str, float | list[float]]] = {}
    for name in ("real", "random"):
        for shots in SHOTS[:1] if options.quick else SHOTS:
            gaps: dict[str, list[float]] = {}
            means: dict[str, list[float]] = {}
            for seed in range(2 if options.quick else DRAWS):
                keep = np.ones(len(people), bool) if name == "real" else several
                coin = np.random.default_rng(seed).integers(0, 2, len(counts))
                labels = (source.labels if name == "real" else coin[people])[keep]
                pair = {
                    unit: one_draw(features[torch.from_numpy(keep)], labels, people[keep], shots, unit, seed)
                    for unit in ("picture", "patient")
                }
                for head in ("ridge", "nearest"):
                    gaps.setdefault(head, []).append(pair["picture"][head] - pair["patient"][head])
                    for unit, row in pair.items():
                        means.setdefault(f"{unit} {head}", []).append(row[head])
            for head, gap in gaps.items():
                row = {unit: float(np.mean(means[f"{unit} {head}"])) for unit in ("picture", "patient")}
                low, high = mean_interval(np.array(gap), -1, 1)
                results[f"{name} {shots} {head}"] = row | {"gap": float(np.mean(gap)), "interval": [low, high]}
                both = f"by picture {row['picture']:.1%}, by patient {row['patient']:.1%}"
                span = f"[{100 * low:+.1f}, {100 * high:+.1f}]"
                print(f"{name}, {shots} shots, {head}: {both}, gap {100 * np.mean(gap):+.1f} {span}")
    if options.json:
        about = {"pictures": len(source), "patients": len(np.unique(people)), "of several": int(several.sum())}
        write_json(options.json, {"about": about | {"draws": DRAWS}, "results": results})


if __name__ == "__main__":
    main()
