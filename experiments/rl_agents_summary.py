"""What the trainings of rl_agents.py found: results/rl_agents.json, and the animation of held-out worlds in the docs.

Arms are compared by the seeds of "none"; trainings of arms that lack one of these are listed apart. What
`manyshot rl diagnose` says of each view before any training stands beside. What the folder lacks of an experiment whose
settings are still the same comes from results/rl_agents.json: its arms there are compared with the new ones.

    python experiments/rl_agents_summary.py runs/rl
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rl_agents import EXPERIMENTS, slug
from run_and_record import RESULTS, write

from manyshot.rl.choose_view import Choice
from manyshot.rl.diagnose_views import diagnose_views
from manyshot.rl.interquartile_mean import interquartile_interval, interquartile_mean, probability_of_improvement
from manyshot.rl.render_episodes import episodes_gif
from manyshot.rl.rl_train import RLRun, load_agent
from manyshot.rl.world_split import PARTS, WorldSplit
from manyshot.rl.worlds import WORLDS
from manyshot.training.seed_intervals import paired_difference

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
SHOWN = ("none", "rollout: crop")
"""Arms of the animation, from top to bottom."""
SHEET = {"worlds": 97, "columns": 25, "side": 32}
"""All held-out worlds, small."""
FIXED = "view: "
"""What the names of arms with one view begin with."""

SUFFIXES = (("", "by_episode"), ("_cleared", "by_episode_memory_cleared"))
"""Ends of the names in a training, and what results call them."""

Runs = dict[int, dict]
"""Trainings of an arm by seed."""


def load(folder: Path) -> dict[str, dict[str, Runs]]:
    """The trainings by experiment, arm and seed."""
    found: dict[str, dict[str, Runs]] = defaultdict(lambda: defaultdict(dict))
    for path in sorted(folder.glob("*/*.json")):
        run = json.loads(path.read_text(encoding="utf-8"))
        found[path.parent.name][run["arm"]][run["seed"]] = run
    return found


def recorded(name: str, found: dict) -> dict[str, Runs]:
    """The trainings of an experiment as its results have them, in the form in which trainings are stored."""
    experiment, seeds = EXPERIMENTS[name], found["seeds"]
    if _settings(found["config"]) != _settings(experiment.config("none", seeds[0]).as_dict()):
        return {}  # another experiment of the same name
    split = WorldSplit.of(experiment.common)
    contexts = {part: split.part_contexts(part).tolist() for part in PARTS}
    return {
        arm: {
            seed: {
                "arm": arm,
                "seed": seed,
                "config": experiment.config(arm, seed).as_dict(),
                "curve": [_recorded_point(row, index)],
                "pulls": [list(row["pulled"][index].values())] if "pulled" in row else [],
                "contexts": contexts,
            }
            for index, seed in enumerate(seeds)
        }
        for arm, row in found["arms"].items()
    }


def join(before: Runs, trained: Runs) -> Runs:
    """Trainings of results and of the folder: of results, which hold means over their seeds, all or none are taken."""
    return trained if set(before) <= set(trained) else trained | before


def _settings(config: dict) -> dict:
    """What a training depends on: not how often it was interrupted to evaluate, where no bandit learns from that."""
    return config | {"fit": {name: value for name, value in config["fit"].items() if name != "eval_every"}}


def _recorded_point(row: dict, index: int) -> dict:
    """What the training number `index` of an arm reached; of earlier episodes only the mean is known."""
    earlier = row["by_episode"][:-1]
    point = {
        "steps": row["steps"][index],
        "seconds": row["cpu_seconds"][index],
        "training": [[row["training"]]],
        "held_out": [[*earlier, float(world)] for world in row["solved"][index]],
    }
    for suffix, name in SUFFIXES:
        for part, key in (("_return", f"{name}_return"), ("_steps", f"{name}_steps")):
            if key in row:
                point[f"held_out{part}{suffix}"] = row[key]
        if suffix and name in row:
            point[f"held_out{suffix}"] = [row[name]]
    return point


def summarize(trained: dict[str, Runs]) -> dict:
    """The comparison of an experiment's arms with "none", and of choices among views with the best of these."""
    seeds = sorted(trained["none"])
    arms = {name: runs for name, runs in trained.items() if set(seeds) <= set(runs)}
    steps = min(runs[seed]["curve"][-1]["steps"] for runs in arms.values() for seed in seeds)
    solved: dict[str, NDArray[np.float64]] = {}
    answer: dict[str, dict] = {}
    for name in sorted(arms, key=lambda name: name != "none"):
        runs = [arms[name][seed] for seed in seeds]
        points = [next(p for p in reversed(run["curve"]) if p["steps"] <= steps) for run in runs]
        solved[name] = np.array([point["held_out"] for point in points])[:, :, -1]
        row = _row(points, solved[name]) | _pulled(runs)
        if runs[0]["contexts"]["held_out"] != arms["none"][seeds[0]]["contexts"]["held_out"]:
            row["other_held_out_worlds"] = len(runs[0]["contexts"]["held_out"])
        elif name != "none":
            row["difference"] = float((solved[name] - solved["none"]).mean())
            row["probability_of_improvement"] = probability_of_improvement(solved[name], solved["none"])
            if len(seeds) > 1:
                row["against_none"] = paired_difference(solved[name], solved["none"], most=1).as_dict()
        answer[name] = row
    choices = [name for name, row in answer.items() if "pulled" in row]
    found = {}
    if choices:
        fixed = [name for name in answer if name.startswith(FIXED)]
        best = max(fixed, key=lambda name: answer[name]["held_out"])
        mean = np.mean([solved[name] for name in fixed], 0)
        found |= {"best_fixed": best, "fixed": fixed, "mean_of_fixed": float(mean.mean())}
        for name in choices if len(seeds) > 1 else []:
            for against, scores in (("best_fixed", solved[best]), ("mean_of_fixed", mean)):
                compared = paired_difference(solved[name], scores, most=1).as_dict()
                answer[name][f"against_{against}"] = compared
    first = arms["none"][seeds[0]]
    for name, told in _diagnose(first, {n: runs[seeds[0]]["config"]["plan"] for n, runs in arms.items()}).items():
        answer[name]["diagnosed"] = told
    return found | {
        "seeds": seeds,
        "unpaired": _unpaired({name: runs for name, runs in trained.items() if name not in arms}),
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
        "solved": [_digits(seed) for seed in solved],
    }
    for part in ("", "_return", "_steps"):
        for suffix, name in SUFFIXES:
            key = f"held_out{part}{suffix}"
            if all(key in point for point in points):
                values = [point[key] if part else np.mean(point[key], 0) for point in points]
                row[name + part] = np.mean(values, 0).round(4).tolist()
    return row


def _digits(solved: NDArray[np.float64]) -> str | list[float]:
    """One digit for each world, of which one trial of likeliest actions was made; or the shares of groups of worlds."""
    whole = bool((solved == solved.round()).all())
    return "".join(str(int(world)) for world in solved) if whole else solved.round(4).tolist()


def _diagnose(run: dict, plans: dict[str, str]) -> dict[str, dict]:
    """What is said of the views of arms before any training, in the training worlds, by arm."""
    views = {arm: plan.removeprefix(FIXED) for arm, plan in plans.items() if plan.startswith(FIXED)}
    if not views:
        return {}
    world, contexts = WORLDS.build(run["config"]["world"]), torch.tensor(run["contexts"]["training"])
    told = {one.op: one for one in diagnose_views(world, contexts, list(dict.fromkeys(views.values())))}
    return {
        arm: {"kept": told[op].kept, "unchanged": told[op].unchanged, "verdict": told[op].verdict}
        for arm, op in views.items()
    }


def _pulled(runs: list[dict]) -> dict:
    """Which share of the updates took each view, by seed."""
    found = []
    for run in runs:
        if not run["pulls"]:
            return {}
        names = [plan.removeprefix(FIXED) for plan in Choice.parse(run["config"]["choose"]).plans]
        shares = np.mean(run["pulls"], 0)
        found.append(dict(zip(names, shares.round(3).tolist(), strict=True)))
    return {"pulled": found}


def _unpaired(arms: dict[str, Runs]) -> list[dict]:
    """Trainings of arms that lack a seed."""
    return [
        {
            "arm": name,
            "seed": seed,
            "steps": run["curve"][-1]["steps"],
            "by_episode": np.mean(run["curve"][-1]["held_out"], 0).round(4).tolist(),
        }
        for name, runs in arms.items()
        for seed, run in sorted(runs.items())
    ]


def agents(folder: Path, arms: dict[str, Runs]) -> dict[str, RLRun]:
    """The agents of the arms that are shown, of the first seed that all of them have."""
    seed = min(set.intersection(*(set(arms[arm]) for arm in SHOWN)))
    return {arm: load_agent(folder / "leap" / f"{slug(arm)}.{seed}") for arm in SHOWN}


def main() -> None:
    """Summarize a folder of trainings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    found = load(folder)
    earlier = json.loads((RESULTS / "rl_agents.json").read_text(encoding="utf-8"))
    kept = {name: value for name, value in earlier.items() if isinstance(value, dict) and "arms" in value}
    for name, arms in found.items():
        before = recorded(name, kept[name]) if name in kept else {}
        joined = {arm: join(before.get(arm, {}), arms.get(arm, {})) for arm in dict.fromkeys((*before, *arms))}
        kept[name] = summarize(joined)
    write("rl_agents", kept)
    if all("leap" in found and found["leap"][arm] for arm in SHOWN):
        (IMAGES / "leap_held_out.gif").write_bytes(episodes_gif(agents(folder, found["leap"]), **SHEET))


if __name__ == "__main__":
    main()
