"""How well a temperature from few examples calibrates a ridge head, on all other examples of each data set.

The temperature t of softmax(logits / t) has a prior, log t over the spread of the training logits, and is fitted to the
logits of the drawn examples that folds leave out. The prior's mean and standard deviation come from the other data
sets. Rules: the prior alone; the held-out logits alone; both, with the prior as wide as it is between data sets (what
`fit` does), half and twice as wide; and, as the best that a temperature can do, the one that suits the test examples.
The expected calibration error has 15 bins; beside it stands that of a perfectly calibrated classifier with the same
confidences on as many test examples. Writes results/fit_calibration.json.

    MANYSHOT_DATA=/path/to/data python experiments/fit_calibration.py --draws 20
"""

import argparse
import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from fit_head_draws import Draw, draws, load_sets
from run_and_record import write
from torch import Tensor

from manyshot.classify.calibrate.temperature import fit_temperature, logit_spread
from manyshot.classify.choose.candidate_prior import Gain
from manyshot.classify.evaluate.metrics import reliability

WIDTHS = {
    "prior alone": 1e-3,
    "both, prior half as wide": 0.5,
    "both": 1.0,
    "both, prior twice as wide": 2.0,
    "held-out logits alone": 100.0,
}
CHANCES = 5
ANY = Gain(0.0, 1e3)
LEAST_SD = 0.2


@dataclass(frozen=True, eq=False)
class Measured:
    """A draw, the spread of its logits, and the logarithm of the temperature that suits the test examples, over it."""

    name: str
    shots: int
    draw: Draw
    spread: float
    best: float


def measure(name: str, shots: int, one: Draw) -> Measured:
    """Measure a draw."""
    spread = logit_spread(torch.from_numpy(one.own))
    best = fit_temperature(torch.from_numpy(one.new), torch.from_numpy(one.new_labels), spread, ANY)
    return Measured(name, shots, one, spread, math.log(best / spread))


def prior_of(found: list[Measured], shots: int, but: str) -> Gain:
    """Mean and standard deviation, over all data sets but one, of the medians of the best temperatures."""
    by_set: dict[str, list[float]] = {}
    for one in found:
        if one.shots == shots and one.name != but:
            by_set.setdefault(one.name, []).append(one.best)
    medians = [float(np.median(values)) for values in by_set.values()]
    return Gain(float(np.mean(medians)), math.hypot(float(np.std(medians, ddof=1)), LEAST_SD))


def errors(logits: Tensor, labels: Tensor) -> tuple[float, float, float]:
    """Calibration error, that of a perfectly calibrated classifier with these confidences, and log-loss."""
    probabilities = logits.softmax(1)
    confidence = probabilities.amax(1).numpy()
    random = np.random.default_rng(0)

    def error(right: np.ndarray) -> float:
        fraction, mean, accuracy = reliability(confidence, right.astype(float)).T
        return float((fraction * abs(mean - accuracy)).sum())

    chance = np.mean([error(random.random(len(confidence)) < confidence) for _ in range(CHANCES)])
    loss = -logits.log_softmax(1).gather(1, labels[:, None]).mean()
    return error((probabilities.argmax(1) == labels).numpy()), float(chance), float(loss)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=20, help="draws of each set and number of examples")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = load_sets(Path(os.environ["MANYSHOT_DATA"]))
    found = [measure(*one) for one in draws(data, options.draws)]
    cells: dict[str, dict[str, dict[str, list[tuple[float, float, float]]]]] = {}
    for one in found:
        prior = prior_of(found, one.shots, one.name)
        held_out = torch.from_numpy(one.draw.left_out.reshape(-1, one.draw.own.shape[1]))
        splits, new = len(one.draw.left_out), torch.from_numpy(one.draw.new)
        labels = torch.from_numpy(one.draw.labels).repeat(splits)
        for rule, width in WIDTHS.items():
            wide = Gain(prior.mean, width * prior.sd)
            temperature = fit_temperature(held_out, labels, one.spread, wide, max(splits, 1))
            cell = cells.setdefault(rule, {}).setdefault(str(one.shots), {}).setdefault(one.name, [])
            cell.append(errors(new / temperature, torch.from_numpy(one.draw.new_labels)))
        best = math.exp(one.best) * one.spread
        cell = cells.setdefault("the best temperature", {}).setdefault(str(one.shots), {}).setdefault(one.name, [])
        cell.append(errors(new / best, torch.from_numpy(one.draw.new_labels)))
    result = {
        rule: {
            shots: {
                name: dict(zip(("error", "by_chance", "log_loss"), np.mean(rows, 0).round(4).tolist(), strict=True))
                for name, rows in by_set.items()
            }
            for shots, by_set in by_shots.items()
        }
        for rule, by_shots in cells.items()
    }
    write("fit_calibration", {"draws": options.draws, "sets": len(data), "rules": result})
    for rule, by_shots in result.items():
        for shots, by_set in by_shots.items():
            means = np.mean([list(row.values()) for row in by_set.values()], 0)
            print(f"{rule:28s} {shots:>2s} per class: error {means[0]:.3f} (chance {means[1]:.3f}) loss {means[2]:.3f}")


if __name__ == "__main__":
    main()
