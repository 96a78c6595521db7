"""What the differences of two drawings weigh in deformation matching, from the alphabets of Omniglot's small1.

A logistic regression over the classes of 20-way one-shot tasks within an alphabet: p(k | q) is the softmax of -l . d,
where d are the `Differences` of the query and the class's drawing. Writes results/matching_coefficients.json.

    python experiments/matching_coefficients.py --root DATA/omniglot
"""

import argparse

import numpy as np
from run_and_record import write
from scipy.optimize import minimize
from scipy.special import log_softmax

from manyshot.base import track
from manyshot.contrib.deformation_matching.matching_learner import Differences, Drawing
from manyshot.datasets import load_dataset
from manyshot.tasks import EpisodeSampler

TASKS, SEED, PENALTY = 40, 3, 1e-3


def main() -> None:
    """Bend, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True, help="the folder that holds images_background_small1.zip")
    options = parser.parse_args()
    letters = load_dataset("omniglot", "small1", root=options.root, size=105)
    tasks = EpisodeSampler(letters, 20, 1, 1, seed=SEED, within_group=1.0).batch(0, TASKS).as_float()
    result, right = [], []
    for support, query, known, asked in track(
        list(zip(tasks.support.items, tasks.query.items, tasks.support.class_ids, tasks.query.class_ids, strict=True)),
        "bend",
        TASKS,
    ):
        drawings, questions = [[Drawing.of(item) for item in side] for side in (support, query)]
        result.append([[Differences.of(drawing, question) for drawing in drawings] for question in questions])
        right.append((known[None] == asked[:, None]).double().argmax(1).numpy())
    differences, answers = np.array(result).reshape(-1, 20, len(Differences._fields)), np.concatenate(right)
    spread = differences.std((0, 1))

    def loss(weights: np.ndarray) -> float:
        said = log_softmax(-(differences / spread) @ weights, axis=1)
        return -said[np.arange(len(said)), answers].mean() + PENALTY * np.square(weights).sum()

    weights = minimize(loss, np.ones(len(spread))).x
    errors = ((-(differences / spread) @ weights).argmax(1) != answers).mean()
    coefficients = dict(zip(Differences._fields, (weights / spread).tolist(), strict=True))
    print(coefficients, errors)
    facts = {"tasks": TASKS, "seed": SEED, "penalty": PENALTY, "error_on_them": float(errors)}
    command = "python experiments/matching_coefficients.py --root DATA/omniglot"
    write("matching_coefficients", {"command": command, **facts, "coefficients": coefficients})


if __name__ == "__main__":
    main()
