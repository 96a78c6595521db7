"""Augmenters of features beside their controls: on Omniglot, and on CIFAR-FS by a Conv4 and by a pre-trained encoder.

Trains encoders on some classes, augmenters on others that the encoders never saw, chooses settings on a third part, and
judges on a fourth, at 1, 2 and 5 shots. Writes results/feature_augmenters.json; encoders that are there already are
used.

    python experiments/feature_augmenters.py --root DATA
"""

import argparse
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from letters import LETTERS
from run_and_record import write
from torch import nn
from torch.nn import functional as F

from manyshot.base import read_json, write_json
from manyshot.datasets import load_dataset
from manyshot.learners import Prototypes, Ridge
from manyshot.learners.feature_learner import FeatureLearner
from manyshot.meta_augment import AUGMENTERS
from manyshot.meta_augment.augmented_learner import AugmentedLearner, AugmenterObjective
from manyshot.nets.registry import ENCODERS
from manyshot.tasks import EpisodeSampler, Source
from manyshot.training import (
    Config,
    Settings,
    encode,
    evaluate_tasks,
    fit,
    holm,
    load_sources,
    paired_difference,
    train,
)

SHOTS = (1, 2, 5)
COPIES = 8
PENALTIES = (1.0, 3.0, 10.0, 30.0)
"""Of ridge; chosen for each arm and number of shots on validation classes."""

LEARNED = {
    "hallucinator": "hallucinator(hidden=32, strength=0.5)",
    "same network, no noise": "hallucinator(hidden=32, strength=0.5, noise_scale=0)",
    "learned shift": "shift",
    "learned noise": "embedding_noise(1)",
}
BY_THEMSELVES = {"autoencoder": "feature_vae", "calibration": "calibration"}
WEIGHTS = (0.3, 1.0)
"""Of what those make: they do not learn how much it should count, so it is chosen on validation classes."""


@dataclass(frozen=True)
class Domain:
    """Where features come from, and the tasks on them.

    Args:
        ways: of tasks.
        config: of the encoder's training; None where it is given.
    """

    ways: int
    config: Config | None


def domains(root: Path) -> dict[str, Domain]:
    """The three of them."""
    letters = replace(LETTERS, root=str(root / "omniglot"))
    photographs = Config(
        "cifar-fs",
        split="train",
        root=str(root / "cifar_fs"),
        learner="ridge",
        ways=8,
        shots=3,
        queries=4,
        plan="natural",
        validation=0.1,
        augmenter=0.2,
        fit=Settings(steps=1000, meta_batch_size=2, learning_rate=2e-3, eval_every=500, validation_tasks=100),
    )
    return {
        "Omniglot, Conv4": Domain(20, letters),
        "CIFAR-FS, Conv4": Domain(5, photographs),
        "CIFAR-FS, EfficientNet-Lite0": Domain(5, None),
    }


def features(name: str, domain: Domain, root: Path, runs: Path, seed: int) -> dict[str, Source]:
    """Features of the classes for the augmenter, for choosing and for judging, centered and of length 1."""
    photographs = load_dataset("cifar-fs", "validation", root=str(root / "cifar_fs"))
    if domain.config is None:
        encoder = ENCODERS["efficientnet-lite0"](size=128).make(3, 32, "batch")
        known = load_dataset("cifar-fs", "train", root=str(root / "cifar_fs"))
        own, choosing = known.split((0.8, 0.2), seed=0)
        parts = {n: first(part, 100) for n, part in (("own", own), ("choosing", choosing), ("test", photographs))}
    else:
        folder = runs / name.split(",")[0].lower() / f"seed-{seed}"
        run = train(domain.config.with_seed(seed), folder, resume=folder.exists(), title=f"{name} {seed}")
        encoder = run.learner.on_features()[0]
        sources = load_sources(run.config)
        test = photographs if sources.test is None else sources.test
        parts = {"own": sources.augmenter, "choosing": sources.validation, "test": test}
    if domain.config is not None:
        parts["own"] = turned(parts["own"])
    encoded = {part: encode(encoder, source) for part, source in parts.items()}
    middle = encoded["own"].store.mean(0)
    return {part: replace(source, store=F.normalize(source.store - middle, dim=1)) for part, source in encoded.items()}


def turned(source: Source) -> Source:
    """Each class four times, turned by quarters, as four classes: an augmenter overfits to few of them."""
    items = source.gather(np.arange(len(source)))
    labels = [source.class_names[c] for c in source.labels]
    return Source.of(
        torch.cat([items.rot90(quarters, (2, 3)) for quarters in range(4)]),
        [f"{label}, turned {quarters}" for quarters in range(4) for label in labels],
        name=source.name,
    )


def first(source: Source, count: int) -> Source:
    """The first items of each class."""
    position = np.arange(len(source)) - source.starts[source.labels]
    return source.subset(items=position < count)


def on_features(learner: FeatureLearner) -> FeatureLearner:
    """The learner, of features."""
    learner.given_features = True
    return learner.eval()


def ridge(penalty: float) -> FeatureLearner:
    """The head of all arms but one. Its scale matters to training alone; answers of features of length 1 are small."""
    learner = on_features(Ridge(nn.Identity(), penalty=penalty, scale=30))
    return learner.requires_grad_(False)


def trained(text: str, parts: dict[str, Source], ways: int, seed: int) -> tuple[nn.Module, float]:
    """An augmenter, trained through ridge on 1 to 5 shots, and the CPU seconds that it took."""
    began = time.process_time()
    torch.manual_seed(seed)
    augmenter = AUGMENTERS.parse(text).build(shape=tuple(parts["own"].store.shape[1:]))
    augmenter.fit_statistics(parts["own"])
    if any(parameter.requires_grad for parameter in augmenter.parameters()):
        settings = Settings(
            steps=300,
            meta_batch_size=4,
            learning_rate=3e-3,
            weight_decay=0.1,
            eval_every=100,
            validation_tasks=100,
            save_every=300,
            seed=seed,
        )
        tasks = EpisodeSampler(parts["own"], ways, (1, 5), 5, seed=seed)
        held_out = EpisodeSampler(parts["choosing"], min(ways, len(parts["choosing"].class_names)), 1, 5)
        learner = AugmentedLearner(ridge(1.0), augmenter, COPIES)
        fit(learner, tasks, settings, validation=held_out, objective=AugmenterObjective(), title=text)
    return augmenter.eval(), time.process_time() - began


def accuracy(learner: nn.Module, source: Source, ways: int, shots: int, tasks: int) -> np.ndarray:
    """`[tasks]` on the same tasks for all arms and seeds."""
    sampler = EpisodeSampler(source, min(ways, len(source.class_names)), shots, 5, seed=1000 + shots)
    return evaluate_tasks(learner, sampler, tasks).accuracy


def best(makers: list[Callable], parts: dict[str, Source], ways: int, shots: int, tasks: int) -> tuple[int, np.ndarray]:
    """Choose on validation classes, judge on test classes."""
    scores = [accuracy(make(), parts["choosing"], ways, shots, 60).mean() for make in makers]
    chosen = int(np.argmax(scores))
    return chosen, accuracy(makers[chosen](), parts["test"], ways, shots, tasks)


def one_seed(name: str, domain: Domain, options: argparse.Namespace, seed: int) -> dict:
    """All arms of a domain: accuracy of each task by shots, what was chosen, CPU seconds."""
    parts = features(name, domain, options.root, options.runs, seed)
    result: dict = {"arms": {}, "chosen": {}, "cpu_seconds": {}}

    def judge(arm: str, makers: list[Callable], labels: list[str]) -> None:
        for shots in SHOTS:
            position, values = best(makers, parts, domain.ways, shots, options.tasks)
            result["arms"].setdefault(arm, {})[str(shots)] = values.tolist()
            result["chosen"].setdefault(arm, {})[str(shots)] = labels[position]

    plain = [lambda p=p: ridge(p) for p in PENALTIES]
    judge("ridge, no augmentation", plain, [f"penalty {p}" for p in PENALTIES])
    judge("prototypes, no augmentation", [lambda: on_features(Prototypes(nn.Identity()))], [""])
    for arm, text in {**LEARNED, **BY_THEMSELVES}.items():
        augmenter, result["cpu_seconds"][arm] = trained(text, parts, domain.ways, seed)
        makers, labels = [], []
        for weight in WEIGHTS if arm in BY_THEMSELVES else (None,):
            weighed = augmenter if weight is None else deepcopy(augmenter)
            if weight is not None:
                weighed.weight = weight
            makers += [lambda a=weighed, p=p: AugmentedLearner(ridge(p), a, COPIES).eval() for p in PENALTIES]
            labels += [f"penalty {p}" + ("" if weight is None else f", weight {weight}") for p in PENALTIES]
        judge(arm, makers, labels)
        print(f"{name} seed {seed} {arm}: " + _short(result["arms"][arm]), flush=True)
    return result


def _short(by_shots: dict) -> str:
    return ", ".join(f"{shots} shots {100 * np.mean(values):.1f}" for shots, values in by_shots.items())


def compared(seeds: list[dict]) -> dict:
    """Accuracies, and paired differences from ridge alone and from the best control."""
    arms = list(seeds[0]["arms"])
    base, controls = arms[0], ["prototypes, no augmentation", *list(LEARNED)[1:]]
    output: dict = {}
    for shots in map(str, SHOTS):
        values = {arm: np.array([seed["arms"][arm][shots] for seed in seeds]) for arm in arms}
        gaps = {arm: paired_difference(values[arm], values[base]) for arm in arms[1:]}
        control = max([base, *controls], key=lambda arm: values[arm].mean())
        beside = paired_difference(values["hallucinator"], values[control])
        output[shots] = {
            "accuracy": {arm: float(value.mean()) for arm, value in values.items()},
            "by_seed": {arm: value.mean(1).tolist() for arm, value in values.items()},
            "difference": {
                arm: gap.as_dict() | {"corrected_p_value": p}
                for (arm, gap), p in zip(gaps.items(), holm([gap.p_value for gap in gaps.values()]), strict=True)
            },
            "hallucinator_beside_best_control": {"control": control} | beside.as_dict(),
            "chosen": {arm: [seed["chosen"][arm][shots] for seed in seeds] for arm in arms},
        }
    return output


def main() -> None:
    """Train, choose, evaluate, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True, type=Path, help="the folder that holds omniglot/ and cifar_fs/")
    parser.add_argument("--runs", default=Path("runs/feature_augmenters"), type=Path, help="where trainings lie")
    parser.add_argument("--seeds", default=3, type=int, help="how many")
    parser.add_argument("--tasks", default=300, type=int, help="to test on")
    parser.add_argument("--only", help="one of the domains; figures of others are written where they are there already")
    options = parser.parse_args()
    result: dict = {}
    for name, domain in domains(options.root).items():
        kept = [options.runs / f"{name.replace(', ', '-')}-{seed}.json" for seed in range(options.seeds)]
        if options.only in (None, name):
            for seed, path in enumerate(kept):
                if not path.exists():
                    write_json(path, one_seed(name, domain, options, seed))
        if not all(path.exists() for path in kept):
            continue
        seeds = [read_json(path) for path in kept]
        seconds = {arm: sum(seed["cpu_seconds"][arm] for seed in seeds) for arm in seeds[0]["cpu_seconds"]}
        result[name] = {"ways": domain.ways, "tasks": options.tasks, "cpu_seconds": seconds, "shots": compared(seeds)}
    command = "python experiments/feature_augmenters.py --root DATA"
    write("feature_augmenters", {"command": command, "seeds": options.seeds, "copies": COPIES, "domains": result})


if __name__ == "__main__":
    main()
