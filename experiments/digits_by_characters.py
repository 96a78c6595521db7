"""Across tasks: generators that learned from characters make more of a few digits, for classifiers of digits.

The generators are those of experiments/dagan_omniglot.py; they are trained if they are not there. The classifiers start
from nothing and learn from 1 or 5 digits a class. Writes results/digits_by_characters.json.

    python experiments/digits_by_characters.py --root DATA
"""

import numpy as np
from classifier_arms import compared, evaluated, position_in_class, trained
from dagan_omniglot import MADE, MODELS, SEEDS, config_of
from run_and_record import parse_options, write

from manyshot.augment import Plan
from manyshot.base import quieten
from manyshot.datasets import load_dataset

SHOTS = (1, 5)
GIVEN = "support: affine(15) elastic(0.1)"
CLASSIFIERS, CLASSIFIER_STEPS, TESTED = 8, 150, 1000


def main() -> None:
    """Train, evaluate, write."""
    options = parse_options(__doc__, "omniglot/ and mnist/", "runs/dagan_omniglot")
    tiny, runs = options.tiny, options.runs
    quieten(True)
    seeds, classifiers, steps = ((0,), 1, 4) if tiny else (SEEDS, CLASSIFIERS, CLASSIFIER_STEPS)
    digits, test = (load_dataset("mnist", split, root=options.root) for split in ("train", "test"))
    test, op = test.subset(items=position_in_class(test, 0) < TESTED // 10), Plan(GIVEN).item_op()
    right: dict[int, dict[str, list[np.ndarray]]] = {shots: {} for shots in SHOTS}
    for seed in seeds:
        models = {
            name: trained(config_of(name, options.root, seed, tiny), runs / f"{name}-{seed}").model for name in MODELS
        }
        for shots in SHOTS:
            by_arm: dict[str, list[float]] = {}
            for number in range(classifiers):
                real = digits.subset(items=position_in_class(digits, number) < shots)
                result = evaluated(real, test, models, op, MADE, number, 1000 * seed + number, steps)
                for arm, rows in result.items():
                    by_arm.setdefault(arm, []).append(rows)
            for arm, rows in by_arm.items():
                right[shots].setdefault(arm, []).append(np.array(rows))
            print(seed, shots, {arm: round(float(np.mean(rows)), 3) for arm, rows in by_arm.items()}, flush=True)
    result = {str(shots): compared(arms, "nothing", "augmented") for shots, arms in right.items()}
    if not tiny:
        facts = {"seeds": len(seeds), "classifiers": classifiers, "test_examples": len(test), "augmented": GIVEN}
        facts |= {"generated": MADE, "classifier_steps": steps}
        write(
            "digits_by_characters", {"command": "python experiments/digits_by_characters.py", **facts, "shots": result}
        )


if __name__ == "__main__":
    main()
