"""What the trainings of rl_agents.py found: results/rl_agents.json, and the animation of held-out worlds in the docs.

Arms are compared at the largest number of steps that all of them reached, by the seeds that all of them have.

    python experiments/rl_agents_summary.py FOLDER [FOLDER ...]
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
from circumstances import write

from manyshot.base.tensor_file import read_tensors
from manyshot.rl.division import Division
from manyshot.rl.interquartile import interquartile_interval, interquartile_mean, probability_of_improvement
from manyshot.rl.rl_config import RLConfig
from manyshot.rl.rl_train import RLRun
from manyshot.rl.trainer import make_policy
from manyshot.rl.watch import episodes_gif
from manyshot.training.statistics import paired_difference

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
SHOWN = {"none": "none", "view: crop": "view: crop"}
"""Arms of the animation, from top to bottom."""


def load(folders: list[Path]) -> dict[str, dict[str, dict[int, dict]]]:
    """The trainings by experiment, arm and seed."""
    found: dict[str, dict[str, dict[int, dict]]] = defaultdict(lambda: defaultdict(dict))
    for folder in folders:
        for path in sorted(folder.glob("rl_*.json")):
            for run in json.loads(path.read_text(encoding="utf-8"))["runs"]:
                found[path.stem.removeprefix("rl_")][run["arm"]][run["seed"]] = run
    return found


def summarize(arms: dict[str, dict[int, dict]]) -> dict:
    """The comparison of an experiment's arms with the first one, "none"."""
    seeds = sorted(set.intersection(*(set(runs) for runs in arms.values())))
    steps = min(runs[seed]["curve"][-1]["steps"] for runs in arms.values() for seed in seeds)
    solved, answer = {}, {}
    for name in sorted(arms, key=lambda name: name != "none"):
        points = [next(p for p in reversed(arms[name][seed]["curve"]) if p["steps"] <= steps) for seed in seeds]
        worlds = np.array([point["held_out"] for point in points])
        solved[name] = worlds[:, :, -1]
        row = {
            "held_out_by_seed": solved[name].mean(1).round(4).tolist(),
            "held_out": float(solved[name].mean()),
            "by_episode": worlds.mean((0, 1)).round(4).tolist(),
            "training": float(np.mean([np.mean(point["training"], 0)[-1] for point in points])),
            "interquartile_mean": interquartile_mean(solved[name]),
            "interquartile_interval": list(interquartile_interval(solved[name])),
            "steps": [point["steps"] for point in points],
            "cpu_seconds": [point["seconds"] for point in points],
            "solved": solved[name].round(2).tolist(),
        }
        if "held_out_cleared" in points[-1]:
            row["by_episode_memory_cleared"] = (
                np.mean([p["held_out_cleared"] for p in points], (0, 1)).round(4).tolist()
            )
        if name != "none" and "none" in solved:
            row["difference"] = float((solved[name] - solved["none"]).mean())
            row["probability_of_improvement"] = probability_of_improvement(solved[name], solved["none"])
            if len(seeds) > 1:
                row["against_none"] = paired_difference(solved[name], solved["none"], most=1).as_dict()
        answer[name] = row
    first = next(iter(arms.values()))[seeds[0]]
    unpaired = [
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
    return {
        "unpaired": unpaired,
        "seeds": seeds,
        "steps": steps,
        "worlds": {part: len(contexts) for part, contexts in first["contexts"].items()},
        "config": first["config"],
        "contexts": first["contexts"],
        "arms": answer,
    }


def agents(folders: list[Path], arms: dict[str, dict[int, dict]]) -> dict[str, RLRun]:
    """The first seed's agents of the arms that are shown, with their last weights."""
    tensors = {}
    for folder in folders:
        if (folder / "rl_leap.safetensors").exists():
            tensors |= read_tensors(folder / "rl_leap.safetensors")[0]
    runs = {}
    for arm in SHOWN:
        seed = min(arms[arm])
        config = RLConfig.from_dict(arms[arm][seed]["config"], arm)
        division = Division.of(config)
        policy = make_policy(config, division)
        begins = f"{arm}/{seed}/"
        policy.load_state_dict({n.removeprefix(begins): t for n, t in tensors.items() if n.startswith(begins)})
        runs[arm] = RLRun(config, division, policy.eval(), [])
    return runs


def main() -> None:
    """Summarize the folders."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    folders = parser.parse_args().folders
    found = load(folders)
    write("rl_agents", {name: summarize(arms) for name, arms in found.items()})
    if "leap" in found:
        (IMAGES / "leap_held_out.gif").write_bytes(episodes_gif(agents(folders, found["leap"])))


if __name__ == "__main__":
    main()
