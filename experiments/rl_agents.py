"""Agents on worlds that they never saw: which augmentation helps, where, and which one hurts.

Six experiments, each with five trainings of every arm, judged world by world on worlds that nothing was trained on or
chosen by. Trainings run side by side, one thread each, and the figures are written as each of them ends, so that a run
that is stopped keeps what was done. A training that reaches the time limit is judged as it stands; arms are compared
at the largest number of steps that all of them reached. Writes OUT/rl_NAME.json and OUT/rl_NAME.safetensors (weights).

    python experiments/rl_agents.py leap point --jobs 15 --seconds 390 --out results
"""

import argparse
import json
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path

import torch

from manyshot.base.files import write_json
from manyshot.base.tensor_file import write_tensors
from manyshot.rl.division import Division
from manyshot.rl.rl_config import RLConfig, RLSettings
from manyshot.rl.trainer import Trainer, steps_per_update, updates

VIEWS = ("crop(0.25, border)", "affine(0, 1, 0, 0.25)", "resized-crop(0.3)", "flip", "erase")
"""Views to choose among: two that move the picture, one that scales it, one that mirrors it, one that hides a part."""


@dataclass(frozen=True)
class Experiment:
    """Arms with the settings that they have in common.

    Args:
        common: Settings.
        arms: Settings of each arm that differ, by its name; `fit` holds those of the training loop.
        cleared: Whether trials are also judged with the memory cleared before each episode.
    """

    common: RLConfig
    arms: dict[str, dict] = field(default_factory=dict)
    cleared: bool = False

    def config(self, arm: str, seed: int) -> RLConfig:
        """The settings of one training."""
        changes = dict(self.arms[arm])
        if "choose" in changes:  # in another order for each seed, since the published bandit prefers the first
            order = VIEWS[seed % len(VIEWS) :] + VIEWS[: seed % len(VIEWS)]
            changes["choose"] = f"{changes['choose']}({', '.join(order)})"
        fit = replace(self.common.fit, seed=seed, **changes.pop("fit", {}))
        return replace(self.common, **changes, fit=fit)


LEAP = RLConfig("leap", worlds=12, validation=8, fit=RLSettings(steps=400_000, eval_every=16))
COLORS = RLConfig("leap(colors=yes)", worlds=3, validation=20, fit=replace(LEAP.fit, steps=200_000))
POINT = RLConfig(
    "point",
    worlds=4,
    validation=4,
    division="extrapolation",
    learner="rl2(episodes=2)",
    fit=RLSettings(steps=800_000, games=64, rollout=48, minibatches=4, eval_every=32, width=64),
)
EXPERIMENTS = {
    "leap": Experiment(
        LEAP,
        {
            "none": {},
            "view: crop": {"plan": "view: crop(0.25, border)"},
            "view: crop, weight 1": {"plan": "view: crop(0.25, border)", "fit": {"view_weight": 1.0}},
            "rollout: crop": {"plan": "rollout: crop(0.25, border)"},
            "view: resized-crop": {"plan": "view: resized-crop(0.3)"},
        },
    ),
    "point": Experiment(
        POINT,
        {
            "none": {},
            "trial: turn mirror": {"plan": "trial: turn mirror"},
            "world: mix": {"plan": "world: mix"},
            "goals everywhere": {"worlds": 24, "division": "random"},
        },
        cleared=True,
    ),
    "controls": Experiment(
        replace(POINT, values="goal_x=0.8, goal_y=0, controls=-180..170/10"),
        {
            "none": {},
            "trial: controls": {"plan": "trial: controls"},
            "world: jitter": {"plan": "world: jitter(0.055)"},
            "no memory": {"learner": "ppo"},
            "no memory, trial: controls": {"learner": "ppo", "plan": "trial: controls"},
            "sees the angle, all angles": {
                "world": "point(sees_controls=yes)",
                "learner": "ppo",
                "worlds": 24,
                "division": "random",
            },
        },
        cleared=True,
    ),
    "colors": Experiment(
        COLORS,
        {
            "none": {},
            "view: colors": {"plan": "view: hue(0.5) saturation(2) brightness(0.3)"},
            "view: channel-shuffle": {"plan": "view: channel-shuffle"},
            "view: crop": {"plan": "view: crop(0.25, border)"},
        },
    ),
    "choice": Experiment(
        replace(LEAP, fit=replace(LEAP.fit, steps=300_000)),
        {
            **{f"view: {view}": {"plan": f"view: {view}"} for view in VIEWS},
            "ucb, as published": {"choose": "ucb"},
            "bandit": {"choose": "bandit"},
            "learned": {"choose": "learned"},
        },
    ),
}


def train_one(name: str, arm: str, seed: int, deadline: float, steps: int | None, device: str):
    """One training: what it reached at every evaluation, and its weights; None where time was up before it began."""
    if time.time() > deadline:
        return None
    torch.set_num_threads(1)
    experiment = EXPERIMENTS[name]
    config = experiment.config(arm, seed)
    fit = replace(config.fit, steps=steps or config.fit.steps, device=device)
    config = replace(config, fit=fit)
    trainer = Trainer(config, Division.of(config))
    began, curve, pulls, number = time.process_time(), [], [], 0
    for number in range(updates(config)):
        row = trainer.update(number)
        pulls.append([row[key] for key in sorted(row) if key == "pulled" or key.startswith("weight_")])
        over = time.time() > deadline or number + 1 == updates(config)
        if (number + 1) % fit.eval_every == 0 or over:
            seconds = time.process_time() - began
            steps_done = (number + 1) * steps_per_update(config)
            curve.append({"steps": steps_done, "seconds": round(seconds, 1), **judge(trainer, experiment.cleared)})
        if over:
            break
    found = {
        "arm": arm,
        "seed": seed,
        "config": config.as_dict(),
        "curve": curve,
        "pulls": pulls[:: max(1, len(pulls) // 200)] if pulls[0] else [],
        "contexts": {
            part: trainer.plain_arena(part).contexts.tolist() for part in ("training", "validation", "held_out")
        },
    }
    weights = {f"{arm}/{seed}/{key}": value.cpu() for key, value in trainer.policy.state_dict().items()}
    return found, weights


def judge(trainer: Trainer, cleared: bool) -> dict:
    """Solved trials (greedy) of each world and episode, on training and held-out worlds."""
    found = {}
    for part in ("training", "validation", "held_out"):
        arena = trainer.plain_arena(part)
        results = trainer.learner.evaluate(arena, trainer.policy, device=trainer.config.fit.device)
        found[part] = results.solved.round(3).tolist()
        found[f"{part}_return"] = results.returns.mean(0).round(4).tolist()
        if cleared and trainer.learner.memory:
            results = trainer.learner.evaluate(arena, trainer.policy, device=trainer.config.fit.device, forgets=True)
            found[f"{part}_cleared"] = results.solved.round(3).tolist()
    return found


def main() -> None:
    """Train all arms of the named experiments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=list(EXPERIMENTS))
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time")
    parser.add_argument("--seconds", type=float, default=1e9, help="when trainings that still run are judged")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, help="steps of each training, instead of the experiment's own")
    parser.add_argument("--arms", nargs="*", help="only these arms")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--quick", action="store_true", help="a few steps of everything, to see that it runs")
    parser.add_argument("--out", type=Path, default=Path("results"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    steps = 8192 if options.quick else options.steps
    seeds = 1 if options.quick else options.seeds
    deadline = time.time() + options.seconds
    work = [
        (name, arm, seed)
        for name in options.names
        for seed in range(seeds)
        for arm in EXPERIMENTS[name].arms
        if options.arms is None or arm in options.arms
    ]
    done: dict[str, tuple[list, dict]] = {name: ([], {}) for name in options.names}
    with ProcessPoolExecutor(options.jobs, get_context("spawn")) as pool:
        waiting = {pool.submit(train_one, *job, deadline, steps, options.device): job for job in work}
        for future in as_completed(waiting):
            name, arm, seed = waiting[future]
            if future.result() is None:
                continue
            found, weights = future.result()
            runs, tensors = done[name]
            runs.append(found)
            tensors.update(weights)
            shared = asdict(EXPERIMENTS[name].common)
            runs.sort(key=lambda run: (run["arm"], run["seed"]))
            write_json(options.out / f"rl_{name}.json", {"experiment": name, "common": shared, "runs": runs})
            write_tensors(options.out / f"rl_{name}.safetensors", tensors)
            last = found["curve"][-1]
            solved = sum(world[-1] for world in last["held_out"]) / len(last["held_out"])
            line = {"steps": last["steps"], "seconds": last["seconds"], "held_out": round(solved, 3)}
            print(name, arm, seed, json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
