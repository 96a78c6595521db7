"""MetaMed's protocol on skin lesions: common classes to learn from, rare ones to be told apart from 1, 3 or 5 pictures.

Meta-training on nevi, melanomas, keratoses and carcinomas of HAM10000 (nv, mel, bkl, bcc), tasks of the three rare
classes akiec, vasc and df (one picture a lesion), as Singh et al. 2021 do on ISIC. Reptile, prototypical networks and a
linear probe on a trained Conv4, each without augmentation, with the usual ops, and with what that paper found best;
then a frozen EfficientNet-Lite0 that saw no lesion, with ridge regression. `auto` looks at pictures of the common
classes alone, and makes shots; it changes no queries, which would take twenty minutes more. Each part is kept in
`--out` as it ends; results/medical_lesions.json has the parts that are there,
and keeps those of earlier runs with the same settings.

    python experiments/medical_lesions.py --root DATA --out runs/lesions
    python experiments/medical_lesions.py --root DATA --out runs/lesions --only prototypes
"""

import argparse
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from run_and_record import RESULTS, write

from manyshot.compare import Arm, Comparison, EvaluationSuite, run_comparisons
from manyshot.compare.compare_frozen import compare_frozen
from manyshot.datasets import load_dataset
from manyshot.meta_augment.auto.auto_plan import auto_plan
from manyshot.tasks import Source
from manyshot.training import Config, Settings

NAME = "medical_lesions"
COMMON, RARE = ("nv", "mel", "bkl", "bcc"), ("akiec", "vasc", "df")
MOST = 300
SHOTS = (1, 3, 5)
STEPS, TASKS, SEEDS, SIZE = 150, 100, 3, 32
FROZEN, FROZEN_TASKS, FROZEN_SIZE = "efficientnet-lite0(resolution=96)", 40, 64
STANDARD = "flip turn affine(10, 1.1, 0.05, 0.05, padding_mode=border) brightness(0.1)"
PLANS = {
    "none": "none",
    "standard": f"support+query: {STANDARD}",
    "CutOut": f"support+query: {STANDARD} erase",
    "MixUp": f"support: {STANDARD}; query: {STANDARD} mixup",
    "CutMix": f"support: {STANDARD}; query: {STANDARD} cutmix",
}
MIXED = {"standard": "", "CutOut": " erase", "MixUp": " mixup", "CutMix": " cutmix"}
"""What each plan adds to the usual ops."""
LEARNERS = {
    "prototypes": ("none", "standard", "CutOut", "MixUp", "CutMix"),
    "reptile(steps=5)": ("none", "standard", "CutOut", "MixUp", "CutMix"),
    "probe": ("none", "standard"),
}
ON_FROZEN = "frozen encoder, ridge"
EXAMPLES = 10
"""Pictures of each common class that `auto` looks at."""


def folders(root: Path, out: Path) -> dict[str, Path]:
    """The pictures of the common classes, at most some of each, and of the rare ones, as folders."""
    paths = {"common": out / "common", "rare": out / "rare"}
    if paths["rare"].exists():
        return paths
    kept: dict[str, int] = {}
    with zipfile.ZipFile(root / "ham10000" / "images.zip") as archive:
        for name in sorted(archive.namelist()):
            found = re.search(r"([^/]+)/([^/]+\.jpg)$", name)
            if found is None:
                continue
            kind = found.group(1)
            kept[kind] = kept.get(kind, 0) + 1
            if kind in COMMON and kept[kind] > MOST:
                continue
            target = paths["common" if kind in COMMON else "rare"] / kind / found.group(2)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(name))
    return paths


def suites(data: Path | None, tasks: int) -> tuple[EvaluationSuite, ...]:
    """Tasks of all three rare classes."""
    where = None if data is None else str(data)
    return tuple(EvaluationSuite(f"{k} shot{'s' if k > 1 else ''}", len(RARE), k, 10, tasks, where) for k in SHOTS)


def trained(learner: str, paths: dict[str, Path], options: argparse.Namespace) -> dict[str, Any]:
    """The arms of one learner, trained on the common classes."""
    settings = Settings(steps=options.steps, meta_batch_size=4, learning_rate=2e-3)
    config = Config(
        str(paths["common"]),
        size=SIZE,
        encoder="conv4(32, 32, 32, 32)",
        learner=learner,
        ways=3,
        shots=(1, 5),
        validation=0.0,
        fit=settings,
    )
    arms = tuple(Arm(plan, PLANS[plan]) for plan in LEARNERS[learner])
    comparison = Comparison("", config, arms, suites(paths["rare"], 4 if options.quick else TASKS), options.seeds)
    (result,) = run_comparisons([comparison], options.out / re.sub(r"\W.*", "", learner), 1)
    return {name: {arm: one.as_dict() for arm, one in found.items()} for name, found in result.results.items()}


def chosen_by_auto(source: Source) -> str:
    """The plan that `auto` chooses for a few pictures of the common classes, as shots."""
    rows = np.concatenate([np.flatnonzero(source.labels == c)[:EXAMPLES] for c in range(len(source.class_names))])
    return str(auto_plan(source.gather(rows), [source.labels[row] for row in rows])).split("; ")[0]


def frozen(paths: dict[str, Path], options: argparse.Namespace) -> dict[str, Any]:
    """Ridge regression on a frozen encoder, where plans make additional shots; and the plan that `auto` chose."""
    common, rare = (load_dataset(str(paths[part]), size=FROZEN_SIZE, color=True) for part in ("common", "rare"))
    auto = chosen_by_auto(common)
    arms = [
        Arm(name, "none" if plan == "none" else f"shots: 2 x {STANDARD}{MIXED[name]}") for name, plan in PLANS.items()
    ]
    if auto != "none":
        arms.append(Arm("auto", auto))
    config = Config(str(paths["rare"]), encoder=FROZEN, learner="ridge", ways=3)
    answer = {}
    for suite in suites(None, 2 if options.quick else FROZEN_TASKS):
        kept = options.out / f"frozen-{suite.name.replace(' ', '-')}.json"
        if not kept.exists():
            found = compare_frozen(arms, config, suite, rare).results[suite.name]
            kept.write_text(json.dumps({arm: one.as_dict() for arm, one in found.items()}))
        answer[suite.name] = json.loads(kept.read_text())
    return {"results": answer, "auto": auto}


def part(name: str, paths: dict[str, Path], options: argparse.Namespace) -> dict[str, Any] | None:
    """The results of one learner: those that are there, or new ones; none if it is not asked for."""
    kept = options.out / f"{re.sub(r'[^a-z]+', '-', name)}.json"
    if not kept.exists():
        if options.only and not name.startswith(options.only):
            return None
        done = frozen(paths, options) if name == ON_FROZEN else {"results": trained(name, paths, options)}
        kept.write_text(json.dumps(done))
    found = json.loads(kept.read_text())
    for suite, arms in found["results"].items():
        print(name, suite, {arm: round(one["accuracy"], 3) for arm, one in arms.items()}, flush=True)
    return found


def earlier(settings: dict[str, Any]) -> dict[str, Any]:
    """Results that are already written, if they were made with these settings."""
    path = RESULTS / f"{NAME}.json"
    if not path.exists():
        return {"results": {}}
    found: dict[str, Any] = json.loads(path.read_text())
    same = json.dumps({key: found[key] for key in settings}) == json.dumps(settings)
    return found if same else {"results": {}}


def main() -> None:
    """Train, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="the folder that holds ham10000/")
    parser.add_argument("--out", type=Path, required=True, help="where pictures and trainings lie")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--only", help="learn only the parts whose names begin so")
    parser.add_argument("--quick", action="store_true", help="a few steps, to see that it runs; no result")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.quick:
        options.steps, options.seeds = 5, 2
    paths = folders(options.root, options.out)
    parts = {name: part(name, paths, options) for name in (ON_FROZEN, *LEARNERS)}
    found = {name: one for name, one in parts.items() if one is not None}
    settings = {"common": COMMON, "rare": RARE, "steps": options.steps, "seeds": options.seeds, "size": SIZE}
    settings |= {"tasks": TASKS, "plans": PLANS}
    before = earlier(settings)
    auto = found[ON_FROZEN]["auto"] if ON_FROZEN in found else before.get("frozen", {}).get("auto")
    on_frozen = {"encoder": FROZEN, "size": FROZEN_SIZE, "tasks": FROZEN_TASKS, "plan": STANDARD, "auto": auto}
    results = before["results"] | {name: one["results"] for name, one in found.items()}
    if not options.quick:
        write(
            NAME,
            {**settings, "frozen": on_frozen, "results": {name: results[name] for name in parts if name in results}},
        )


if __name__ == "__main__":
    main()
