"""MNIST with few digits: what a conditional GAN of them is worth to a classifier, beside given augmentation.

The GAN and the classifier learn from the same few digits; both are judged on the test digits. The given augmentation is
chosen for each size on digits held out. Writes results/gan_few_digits.json; runs that are there are used.

    python experiments/gan_few_digits.py --root DATA
"""

import math

import numpy as np
from classifier import accuracy, best_given
from classifier_arms import compared, trained
from run_and_record import parse_options, write

from manyshot.augment import Plan
from manyshot.datasets import load_dataset
from manyshot.generate.generated_source import generate_examples
from manyshot.generate.generator_config import GeneratorConfig, GeneratorSettings, load_generator_sources
from manyshot.runtime.clock import cpu_seconds

SEEDS = (0, 1, 2)
SIZES = (10, 50, 100)
MODEL = "conditional(16)"
SEEN = "support: affine(15) elastic(0.1)"
"""What the discriminator sees augmented."""
STEPS, CLASSIFIER_STEPS, MADE, TESTED = 800, 150, 300, 3000


def main() -> None:
    """Train, evaluate, write."""
    options = parse_options(__doc__, "mnist/", "runs/gan_few_digits")
    tiny = options.tiny
    seeds, sizes, steps, classifier_steps = ((0,), (10,), 4, 4) if tiny else (SEEDS, SIZES, STEPS, CLASSIFIER_STEPS)
    test = load_dataset("mnist", "test", root=options.root)
    test = test.split((TESTED / len(test), 1 - TESTED / len(test)), seed=0, by="item")[0]

    result = {}
    for size in sizes:
        right: dict[str, list[np.ndarray]] = {
            "nothing": [],
            "augmented": [],
            "generated": [],
            "generated and augmented": [],
        }
        seconds = []
        for seed in seeds:
            fit = GeneratorSettings(steps=steps, eval_every=math.ceil(steps / 4), ada_target=0.6, seed=seed)
            config = GeneratorConfig(
                "mnist", root=options.root, model=MODEL, plan=SEEN, per_class=size, validation=0.02, fit=fit
            )
            folder = options.runs / f"{size}-{seed}"
            run = trained(config, folder)
            seconds.append(cpu_seconds(folder))
            parts = load_generator_sources(config, "label")
            real = parts.training
            if seed == seeds[0]:
                given = best_given(real, parts.validation, seed, classifier_steps)
                op = Plan(given).item_op()
            generated = generate_examples(run.model, real, 20 if tiny else MADE, seed, run.class_names)
            for arm, more, changed in (
                ("nothing", None, None),
                ("augmented", None, op),
                ("generated", generated, None),
                ("generated and augmented", generated, op),
            ):
                right[arm].append(accuracy(real, more, test, changed, seed, classifier_steps))
        result[str(size)] = {"augmented": given, "cpu_seconds": seconds} | compared(right, "nothing", "augmented")
        print(size, given, result[str(size)]["accuracy"], seconds, flush=True)
    if not tiny:
        facts = {
            "seeds": len(seeds),
            "model": MODEL,
            "plan": SEEN,
            "steps": steps,
            "classifier_steps": classifier_steps,
        }
        facts |= {"generated": MADE, "test_examples": len(test)}
        write("gan_few_digits", {"command": "python experiments/gan_few_digits.py", **facts, "sizes": result})


if __name__ == "__main__":
    main()
