"""Omniglot's one-shot challenge from the minimal set: are learned variants better to compare with than written ones?

The learners are those of experiments/omniglot_challenge.py (`long`), trained on the five alphabets of `small1`. What
augmenters learn through has to be one that never saw their letters: a smaller learner, trained on four of the five
alphabets (which four differs with the seed), while the augmenter learns from the fifth, by the nearest of its variants.
So neither sees more than `small1`. Augmenters make the variants of the drawings to compare with; those of a query are
made by the written plan for all. Which augmenter is to be asked is chosen by the `choosing` runs of
experiments/one_shot_runs.py with fewer variants; the `final` runs are judged once, with it and the written plan alone.
Writes results/learned_challenge.json; what is trained in --learners or --runs already is not trained again.

    python experiments/learned_challenge.py --root DATA/omniglot --choosing choosing_runs.zip \
        --final DATA/omniglot/practice_runs.zip
"""

import argparse
from dataclasses import replace
from pathlib import Path
from time import process_time

import numpy as np
import torch
from omniglot_challenge import LONG
from run_and_record import write
from torch import nn

from manyshot.augment import Plan
from manyshot.augment.ops.variants import pool_variants
from manyshot.base.seeds import generator
from manyshot.compare.omniglot_ladder import CONFIG, LADDER, SIZE, TRAINED
from manyshot.datasets import OneShotRuns, load_one_shot_runs
from manyshot.learners import Prototypes
from manyshot.learners.learner import by_task
from manyshot.meta_augment.augmenter_config import AugmenterConfig
from manyshot.meta_augment.augmenter_run import AugmenterRun, load_augmenter_run
from manyshot.meta_augment.policy import OpPolicy
from manyshot.meta_augment.train_augmenter import train_augmenter
from manyshot.tasks import Examples
from manyshot.training import Settings, train
from manyshot.training.load_run import Run, load_run
from manyshot.training.run_config import Config
from manyshot.training.seed_intervals import paired_difference

WRITTEN = "affine(7, 1.15, 0.12, 0.07) elastic(0.06, cells=3)"
LEARNED = {"learned policy": ("context_free(shapes)", 5e-3), "learned deformation": ("deformation", 5e-3)}
HEADS = {"mean": Prototypes(nn.Identity()), "nearest": Prototypes(nn.Identity(), "nearest")}
CHOOSING, FINAL = (16, 4), (64, 16)
"""Variants of a drawing to compare with, and of a query."""
MOST_CHOOSING = 20
STEPS = 50


def main() -> None:
    """Train, choose, evaluate, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True, help="the folder that holds images_background_small1.zip")
    parser.add_argument("--choosing", type=Path, required=True, help="runs to choose by")
    parser.add_argument("--final", type=Path, required=True, help="runs that are judged once")
    parser.add_argument("--learners", type=Path, default=Path("runs/learned_challenge/small1"))
    parser.add_argument("--runs", type=Path, default=Path("runs/learned_challenge"), help="where all else lies")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    plan = next(arm.plan for arm in LADDER if arm.name == TRAINED)
    given = {"root": options.root, "plan": plan, "within_group": 0.9}
    began = process_time()
    learners, augmenters = [], []
    for seed in range(options.seeds):
        learners.append(_trained(replace(LONG, **given).with_seed(seed), options.learners / f"seed-{seed}"))
        four = replace(CONFIG, **given, augmenter=0.2, split_by="group").with_seed(seed)
        folder = options.runs / "four" / f"seed-{seed}"
        _trained(four, folder)
        augmenters.append({name: _learned(folder, name, options.runs, seed) for name in LEARNED})
        output = {name: _written(run) for name, run in augmenters[-1].items()}
        print(seed, output, f"{process_time() - began:.0f} s", flush=True)

    runs = load_one_shot_runs(options.choosing, SIZE, CONFIG.centered)
    judged = {
        name: judge(learners, runs, plans, CHOOSING[1], MOST_CHOOSING)
        for name, plans in _plans(CHOOSING, augmenters).items()
    }
    choosing = _told(judged)
    print(choosing, flush=True)
    best = min(LEARNED, key=lambda name: min(choosing[f"{name}, {head}"]["error"] for head in HEADS))

    runs = load_one_shot_runs(options.final, SIZE, CONFIG.centered)
    plans = _plans(FINAL, augmenters)
    judged = {name: judge(learners, runs, plans[name], FINAL[1], len(runs.names)) for name in ("written", best)}
    write(
        "learned_challenge",
        {
            "command": "python experiments/learned_challenge.py --root DATA/omniglot --choosing RUNS.zip --final "
            "DATA/omniglot/practice_runs.zip",
            "seeds": options.seeds,
            "written": WRITTEN,
            "learned": {name: text for name, (text, _) in LEARNED.items()},
            "steps": STEPS,
            "as_plans": [{name: _written(run) for name, run in each.items()} for each in augmenters],
            "choosing": {"runs": MOST_CHOOSING, "variants": CHOOSING, "arms": choosing},
            "chosen": best,
            "final": {"runs": len(runs.names), "variants": FINAL, "arms": _told(judged)},
            "cpu_seconds": process_time() - began,
        },
    )


def _trained(config: Config, folder: Path) -> Run:
    return load_run(folder) if (folder / "last.safetensors").exists() else train(config, folder)


def _learned(learner: Path, name: str, runs: Path, seed: int) -> AugmenterRun:
    folder = runs / name.replace(" ", "-") / f"seed-{seed}"
    if (folder / "last.safetensors").exists():
        return load_augmenter_run(folder)
    text, rate = LEARNED[name]
    fit = Settings(STEPS, meta_batch_size=2, learning_rate=rate, warmup_steps=10, seed=seed)
    tasks = {"copies": 8, "ways": 20, "shots": 1, "queries": 2}
    return train_augmenter(AugmenterConfig(str(learner), text, head="prototypes(nearest)", **tasks, fit=fit), folder)


def _written(run: AugmenterRun) -> str | None:
    """The plan of a policy."""
    if not isinstance(run.augmenter, OpPolicy):
        return None
    two = Examples.of(torch.zeros(1, 2, *run.shape), torch.arange(2))
    return str(run.augmenter.to_plan(run.config.copies, two))


def _plans(variants: tuple[int, int], augmenters: list[dict[str, AugmenterRun]]) -> dict[str, list[Plan]]:
    """Of every arm, that of each seed."""
    generated = [
        Plan(f"shots: {variants[0]} x {what}; query: {variants[1]} x {WRITTEN}") for what in (WRITTEN, "learned")
    ]
    plans = {"written": [generated[0]] * len(augmenters)}
    return plans | {
        name: [generated[1].with_augmenter(each[name].augmenter) for each in augmenters] for name in LEARNED
    }


@torch.no_grad()
def judge(learners: list[Run], runs: OneShotRuns, plans: list[Plan], copies: int, most: int) -> dict[str, np.ndarray]:
    """The accuracy `[seeds, runs]` by each head, which all see the same variants."""
    result: dict[str, list[list[float]]] = {head: [] for head in HEADS}
    for run, plan in zip(learners, plans, strict=True):
        encoder = run.learner.encoder.eval()
        rows: dict[str, list[float]] = {head: [] for head in HEADS}
        for index in range(min(most, len(runs.names))):
            episode = runs.episode[index : index + 1]
            changed = plan.apply(episode, generator(0, "judge", index))
            support = replace(changed.support, items=by_task(encoder, changed.support.items))
            query = by_task(encoder, changed.query.items)
            for head, learner in HEADS.items():
                answers = pool_variants(learner.adapt(support)(query), copies).argmax(-1)
                rows[head].append(float((answers == episode.query.class_ids).double().mean()))
        for head, row in rows.items():
            result[head].append(row)
    return {head: np.array(each) for head, each in result.items()}


def _told(judged: dict[str, dict[str, np.ndarray]]) -> dict[str, dict]:
    """Errors, and of learned variants the difference to written ones by the same head."""
    output: dict[str, dict] = {}
    for name, by_head in judged.items():
        for head, accuracy in by_head.items():
            one = output[f"{name}, {head}"] = {"error": 1 - accuracy.mean(), "by_seed": (1 - accuracy.mean(1)).tolist()}
            if name != "written":
                one |= paired_difference(1 - accuracy, 1 - judged["written"][head]).as_dict()
    return output


if __name__ == "__main__":
    main()
