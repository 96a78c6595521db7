"""LeMDA and MODALS beside noise of the same size: features of photographs, and of emoji with one of their tags.

Augmenters are trained through ridge regression on 1 to 5 shots of some classes, and judged on others. The penalty of
ridge is the best without augmentation on the classes to train on, for all arms. Writes results/latent.json.

    python experiments/latent.py --root DATA [--domains ...] [--runs FOLDER] [--quick]
"""

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from fit_names import cifar_fs, emoji
from run_and_record import RESULTS, write
from torch import nn
from torch.nn import functional as F

from manyshot.base import parse_json, read_json
from manyshot.classify.encode.plan_encoding import Pass
from manyshot.learners import Ridge
from manyshot.meta_augment import AUGMENTERS
from manyshot.meta_augment.augmented_learner import AugmentedLearner, AugmenterObjective
from manyshot.meta_augment.equal_noise import EqualNoise
from manyshot.meta_augment.learned_augmenter import LearnedAugmenter
from manyshot.tasks import EpisodeSampler, Source
from manyshot.training import Settings, evaluate_tasks, fit, holm, paired_difference
from manyshot.training.class_texts import read_texts

RESULT = RESULTS / "latent.json"
SHOTS, COPIES, STEPS, BATCH = (1, 5), 4, 150, 4
PENALTIES = (0.1, 0.3, 1.0, 3.0)
LITE = "efficientnet-lite0"


def photographs(root: Path) -> tuple[Source, Source, str]:
    """Features of CIFAR-FS: training and validation classes."""
    train, test = (cifar_fs(root, part) for part in ("train", "val"))
    return *(source(one.features.features[LITE, "none"][:, 0], one.labels) for one in (train, test)), ""


def emoji_and_tags(root: Path) -> tuple[Source, Source, str]:
    """Features of emoji, each drawing with one of the tags of the emoji at random."""
    rows = parse_json((root / "emoji" / "names.json").read_bytes(), "names.json", list)
    tags = {row["name"]: row["tags"] or [row["name"]] for row in rows}
    sides = []
    for number, part in enumerate((1, 3)):
        one, random = emoji(root, part, passes=[Pass(LITE)]), np.random.default_rng(number)
        texts = [str(random.choice(tags[one.texts[label]])) for label in one.labels]
        known = sorted(set(texts))
        vectors = read_texts(known)[[known.index(text) for text in texts]]
        pictures = one.features.features[LITE, "none"][:, 0]
        sides.append(source(torch.cat([F.normalize(pictures, dim=1), F.normalize(vectors, dim=1)], 1), one.labels))
    return *sides, "1280+384"


def source(features: torch.Tensor, labels: np.ndarray) -> Source:
    """A source of features of length 1."""
    return Source.of(F.normalize(features.float(), dim=1), [f"class {label:03d}" for label in labels])


DOMAINS: dict[str, tuple[Callable[[Path], tuple[Source, Source, str]], int]] = {
    "photographs": (photographs, 5),
    "emoji and tags": (emoji_and_tags, 20),
}


def arms(parts: str) -> dict[str, str]:
    """The augmenters that are trained."""
    options = f'parts="{parts}", ' if parts else ""
    found = {
        "LeMDA, query loss": f"lemda({options}hidden=64)",
        "LeMDA, published objective": f"lemda({options}hidden=64, adversarial=yes)",
        "MODALS": "modals",
        "learned noise": "embedding-noise",
    }
    return found | ({"LeMDA, parts apart": f"lemda({options}hidden=64, joint=no)"} if parts else {})


def ridge(penalty: float) -> Ridge:
    """The head of all arms."""
    learner = Ridge(nn.Identity(), penalty=penalty, scale=30)
    learner.given_features = True
    return learner.eval().requires_grad_(False)


def trained(text: str, train: Source, ways: int, penalty: float, seed: int) -> LearnedAugmenter:
    """An augmenter, trained through ridge."""
    torch.manual_seed(seed)
    augmenter = AUGMENTERS.parse(text).build(shape=(train.store.shape[1],))  # type: ignore[union-attr]
    augmenter.fit_statistics(train)
    learner = AugmentedLearner(ridge(penalty), augmenter, COPIES)
    settings = Settings(steps=STEPS, meta_batch_size=BATCH, learning_rate=3e-3, save_every=10 * STEPS, seed=seed)
    fit(learner, EpisodeSampler(train, ways, (1, 5), 2, seed=seed), settings, objective=AugmenterObjective())
    return augmenter.eval()


def run(name: str, root: Path, runs: Path, seeds: int, tasks: int) -> dict[str, object]:
    """All arms of a domain."""
    load, ways = DOMAINS[name]
    train, test, parts = load(root)
    judge = partial(_accuracy, ways=ways, tasks=tasks)
    penalties = {
        shots: max(PENALTIES, key=lambda p, k=shots: judge(ridge(p), train, shots=k, seed=99).mean()) for shots in SHOTS
    }
    accuracy: dict[str, dict[int, list[np.ndarray]]] = {}
    seconds: dict[str, float] = {}
    for seed in range(seeds):
        kept = runs / f"{name.replace(' ', '-')}-{seed}-of-{tasks}.json"
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            found = of_seed(train, parts, ways, penalties, seed, partial(judge, where=test, seed=seed))
            kept.write_text(json.dumps(found), encoding="utf-8")
        for arm, one in json.loads(kept.read_text(encoding="utf-8")).items():
            seconds[arm] = seconds.get(arm, 0.0) + one["cpu_seconds"]
            for shots in SHOTS:
                values = np.array(one["accuracy"][str(shots)])
                accuracy.setdefault(arm, {}).setdefault(shots, []).append(values)
            print(name, seed, arm, *(f"{accuracy[arm][k][-1].mean():.4f}" for k in SHOTS), flush=True)
    rows = {str(shots): summary({arm: np.stack(one[shots]) for arm, one in accuracy.items()}) for shots in SHOTS}
    sizes = {"classes to train on": len(train.class_names), "classes judged": len(test.class_names)}
    return {
        "ways": ways,
        **sizes,
        "penalties": penalties,
        "cpu_seconds": {arm: one for arm, one in seconds.items() if one},
        "shots": rows,
    }


def of_seed(
    train: Source, parts: str, ways: int, penalties: dict[int, float], seed: int, judge: Callable[..., np.ndarray]
) -> dict[str, dict[str, object]]:
    """Accuracy on each task of every arm, and what its training took."""
    augmenters: dict[str, LearnedAugmenter | None] = {"shots alone": None}
    seconds: dict[str, float] = {}
    for arm, text in arms(parts).items():
        began = time.process_time()
        augmenters[arm] = trained(text, train, ways, penalties[1], seed)
        seconds[arm] = time.process_time() - began
    for arm in [arm for arm in augmenters if arm.startswith("LeMDA")]:
        augmenters[f"noise as large as {arm}"] = EqualNoise(augmenters[arm]).eval()  # type: ignore[arg-type]
    found: dict[str, dict[str, object]] = {}
    for arm, augmenter in augmenters.items():
        heads = {shots: ridge(penalties[shots]) for shots in SHOTS}
        learners = {
            shots: head if augmenter is None else AugmentedLearner(head, augmenter, COPIES).eval()
            for shots, head in heads.items()
        }
        values = {str(shots): judge(learner, shots=shots).tolist() for shots, learner in learners.items()}
        found[arm] = {"accuracy": values, "cpu_seconds": seconds.get(arm, 0.0)}
    return found


def _accuracy(learner: nn.Module, where: Source, ways: int, tasks: int, shots: int, seed: int) -> np.ndarray:
    return evaluate_tasks(learner, EpisodeSampler(where, ways, shots, 2, seed=1000 + seed), tasks).accuracy


def summary(accuracy: dict[str, np.ndarray]) -> dict[str, object]:
    """Accuracies, differences from the shots alone (Holm over arms), and of each LeMDA from its noise."""
    first = accuracy["shots alone"]
    found = {arm: paired_difference(values, first, most=1) for arm, values in accuracy.items() if values is not first}
    corrected = dict(zip(found, holm([one.p_value for one in found.values()]), strict=True))
    noise = "noise as large as "
    beside = {arm: accuracy[arm.removeprefix(noise)] for arm in accuracy if arm.startswith(noise)}
    return {
        "accuracy": {arm: float(values.mean()) for arm, values in accuracy.items()},
        "by_seed": {arm: values.mean(1).tolist() for arm, values in accuracy.items()},
        "against_shots_alone": {
            arm: one.as_dict() | {"p_value_holm": float(corrected[arm])} for arm, one in found.items()
        },
        "beside_noise_of_the_same_size": {
            arm.removeprefix(noise): paired_difference(values, accuracy[arm], most=1).as_dict()
            for arm, values in beside.items()
        },
    }


def main() -> None:
    """Run the domains, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--domains", nargs="+", choices=DOMAINS, default=[*DOMAINS])
    parser.add_argument("--runs", type=Path, default=Path("runs/latent"), help="where accuracies of each seed lie")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    seeds, tasks = (2, 20) if options.quick else (3, 150)
    whole = read_json(RESULT) if RESULT.exists() and not options.quick else {}
    found = whole.get("domains", {}) if isinstance(whole, dict) else {}
    for name in options.domains:
        found[name] = run(name, options.root, options.runs, seeds, tasks)
        if not options.quick:
            settings = {"seeds": seeds, "tasks": tasks, "copies": COPIES, "steps": STEPS, "pictures by": LITE}
            write("latent", {"command": "python experiments/latent.py --root DATA", **settings, "domains": found})


if __name__ == "__main__":
    main()
