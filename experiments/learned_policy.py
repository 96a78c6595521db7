"""Learned augmentation of drawings in image space, beside what a person would write down.

Learners of Omniglot (prototypes on Conv4, 28 px, trained with the plan `handwriting` on half of the background
alphabets); policies learn through them, by ridge, on alphabets that the learner never saw, from the written plan on
that does best on its validation alphabets; all arms are judged on the same tasks of a sixth of the alphabets, which
neither ever saw, with the same number of made shots. The weight of those, for every arm, and the penalty are chosen on
the validation alphabets. Tasks of the test alphabets drawn by another seed were looked at before; those judged here,
drawn by seed 3000, were not. Writes results/learned_policy.json.

    python experiments/learned_policy.py --root DATA/omniglot
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from letters import LETTERS
from run_and_record import write
from torch import nn

from manyshot.augment import Plan
from manyshot.base.seeds import generator
from manyshot.learners import Learner, Prototypes, Ridge
from manyshot.learners.learner import by_task
from manyshot.meta_augment.augmenter_config import AugmenterConfig
from manyshot.meta_augment.augmenter_run import load_augmenter_run
from manyshot.meta_augment.train_augmenter import train_augmenter
from manyshot.runtime.clock import cpu_seconds
from manyshot.tasks import Episode, EpisodeSampler, Examples, Source
from manyshot.training import Settings, train
from manyshot.training.load_run import load_run
from manyshot.training.seed_intervals import paired_difference
from manyshot.training.splits import load_sources

PENALTY = 10.0
COPIES = 8
HAND = {
    "gentle": "affine(7, 1.15, 0.12, 0.07) elastic(0.06, cells=3)",
    "handwriting": "affine(10, 1.2, 0.2, 0.1) elastic(0.07) stroke(0.7, p=0.5)",
    "trivialaugment": "trivialaugment",
}
WEIGHTS = (0.03, 0.125, 0.5, 1.0)
TIMES = (0.25, 0.5, 1.0, 2.0)
"""What the weight of made shots is chosen from; for learned arms, as a factor of what they have learned."""
LEARNED = {"one policy for all": ("context_free", 2e-3), "policy by the support": ("policy", 1e-3)}
"""Each with its learning rate."""
STEPS = 60
SETTINGS = {
    "5-way 1-shot": (5, 1, 100),
    "20-way 1-shot": (20, 1, 40),
    "5-way 5-shot": (5, 5, 40),
    "20-way 5-shot": (20, 5, 10),
}
"""Ways, shots and tasks."""
QUERIES = 5
VALIDATION_TASKS = 20
TEST_SEED = 3000


def main() -> None:
    """Train, choose, evaluate, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True, help="the folder of Omniglot's official files")
    parser.add_argument(
        "--learners", default="runs/learned_policy/learner", help="where the learners lie, seed by seed"
    )
    parser.add_argument("--runs", default="runs/learned_policy", help="where the augmenters lie")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    accuracy: dict[str, dict[str, list]] = {}
    generated: list[dict[str, Any]] = []
    for seed in options.seeds:
        folder = Path(options.learners) / f"seed-{seed}"
        config = replace(LETTERS, root=options.root).with_seed(seed)
        run = load_run(folder) if (folder / "best.safetensors").exists() else train(config, folder)
        sources = load_sources(run.config)
        encoder = run.learner.encoder.eval()
        arms: dict[str, tuple[Plan, float]] = {"nothing": (Plan(), 1.0)}
        output: dict[str, Any] = {"seed": seed}
        for name, text in HAND.items():
            plan = Plan(f"shots: {COPIES} x {text}")
            weight, accuracy_there = chosen_weight(encoder, plan, sources.validation)
            arms[name] = (plan, weight)
            output[name] = {"weight": weight, "validation_accuracy": accuracy_there}
        best = max(("gentle", "handwriting"), key=lambda name: output[name]["validation_accuracy"])
        for name, (kind, rate) in LEARNED.items():
            text = f'{kind}(shapes, weight={COPIES * output[best]["weight"]:g}, initial_plan="support: {HAND[best]}")'
            path = Path(options.runs) / kind / f"seed-{seed}"
            learned = _trained(path, folder, text, rate, seed)
            plan = Plan(f"shots: {COPIES} x learned").with_augmenter(learned.augmenter)
            weight, accuracy_there = chosen_weight(encoder, plan, sources.validation, learned=True)
            arms[name] = (plan, weight)
            output[name] = {"cpu_seconds": cpu_seconds(path), "weight": weight, "validation_accuracy": accuracy_there}
            few = EpisodeSampler(sources.validation, 20, 1, 1).batch(0, 10).as_float()
            output[name] |= {"began at": best, "as a plan": str(learned.augmenter.to_plan(COPIES, few.support))}
        generated.append(output)
        print(output, flush=True)
        for setting, (ways, shots, tasks) in SETTINGS.items():
            sampler = EpisodeSampler(sources.test, ways, shots, QUERIES, seed=TEST_SEED)
            result = judged(encoder, sampler, tasks, arms)
            for name, by_task_ in result.items():
                accuracy.setdefault(setting, {}).setdefault(name, []).append(by_task_)
            print(seed, setting, {name: round(100 * float(a.mean()), 2) for name, a in result.items()}, flush=True)
    write(
        "learned_policy",
        {"command": "python experiments/learned_policy.py", **told_of(accuracy, generated, options.seeds)},
    )


def _trained(place: Path, learner: Path, text: str, rate: float, seed: int):
    if (place / "last.safetensors").exists():
        return load_augmenter_run(place)
    looks = {"eval_every": STEPS // 2, "validation_tasks": VALIDATION_TASKS}
    fit = Settings(STEPS, 2, rate, warmup_steps=10, save_every=50, seed=seed, **looks)
    settings = {"copies": 4, "ways": 20, "shots": 1, "queries": 2, "fit": fit}
    return train_augmenter(AugmenterConfig(str(learner), text, head=f"ridge(penalty={PENALTY})", **settings), place)


HEADS: dict[str, Learner] = {
    "ridge": Ridge(nn.Identity(), penalty=PENALTY).requires_grad_(False),
    "nearest": Prototypes(nn.Identity(), "nearest"),
    "prototypes": Prototypes(nn.Identity()),
}


def chosen_weight(
    encoder: nn.Module, plan: Plan, validation: Source | None, learned: bool = False
) -> tuple[float, float]:
    """The weight of a made item that does best through ridge on the validation alphabets, and the accuracy there."""
    assert validation is not None
    sampler = EpisodeSampler(validation, 20, 1, 3, seed=5)
    best = dict.fromkeys(TIMES if learned else WEIGHTS, 0.0)
    batches = range(0, VALIDATION_TASKS, 10)
    for first in batches:
        episode = sampler.batch(first, 10)
        real, query = features(encoder, episode.support), features(encoder, episode.query)
        support = with_made(encoder, real, plan, episode, generator(5, "choose", first))
        for weight in best:
            best[weight] += hits(HEADS["ridge"], weighed(support, weight), query).mean()
    weight = max(best, key=lambda weight: best[weight])
    return weight, float(best[weight]) / len(batches)


def judged(
    encoder: nn.Module, sampler: EpisodeSampler, tasks: int, arms: dict[str, tuple[Plan, float]]
) -> dict[str, np.ndarray]:
    """The accuracy of each task, `[tasks]`, of every arm by every head."""
    result: dict[str, list] = {}
    size = min(tasks, 10)
    for first in range(0, tasks, size):
        episode = sampler.batch(first, min(size, tasks - first))
        real, query = features(encoder, episode.support), features(encoder, episode.query)
        for name, (plan, weight) in arms.items():
            support = with_made(encoder, real, plan, episode, generator(7, "judge", first))
            for head, learner in HEADS.items():
                result.setdefault(f"{name}, {head}", []).append(hits(learner, weighed(support, weight), query))
    return {name: np.concatenate(parts) for name, parts in result.items()}


@torch.no_grad()
def features(encoder: nn.Module, side: Examples) -> Examples:
    """The same items as features."""
    items = side.items.float() / 255 if side.items.dtype == torch.uint8 else side.items
    return replace(side, items=by_task(encoder, items))


@torch.no_grad()
def with_made(encoder: nn.Module, real: Examples, plan: Plan, episode: Episode, draws: torch.Generator) -> Examples:
    """Features of the support and of the plan's shots, of which those of the support are known."""
    generated = plan.apply(episode, draws).support
    extra = generated.items[:, real.items.shape[1] :]
    return replace(
        generated, items=torch.cat([real.items, by_task(encoder, extra)], 1) if extra.shape[1] else real.items
    )


def weighed(support: Examples, weight: float) -> Examples:
    """The weight of made items times a number."""
    return replace(support, weight=torch.where(support.known_origin >= 0, weight * support.weight, support.weight))


@torch.no_grad()
def hits(learner: Learner, support: Examples, query: Examples) -> np.ndarray:
    """The accuracy of each task."""
    answers = learner.adapt(support)(query.items).argmax(-1)
    return (answers == query.class_ids).double().mean(1).numpy()


def told_of(accuracy: dict, made: list[dict], seeds: list[int]) -> dict:
    """Means, and differences of the learned arms to the best of the others by the same head."""
    table: dict[str, dict] = {}
    for setting, arms in accuracy.items():
        by_arm = {name: np.stack(result) for name, result in arms.items()}
        table[setting] = {}
        for name, result in by_arm.items():
            arm, head = name.rsplit(", ", 1)
            row = {"accuracy": float(result.mean()), "by_seed": result.mean(1).tolist()}
            if arm in LEARNED:
                others = [
                    other for other in by_arm if other.endswith(f", {head}") and other.rsplit(", ", 1)[0] not in LEARNED
                ]
                best = max(others, key=lambda other: by_arm[other].mean())
                row |= {"best_other": best, **paired_difference(result, by_arm[best]).as_dict()}
                row["minus_nothing"] = paired_difference(result, by_arm[f"nothing, {head}"]).as_dict()
            table[setting][name] = row
    return {
        "learner": LETTERS.as_dict(),
        "seeds": seeds,
        "copies": COPIES,
        "penalty": PENALTY,
        "steps": STEPS,
        "plans": HAND,
        "learned": {name: f"{kind}(shapes)" for name, (kind, _) in LEARNED.items()},
        "trained": made,
        "test_seed": TEST_SEED,
        "tasks": {name: tasks for name, (_, _, tasks) in SETTINGS.items()},
        "results": table,
    }


if __name__ == "__main__":
    main()
