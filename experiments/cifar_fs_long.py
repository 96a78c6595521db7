"""Task augmentation on CIFAR-FS at the length of training that people use. Writes results/cifar_fs_long.json.

The arms of `manyshot compare --preset cifar-fs-tasks`, but Conv4 of 64 channels trained on 4,500 tasks of 20 ways and 1
shot at a learning rate of 2e-3: near the published accuracy of prototypical networks (Snell et al. 2017; 55.5 / 72.0 %
on the test classes in Bertinetto et al. 2019), where the preset's two thousand small tasks stop at 40 %. Evaluated on
5-way tasks of the 16 validation classes, which nothing was chosen by.

    python experiments/cifar_fs_long.py --root DATA                              # hours on a CPU
    python experiments/cifar_fs_long.py --root DATA --device cuda --jobs 8       # minutes
    python experiments/cifar_fs_long.py --root DATA --tiny
"""

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from run_and_record import write

from manyshot.compare import Comparison, EvaluationSuite, run_comparisons
from manyshot.compare.preset_comparisons import COMPARISONS
from manyshot.training import Settings

GROUPS = (
    ("items: natural", "task: turned classes"),
    ("query: erase", "query: cutmix"),
    ("natural, turned, cutmix", "turned, erase"),
    ("support: self-mix", "shots: flips", "shots: flips, at use too"),
    ("channel shuffle", "metamix"),
    ("task: composites", "support: erase"),
    ("mlti", "adversarial", "maxup of a pool"),
)
"""Arms that are trained together, the most promising first, so that a run that is cut short says most."""


def comparison(names: tuple[str, ...], root: str, device: str, tiny: bool) -> Comparison:
    """The arms of these names beside the one without augmentation."""
    preset = COMPARISONS["cifar-fs-tasks"].comparisons[0]
    fit = Settings(steps=20 if tiny else 4500, meta_batch_size=1, learning_rate=2e-3, device=device)
    config = replace(preset.config, root=root, encoder="conv4", ways=20, shots=1, queries=10, fit=fit)
    arms = tuple(arm for arm in preset.arms if arm.name in ("without", *names))
    suites = tuple(
        EvaluationSuite(
            f"{shots} shot" + "s" * (shots > 1), 5, shots, 15, 20 if tiny else 1000, "cifar-fs", "validation"
        )
        for shots in (1, 5)
    )
    return replace(preset, name="", config=config, arms=arms, suites=suites, seeds=2 if tiny else 3)


def main() -> None:
    """Train, evaluate, write after each group of arms."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default="data", help="the folder that holds cifar_fs/")
    parser.add_argument("--device", default="cpu", help="where to train")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time")
    parser.add_argument("--seconds", type=float, default=1e9, help="start no further group of arms after so long")
    parser.add_argument("--out", type=Path, help="write the figures to this file instead of results/")
    parser.add_argument("--tiny", action="store_true", help="a few steps of two groups, to see that it runs; no result")
    options = parser.parse_args()
    start = time.monotonic()
    groups: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for number, names in enumerate(GROUPS[: 2 if options.tiny else None]):
            if time.monotonic() - start > options.seconds:
                break
            whole = comparison(names, options.root, options.device, options.tiny)
            own = Path(folder, str(number))
            result = run_comparisons([whole], own, options.jobs)[0]
            groups.append(result.as_dict() | {"seconds": time.monotonic() - start})
            save({"seed": 0, "device": options.device, "groups": groups}, options.out)


def save(found: dict[str, Any], out: Path | None) -> None:
    """Write what there is so far."""
    if out is None:
        write("cifar_fs_long", found)
    else:
        out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
