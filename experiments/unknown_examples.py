"""How many foreign examples `predict` calls unknown, and how many of the known classes it calls so by mistake.

From each data set half of the classes are known, with a few examples each. Foreign are the examples of the other half,
which are hard to tell, and those of all other data sets of the same kind. Beside the rates at the detector's own
threshold stands what is caught at the threshold that gives 5 % false alarms exactly, which no user can know. Writes
results/unknown.json, where pictures or sentences that are not among the features stay as they are.

    python experiments/few_example_features.py --root DATA --features PLAIN --plain --classes 10 --pictures 300
    python experiments/unknown_examples.py --features PLAIN
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from few_example_features import EncodedSet, load_sets
from run_and_record import RESULTS, write
from torch import Tensor

from manyshot.classify.calibrate.unknown_detector import UnknownDetector
from manyshot.classify.encode.frozen_encoders import encoder_blocks

SHOTS = (1, 5, 10)
WANTED = 0.05
PER_OTHER_SET = 20


def main() -> None:
    """Detect, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--features", required=True, type=Path, help="the folder of features")
    parser.add_argument("--draws", type=int, default=10, help="draws of classes and examples")
    options = parser.parse_args()
    sets, result = load_sets(options.features), {}
    for name, one in sets.items():
        others = [other for key, other in sets.items() if key != name and other.kind == one.kind]
        for encoder in dict.fromkeys((one.joined[0], one.joined[-1])):
            for shots in SHOTS:
                if np.median(np.bincount(one.labels)) < shots + 2:
                    continue
                rows = [detect(one, others, encoder, shots, draw) for draw in range(options.draws)]
                row = {key: round(float(np.mean([found[key] for found in rows])), 4) for key in rows[0]}
                result.setdefault(one.kind, {}).setdefault(encoder, {}).setdefault(name, {})[str(shots)] = row
    for kind, encoders in result.items():
        for encoder, by_set in encoders.items():
            for shots in map(str, SHOTS):
                found = [rows[shots] for rows in by_set.values() if shots in rows]
                means = {key: round(float(np.mean([row[key] for row in found])), 3) for key in found[0]}
                print(kind, encoder, shots, "per class", means)
    earlier = json.loads((RESULTS / "unknown.json").read_text(encoding="utf-8"))["kinds"]
    write("unknown", {"draws": options.draws, "wanted": WANTED, "kinds": earlier | result})


def detect(one: EncodedSet, others: list[EncodedSet], encoder: str, shots: int, draw: int) -> dict[str, float]:
    """Rates of one draw."""
    random = np.random.default_rng((shots, draw))
    known = random.permutation(one.classes)[: max(one.classes // 2, 2)]
    parts = [random.permutation(np.flatnonzero(one.labels == label)) for label in known]
    fit, test = (np.concatenate(rows) for rows in ([p[:shots] for p in parts], [p[shots:] for p in parts]))
    near = np.flatnonzero(~np.isin(one.labels, known))
    far = [(other, random.permutation(len(other.labels))[:PER_OTHER_SET]) for other in others]
    detector = UnknownDetector.fit(blocks(one, encoder, fit), torch.from_numpy(one.labels[fit]), WANTED)
    mine, hard = (detector.score(blocks(one, encoder, rows)) for rows in (test, near))
    easy = torch.cat([detector.score(blocks(other, encoder, rows)) for other, rows in far])
    exact = float(mine.quantile(1 - WANTED))
    return {
        "false_alarms": float((mine > 1).double().mean()),
        "other_sets": float((easy > 1).double().mean()),
        "other_classes": float((hard > 1).double().mean()) if len(hard) else float("nan"),
        "other_sets_at_5": float((easy > exact).double().mean()),
        "other_classes_at_5": float((hard > exact).double().mean()) if len(hard) else float("nan"),
    }


def blocks(one: EncodedSet, encoder: str, rows: np.ndarray) -> list[Tensor]:
    """Features of some examples, one tensor an encoder."""
    return [one.encoded.features[block, "none"][rows, 0] for block in encoder_blocks(encoder)]


if __name__ == "__main__":
    main()
