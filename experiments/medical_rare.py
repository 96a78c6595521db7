"""A rare class: ten melanomas beside 200 nevi, on a frozen encoder. Writes results/medical_rare.json.

Ridge regression on features of EfficientNet-Lite0 tells melanomas from nevi of HAM10000 (one picture a lesion). Arms
differ in what the ten melanomas are made more by: nothing; weights, so that both classes weigh the same; variants by
augmentation of the melanomas alone, or of all pictures. Thresholds for a specificity come from lesions that are
neither learned from nor tested, as does the temperature of the probabilities.

    python experiments/medical_rare.py --root DATA
"""

import argparse
import re
import zipfile
from pathlib import Path

import numpy as np
import torch
from run_and_record import write
from torch import Tensor

from manyshot.augment import Plan
from manyshot.base.seeds import generator
from manyshot.datasets.pictures import decode
from manyshot.nets import ENCODERS
from manyshot.training import holm, paired_difference
from manyshot.training.ranking import average_precision, placements, threshold_at

NAME = "medical_rare"
ENCODER, SIZE = "efficientnet-lite0(resolution=96)", 96
RARE, COMMON = 10, 200
VALIDATION, TEST = 150, 300
"""Lesions of each kind for thresholds, and for tests, at most: half of the melanomas that are left for each."""
COPIES = {"rare": 19, "all": 1}
PLAN = "flip turn affine(10, 1.1, 0.05, 0.05, padding_mode=border) brightness(0.1) contrast(0.1)"
PENALTY = 0.01
DRAWS = 20
ARMS = ("none", "weighted", "variants of melanomas", "variants of all, weighted")


def pictures(root: Path, kind: str, most: int) -> Tensor:
    """Pictures of one kind of lesion `[n, 3, 96, 96]`."""
    with zipfile.ZipFile(root / "ham10000" / "images.zip") as archive:
        names = [name for name in sorted(archive.namelist()) if re.search(rf"(^|/){kind}/[^/]+\.jpg$", name)][:most]
        return torch.from_numpy(np.stack([decode(archive.read(name), name, (SIZE, SIZE), True) for name in names]))


@torch.no_grad()
def encoded(encoder: torch.nn.Module, images: Tensor) -> Tensor:
    """Features of length 1 of uint8 or float pictures."""
    parts = [encoder(part.float() / 255 if part.dtype == torch.uint8 else part) for part in images.split(64)]
    return torch.nn.functional.normalize(torch.cat(parts).clamp(min=0).sqrt(), dim=1)


def scores(rows: Tensor, labels: np.ndarray, weights: np.ndarray, test: Tensor) -> np.ndarray:
    """Scores of weighted ridge regression: how much a picture looks like a melanoma."""
    w = torch.from_numpy(weights / weights.sum()).float()
    mean = w @ rows
    x, y = rows - mean, torch.from_numpy(labels * 2.0 - 1).float()
    centered = y - w @ y
    gram = x @ x.T
    alpha = torch.linalg.solve(gram * w + PENALTY * torch.eye(len(rows)), centered)
    return ((test - mean) @ x.T @ (w * alpha) + w @ y).double().numpy()


def draw(seed: int, count: dict[str, int]) -> dict[str, dict[str, np.ndarray]]:
    """Lesions to learn from, for thresholds and for tests, of each kind."""
    answer: dict[str, dict[str, np.ndarray]] = {}
    for kind, shots in (("mel", RARE), ("nv", COMMON)):
        order = np.random.default_rng([seed, shots]).permutation(count[kind])
        left = len(order) - shots
        spare = min(VALIDATION, left // 2)
        answer[kind] = {
            "learned": order[:shots],
            "validation": order[shots : shots + spare],
            "test": order[shots + spare : shots + spare + TEST],
        }
    return answer


def one_draw(features: dict[str, Tensor], variants: dict[str, Tensor], seed: int) -> dict[str, dict[str, float]]:
    """The measures of every arm on one draw."""
    parts = draw(seed, {kind: len(rows) for kind, rows in features.items()})
    held = {
        part: (
            torch.cat([features[kind][parts[kind][part]] for kind in ("nv", "mel")]),
            np.repeat([0, 1], [len(parts[kind][part]) for kind in ("nv", "mel")]),
        )
        for part in ("learned", "validation", "test")
    }
    plain, labels = held["learned"]
    made = {kind: variants[kind][parts[kind]["learned"]] for kind in ("nv", "mel")}
    rare, both = made["mel"].flatten(0, 1), torch.cat([made["nv"][:, 0], made["mel"][:, 0]])
    even = np.where(labels == 1, COMMON / RARE, 1.0)
    sets = {
        "none": (plain, labels, np.ones(len(labels))),
        "weighted": (plain, labels, even),
        "variants of melanomas": (
            torch.cat([plain, rare]),
            np.concatenate([labels, np.ones(len(rare), np.int64)]),
            np.ones(len(plain) + len(rare)),
        ),
        "variants of all, weighted": (torch.cat([plain, both]), np.tile(labels, 2), np.tile(even, 2)),
    }
    return {arm: measured(*sets[arm], held["validation"], held["test"]) for arm in ARMS}


def measured(rows: Tensor, labels: np.ndarray, weights: np.ndarray, validation: tuple, test: tuple) -> dict[str, float]:
    """Area under the curve, average precision, and sensitivity at thresholds of the validation lesions."""
    known, asked = (scores(rows, labels, weights, part[0]) for part in (validation, test))
    positive = test[1] == 1
    answer = {"auroc": float(placements(asked, positive)[positive].mean())}
    answer["average precision"] = average_precision(asked, positive)[0]
    for level in (0.9, 0.95):
        threshold = threshold_at(known[validation[1] == 0], level)
        answer[f"sensitivity at {level:g}"] = float((asked[positive] > threshold).mean())
        answer[f"specificity for {level:g}"] = float((asked[~positive] <= threshold).mean())
    decided = asked > 0
    answer["balanced accuracy"] = float((decided[positive].mean() + (~decided[~positive]).mean()) / 2)
    return answer


def main() -> None:
    """Encode, draw, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="the folder that holds ham10000/")
    parser.add_argument("--quick", action="store_true", help="few pictures, few draws; no result")
    options = parser.parse_args()
    torch.set_num_threads(1)
    most = 300 if options.quick else 650
    shots = {"mel": min(most, 360), "nv": most}
    images = {kind: pictures(options.root, kind, shots[kind]) for kind in ("mel", "nv")}
    encoder = ENCODERS.build(ENCODER, channels=3, size=SIZE, norm="batch").eval()
    features = {kind: encoded(encoder, images[kind]) for kind in images}
    draws = 2 if options.quick else DRAWS
    op = Plan(f"support: {PLAN}").placements["support"].op  # type: ignore[attr-defined]
    results: dict[str, list[dict[str, float]]] = {arm: [] for arm in ARMS}
    cache: dict[tuple[str, int], Tensor] = {}
    for seed in range(draws):
        chosen = draw(seed, {kind: len(rows) for kind, rows in features.items()})
        variants = {kind: torch.zeros(len(rows), 1, rows.shape[1]) for kind, rows in features.items()}
        variants["mel"] = torch.zeros(len(features["mel"]), COPIES["rare"], features["mel"].shape[1])
        for kind, copies in (("mel", COPIES["rare"]), ("nv", COPIES["all"])):
            for row in chosen[kind]["learned"].tolist():
                if (kind, row) not in cache:
                    several = images[kind][row : row + 1].expand(copies, -1, -1, -1).float() / 255
                    cache[kind, row] = encoded(encoder, op(several, generator("rare", kind == "mel", row)))
                variants[kind][row] = cache[kind, row]
        for arm, found in one_draw(features, variants, seed).items():
            results[arm].append(found)
    table = {
        arm: {name: float(np.mean([one[name] for one in rows])) for name in rows[0]} for arm, rows in results.items()
    }
    for name in ("auroc", "average precision", "sensitivity at 0.9", "sensitivity at 0.95"):
        values = {arm: np.array([[one[name] for one in rows]]) for arm, rows in results.items()}
        gaps = {arm: paired_difference(values[arm], values["none"], most=1) for arm in ARMS[1:]}
        for (arm, gap), p in zip(gaps.items(), holm([gap.p_value for gap in gaps.values()]), strict=True):
            table[arm][f"{name}, difference"] = gap.as_dict() | {"p_holm": p}  # type: ignore[assignment]
    for arm, found in table.items():
        print(arm, {name: round(value, 3) for name, value in found.items() if isinstance(value, float)}, flush=True)
    if not options.quick:
        about = {"rare": RARE, "common": COMMON, "draws": draws, "encoder": ENCODER, "plan": PLAN, "copies": COPIES}
        write(NAME, {**about, "pictures": {kind: len(rows) for kind, rows in features.items()}, "results": table})


if __name__ == "__main__":
    main()
