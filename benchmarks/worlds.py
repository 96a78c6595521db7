"""Time steps of our worlds beside CartPole of Gymnasium and of stable-baselines3, on one thread.

    python benchmarks/worlds.py --quick
    python benchmarks/worlds.py --json results/worlds.json

Counted are steps of environments a second of CPU time, with random actions, including observations and restarts of
episodes that end. In every round each row has its turn, so that a busy machine disturbs all alike; printed are medians.
"""

import os

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")

import argparse
import importlib.metadata
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import gymnasium
import numpy as np
import torch
from machine import cpu_name
from rich.console import Console
from rich.table import Table
from stable_baselines3.common.vec_env import DummyVecEnv

from manyshot.rl.gym import WorldVectorEnv
from manyshot.rl.sb3 import WorldVecEnv

Step = Callable[[], int]


def ours(world: str, rows: int, plan: str = "none") -> Step:
    """A batch of one of our worlds, as a vector environment of Gymnasium."""
    envs = WorldVectorEnv(world, rows, plan=plan)
    envs.reset(seed=0)
    actions = [envs.action_space.sample() for _ in range(50)]
    return _played(lambda action: envs.step(action), actions, rows)


def ours_in_sb3(world: str, rows: int) -> Step:
    """The same as a vector environment of stable-baselines3."""
    envs = WorldVecEnv(world, rows)
    envs.reset()
    actions = [np.stack([envs.action_space.sample() for _ in range(rows)]) for _ in range(50)]
    return _played(lambda action: envs.step(action), actions, rows)


def theirs(mode: str, rows: int) -> Step:
    """CartPole-v1 of Gymnasium: "single", "sync", or its own batch "vector_entry_point"."""
    if mode == "single":
        env = gymnasium.make("CartPole-v1")
        env.reset(seed=0)

        def step(action: int) -> None:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()

        return _played(step, [int(env.action_space.sample()) for _ in range(50)], 1)
    envs = gymnasium.make_vec("CartPole-v1", num_envs=rows, vectorization_mode=mode)
    envs.reset(seed=0)
    return _played(lambda action: envs.step(action), [envs.action_space.sample() for _ in range(50)], rows)


def theirs_in_sb3(rows: int) -> Step:
    """CartPole-v1 in the vector environment that stable-baselines3 uses."""
    envs = DummyVecEnv([lambda: gymnasium.make("CartPole-v1")] * rows)
    envs.reset()
    actions = [np.stack([envs.action_space.sample() for _ in range(rows)]) for _ in range(50)]
    return _played(lambda action: envs.step(action), actions, rows)


def _played(step: Callable[..., object], actions: list, rows: int) -> Step:
    def play() -> int:
        for action in actions:
            step(action)
        return rows * len(actions)

    return play


def rows_of(quick: bool) -> dict[str, Step]:
    """Everything that is timed, by name."""
    wide = 64 if quick else 512
    return {
        "cart, 1 row": ours("cart", 1),
        f"cart, {wide} rows": ours("cart", wide),
        f"point, {wide} rows": ours("point", wide),
        f"leap, {wide} rows": ours("leap", wide),
        f"leap, {wide} rows, rollout: crop(0.25)": ours("leap", wide, "rollout: crop(0.25)"),
        f"rooms, {wide} rows": ours("rooms", wide),
        f"cart in stable-baselines3, {wide} rows": ours_in_sb3("cart", wide),
        "CartPole-v1 of Gymnasium, 1 row": theirs("single", 1),
        f"CartPole-v1 of Gymnasium, {wide} rows, one by one": theirs("sync", wide),
        f"CartPole-v1 of Gymnasium, {wide} rows, its batch": theirs("vector_entry_point", wide),
        f"CartPole-v1 in stable-baselines3, {wide} rows": theirs_in_sb3(wide),
    }


def main() -> None:
    """Time, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rows and rounds")
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    timed = rows_of(arguments.quick)
    for play in timed.values():
        play()
    rates: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(3 if arguments.quick else 9):
        for name, play in timed.items():
            began = time.process_time()
            steps = play()
            rates[name].append(steps / max(time.process_time() - began, 1e-9))
    table = Table("", "steps a CPU second")
    for name, rate in rates.items():
        table.add_row(name, f"{median(rate):,.0f}")
    Console().print(table)
    if arguments.json:
        versions = {name: importlib.metadata.version(name) for name in ("torch", "gymnasium", "stable-baselines3")}
        told = {
            "cpu": cpu_name(),
            "python": platform.python_version(),
            "versions": versions,
            "rounds": len(next(iter(rates.values()))),
            "steps_per_cpu_second": {name: round(median(rate)) for name, rate in rates.items()},
        }
        arguments.json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
