"""Augmentation on CIFAR-FS at the length of training that people use. Writes results/cifar_fs_long.json.

Prototypical networks on Conv4 of 64 channels, trained on 4,500 tasks of 20 ways and 1 shot at a learning rate of 2e-3:
near the published accuracy (Snell et al. 2017; 55.5 / 72.0 % on the test classes in Bertinetto et al. 2019), where the
two thousand small tasks of the preset cifar-fs-tasks stop at 40 %. Evaluated on 5-way tasks of the 16 validation
classes, which nothing was chosen by. What is trained in --runs already is not trained again.

    python experiments/cifar_fs_long.py --root DATA                              # two hours on a CPU
    python experiments/cifar_fs_long.py --root DATA --device cuda --jobs 8       # minutes
    python experiments/cifar_fs_long.py --root DATA --tiny
"""

import argparse
import tempfile
from pathlib import Path

from run_and_record import write

from manyshot.compare import Arm, Comparison, EvaluationSuite, run_comparison
from manyshot.training import Config, Settings

SHIFTED = "flip crop(0.125, padding_mode=reflection)"
ARMS = (
    Arm("without", "none"),
    Arm("variants at use", "none", f"shots: 4 x {SHIFTED}; query: 4 x {SHIFTED}"),
    Arm("items mirrored and shifted", f"support+query: {SHIFTED}"),
    Arm(
        "items mirrored and shifted, variants at use",
        f"support+query: {SHIFTED}",
        f"shots: 4 x {SHIFTED}; query: 4 x {SHIFTED}",
    ),
)
"""Ways to train, and ways to use what was trained."""


def comparison(root: str, device: str, seeds: int, tiny: bool) -> Comparison:
    """The arms, at a length at which they can be judged."""
    config = Config(
        "cifar-fs",
        split="train",
        root=root,
        encoder="conv4",
        ways=20,
        shots=1,
        queries=10,
        validation=0.0,
        fit=Settings(steps=20 if tiny else 4500, meta_batch_size=1, learning_rate=2e-3, device=device),
    )
    suites = tuple(
        EvaluationSuite(
            f"{shots} shot" + "s" * (shots > 1), 5, shots, 10, 20 if tiny else 400, "cifar-fs", "validation"
        )
        for shots in (1, 5)
    )
    return Comparison("", config, ARMS, suites, 2 if tiny else seeds)


def main() -> None:
    """Train, evaluate, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default="data", help="the folder that holds cifar_fs/")
    parser.add_argument("--device", default="cpu", help="where to train")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each arm")
    parser.add_argument("--runs", type=Path, default=Path("runs/cifar-fs-long"), help="where the trainings lie")
    parser.add_argument("--tiny", action="store_true", help="a few steps, to see that it runs; no result")
    options = parser.parse_args()
    whole = comparison(options.root, options.device, options.seeds, options.tiny)
    if options.tiny:
        with tempfile.TemporaryDirectory() as folder:
            print(run_comparison(whole, Path(folder), options.jobs).as_dict())
        return
    found = run_comparison(whole, options.runs, options.jobs).as_dict()
    write("cifar_fs_long", {"seed": 0, "device": options.device, **found})


if __name__ == "__main__":
    main()
