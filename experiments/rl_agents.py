"""Agents on worlds that they never saw: which augmentation helps, where, and which one hurts.

Every training is a run OUT/NAME/ARM.SEED, which goes on where it was stopped. What it reached on worlds that nothing
was trained on or chosen by is OUT/NAME/ARM.SEED.json, world by world; rl_agents_summary.py puts these together.

    python experiments/rl_agents.py leap --arms none "view: crop" --seeds 3 4 --out runs/rl
"""

import argparse
import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from manyshot.base import quieten
from manyshot.base.atomic_files import write_json
from manyshot.rl.choose_view import Choice
from manyshot.rl.rl_config import RLConfig, RLSettings
from manyshot.rl.rl_train import RLRun, evaluate_run, train_agent
from manyshot.rl.trainer import steps_per_update, updates
from manyshot.rl.world_split import PARTS
from manyshot.runtime.clock import cpu_seconds
from manyshot.runtime.run_folder import CONFIG

VIEWS = ("crop(0.25, border)", "flip", "erase(0.6)")
"""Views to choose among: one that moves the picture, one that mirrors it, one that hides a large part."""


@dataclass(frozen=True)
class Experiment:
    """Arms with the settings that they have in common.

    Args:
        common: Settings.
        arms: Settings of each arm that differ, by its name; `fit` holds those of the training loop.
        cleared: Whether trials are also judged with the memory cleared before each episode.
        by: Number of a context whose equals are judged together, as the share of them that is solved; each world by
            itself if empty.
    """

    common: RLConfig
    arms: dict[str, dict] = field(default_factory=dict)
    cleared: bool = False
    by: str = ""

    def config(self, arm: str, seed: int) -> RLConfig:
        """The settings of one training."""
        changes = dict(self.arms[arm])
        if "choose" in changes:  # in another order for each seed, since the published bandit prefers the first
            order = VIEWS[seed % len(VIEWS) :] + VIEWS[: seed % len(VIEWS)]
            changes["choose"] = f"{changes['choose']}({', '.join(order)})"
        fit = replace(self.common.fit, seed=seed, **changes.pop("fit", {}))
        return replace(self.common, **changes, fit=fit)


LEAP = RLConfig("leap", worlds=12, validation=8, fit=RLSettings(steps=350_000, eval_every=19))
COLORS = RLConfig(
    "leap(colors=yes)",
    worlds=9,
    validation=60,
    values="scheme=0..122, floor=10, obstacle=10..20/5",  # 3, 20 and 100 schemes, with all three obstacles
    division="extrapolation",
    fit=replace(LEAP.fit, steps=163_840, learning_rate=1e-3),
)
POINT = RLConfig(
    "point",
    worlds=4,
    validation=4,
    division="extrapolation",
    learner="rl2(episodes=2)",
    fit=RLSettings(steps=800_000, games=64, rollout=48, minibatches=4, eval_every=32, width=64),
)
CONTROLS = replace(POINT, values="goal_x=0.8, goal_y=0, controls=-180..170/10", fit=replace(POINT.fit, steps=400_000))
ROOMS = RLConfig(
    "rooms",
    worlds=200,
    validation=20,
    fit=RLSettings(
        steps=245_760,
        games=32,
        rollout=32,
        epochs=4,
        minibatches=4,
        learning_rate=1e-3,
        eval_every=60,
        width=64,
        view_weight=1.0,
    ),
)
EXPERIMENTS = {
    "leap": Experiment(
        LEAP,
        {
            "none": {},
            "view: crop": {"plan": "view: crop(0.25, border)"},
            "view: crop, weight 1": {"plan": "view: crop(0.25, border)", "fit": {"view_weight": 1.0}},
            "rollout: crop": {"plan": "rollout: crop(0.25, border)"},
            "view: random-filter": {"plan": "view: random-filter"},
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
        CONTROLS,
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
            "view: random-filter": {"plan": "view: random-filter"},
            "rollout: random-filter": {"plan": "rollout: random-filter"},
            "view: crop": {"plan": "view: crop(0.25, border)"},
        },
        by="scheme",
    ),
    "rooms": Experiment(
        ROOMS,
        {
            "none": {},
            "trial: turn mirror": {"plan": "trial: turn mirror"},
            "view: brightness": {"plan": "view: brightness"},
            "view: turn": {"plan": "view: turn"},
            "plr": {"levels": "plr"},
            "robust-plr": {"levels": "robust-plr"},
        },
    ),
    "choice": Experiment(
        replace(LEAP, fit=replace(LEAP.fit, steps=155_648, view_weight=1.0)),
        {
            "none": {},
            "view: crop": {"plan": f"view: {VIEWS[0]}"},
            "ucb, as published": {"choose": "ucb"},
            "bandit": {"choose": "bandit"},
            "view: erase": {"plan": f"view: {VIEWS[2]}"},
            "view: flip": {"plan": f"view: {VIEWS[1]}"},
            "learned": {"choose": "learned"},
        },
    ),
}


def train_one(name: str, arm: str, seed: int, steps: int | None, device: str, folder: Path) -> dict:
    """One training in a run of its own, which goes on where it was stopped, and what the agent reached at its end."""
    experiment = EXPERIMENTS[name]
    config = experiment.config(arm, seed)
    config = replace(config, fit=replace(config.fit, steps=steps or config.fit.steps, device=device))
    run = train_agent(config, folder, resume=(folder / CONFIG).exists(), title=f"{name}, {arm}, seed {seed}")
    evaluated = [row for row in run.rows if "held_out_solved" in row]
    last = {
        "steps": updates(config) * steps_per_update(config),
        "seconds": round(cpu_seconds(folder), 1),
        **judge(run, experiment),
    }
    shares = ("training_solved", "validation_solved", "held_out_solved")
    return {
        "arm": arm,
        "seed": seed,
        "config": config.as_dict(),
        "learning": [
            [row["step"] * steps_per_update(config), *(round(row[share], 4) for share in shares)] for row in evaluated
        ],
        "curve": [last],
        "pulls": pulls(run),
        "contexts": {part: run.split.part_contexts(part).tolist() for part in PARTS},
    }


def pulls(run: RLRun) -> list[list[float]]:
    """The share of each view among those of every update; none where views are not chosen."""
    if run.config.choose == "none":
        return []
    count = len(Choice.parse(run.config.choose).plans)
    rows = [row for row in run.rows if "pulled" in row or "weight_0" in row]
    return [[round(row.get(f"weight_{k}", float(row.get("pulled") == k)), 4) for k in range(count)] for row in rows]


def judge(run: RLRun, experiment: Experiment) -> dict:
    """Solved trials (greedy) of each world and episode, and mean returns and lengths by episode, on each part."""
    found: dict[str, list] = {}
    for part in PARTS:
        for suffix, resets_memory in (("", False), ("_cleared", True)):
            if resets_memory and not (experiment.cleared and run.policy.memory):
                continue
            results = evaluate_run(run, part, resets_memory=resets_memory)
            solved = results.solved
            if experiment.by:
                column = run.split.part_contexts(part)[:, run.split.world.names.index(experiment.by)].numpy()
                solved = np.stack([solved[column == value].mean(0) for value in np.unique(column)])
            found[part + suffix] = solved.round(4).tolist()
            found[f"{part}_return{suffix}"] = results.returns.mean(0).round(4).tolist()
            found[f"{part}_steps{suffix}"] = results.steps.mean(0).round(3).tolist()
    return found


def main() -> None:
    """Train all arms of the named experiments that were not trained yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=list(EXPERIMENTS))
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5)))
    parser.add_argument("--steps", type=int, help="steps of each training, instead of the experiment's own")
    parser.add_argument("--arms", nargs="*", help="only these arms")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--quick", action="store_true", help="a few steps of everything, to see that it runs")
    parser.add_argument("--out", type=Path, default=Path("runs/rl"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    quieten()
    steps = 8192 if options.quick else options.steps
    for name in options.names:
        for seed in options.seeds[:1] if options.quick else options.seeds:
            for arm in options.arms or EXPERIMENTS[name].arms:
                file = options.out / name / f"{slug(arm)}.{seed}.json"
                if file.exists():
                    continue
                found = train_one(name, arm, seed, steps, options.device, file.with_suffix(""))
                write_json(file, found)
                last = found["curve"][-1]
                solved = sum(world[-1] for world in last["held_out"]) / len(last["held_out"])
                line = {"steps": last["steps"], "seconds": last["seconds"], "held_out": round(solved, 3)}
                print(name, arm, seed, json.dumps(line), flush=True)


def slug(arm: str) -> str:
    """The name of an arm's files: `view: crop` is `view-crop`.

    Example:
        >>> slug("view: crop, weight 1")
        'view-crop-weight-1'
    """
    return re.sub(r"[^a-z0-9.]+", "-", arm.lower()).strip("-")


if __name__ == "__main__":
    main()
