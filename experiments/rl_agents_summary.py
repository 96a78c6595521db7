"""What the trainings of rl_agents.py found: results/rl_agents.json, and the animation of held-out worlds in the docs.

Arms are compared at the largest number of steps that all of them reached, by the seeds that all of them have.

    python experiments/rl_agents_summary.py runs/rl
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rl_agents import slug
from run_and_record import write

from manyshot.base.tensor_file import read_tensors
from manyshot.rl.interquartile import interquartile_interval, interquartile_mean, probability_of_improvement
from manyshot.rl.render_episodes import episodes_gif
from manyshot.rl.rl_config import RLConfig
from manyshot.rl.rl_train import RLRun
from manyshot.rl.trainer import make_policy
from manyshot.rl.view_choice import Choice
from manyshot.rl.world_split import WorldSplit
from manyshot.training.statistics import paired_difference

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
SHOWN = ("none", "view: crop")
"""Arms of the animation, from top to bottom."""
SHEET = {"worlds": 97, "columns": 25, "side": 32}
"""All held-out worlds, small."""
FIXED = "view: "
"""What the names of arms with one view begin with."""

Runs = dict[int, dict]
"""Trainings of an arm by seed."""


def load(folder: Path) -> dict[str, dict[str, Runs]]:
    """The trainings by experiment, arm and seed."""
    found: dict[str, dict[str, Runs]] = defaultdict(lambda: defaultdict(dict))
    for path in sorted(folder.glob("*/*.json")):
        run = json.loads(path.read_text(encoding="utf-8"))
        found[path.parent.name][run["arm"]][run["seed"]] = run
    if "choice" in found and "leap" in found:  # which differ in the weight of views alone
        seeds, none = set().union(*found["choice"].values()), found["choice"]["none"]
        none |= {seed: run for seed, run in found["leap"]["none"].items() if seed in seeds and seed not in none}
    return found


def summarize(arms: dict[str, Runs]) -> dict:
    """The comparison of an experiment's arms with "none", and of choices among views with the best of these."""
    seeds = sorted(set.intersection(*(set(runs) for runs in arms.values())))
    steps = min(runs[seed]["curve"][-1]["steps"] for runs in arms.values() for seed in seeds)
    solved: dict[str, NDArray[np.float64]] = {}
    answer: dict[str, dict] = {}
    for name in sorted(arms, key=lambda name: name != "none"):
        runs = [arms[name][seed] for seed in seeds]
        points = [next(p for p in reversed(run["curve"]) if p["steps"] <= steps) for run in runs]
        solved[name] = np.array([point["held_out"] for point in points])[:, :, -1]
        row = _row(points, solved[name]) | _pulled(runs)
        if name != "none":
            row["difference"] = float((solved[name] - solved["none"]).mean())
            row["probability_of_improvement"] = probability_of_improvement(solved[name], solved["none"])
            if len(seeds) > 1:
                row["against_none"] = paired_difference(solved[name], solved["none"], most=1).as_dict()
        answer[name] = row
    choices = [name for name, row in answer.items() if "pulled" in row]
    found = {}
    if choices:
        best = max((n for n in answer if n.startswith(FIXED)), key=lambda n: answer[n]["held_out"])
        found["best_fixed"] = best
        for name in choices if len(seeds) > 1 else []:
            answer[name]["against_best_fixed"] = paired_difference(solved[name], solved[best], most=1).as_dict()
    first = next(iter(arms.values()))[seeds[0]]
    return found | {
        "seeds": seeds,
        "unpaired": _unpaired(arms, seeds),
        "steps": steps,
        "worlds": {part: len(contexts) for part, contexts in first["contexts"].items()},
        "config": first["config"],
        "arms": answer,
    }


def _row(points: list[dict], solved: NDArray[np.float64]) -> dict:
    """What an arm reached, from an evaluation of each seed."""
    row = {
        "held_out_by_seed": solved.mean(1).round(4).tolist(),
        "held_out": float(solved.mean()),
        "training": float(np.mean([np.mean(point["training"], 0)[-1] for point in points])),
        "interquartile_mean": interquartile_mean(solved),
        "interquartile_interval": list(interquartile_interval(solved)),
        "steps": [point["steps"] for point in points],
        "cpu_seconds": [point["seconds"] for point in points],
        # One digit for each world: one trial of likeliest actions.
        "solved": ["".join(str(int(world)) for world in seed) for seed in solved],
    }
    for part, worlds in (("", (0, 1)), ("_return", 0), ("_steps", 0)):
        for suffix, name in (("", "by_episode"), ("_cleared", "by_episode_memory_cleared")):
            key = f"held_out{part}{suffix}"
            if all(key in point for point in points):
                row[name + part] = np.mean([point[key] for point in points], worlds).round(4).tolist()
    return row


def _pulled(runs: list[dict]) -> dict:
    """How often a bandit chose each view, or the last learned weights, by seed."""
    found = []
    for run in runs:
        if not run.get("pulls"):
            return {}
        pulls = np.array(run["pulls"])
        names = [plan.removeprefix(FIXED) for plan in Choice.parse(run["config"]["choose"]).plans]
        shares = pulls[-1] if pulls.shape[1] > 1 else np.bincount(pulls[:, 0].astype(int), minlength=len(names))
        found.append(dict(zip([*names, "none"], (shares / shares.sum()).round(3).tolist(), strict=False)))
    return {"pulled": found}


def _unpaired(arms: dict[str, Runs], seeds: list[int]) -> list[dict]:
    """Trainings whose seed some other arm lacks."""
    return [
        {
            "arm": name,
            "seed": seed,
            "steps": run["curve"][-1]["steps"],
            "by_episode": np.mean(run["curve"][-1]["held_out"], 0).round(4).tolist(),
        }
        for name, runs in arms.items()
        for seed, run in runs.items()
        if seed not in seeds
    ]


def agents(folder: Path, arms: dict[str, Runs]) -> dict[str, RLRun]:
    """The agents of the arms that are shown, of the first seed whose weights are there."""
    files = {arm: {seed: folder / "leap" / f"{slug(arm)}.{seed}.safetensors" for seed in arms[arm]} for arm in SHOWN}
    seed = min(s for s in arms[SHOWN[0]] if all(of.get(s, Path()).is_file() for of in files.values()))
    runs = {}
    for arm in SHOWN:
        config = RLConfig.from_dict(arms[arm][seed]["config"], arm)
        split = WorldSplit.of(config)
        policy = make_policy(config, split)
        policy.load_state_dict(read_tensors(files[arm][seed])[0])
        runs[arm] = RLRun(config, split, policy.eval(), [])
    return runs


def main() -> None:
    """Summarize a folder of trainings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    found = load(folder)
    write("rl_agents", {name: summarize(arms) for name, arms in found.items()})
    if "leap" in found:
        (IMAGES / "leap_held_out.gif").write_bytes(episodes_gif(agents(folder, found["leap"]), **SHEET))


if __name__ == "__main__":
    main()
