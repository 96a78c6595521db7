"""Our PPO beside that of stable-baselines3 on CartPole and Acrobot: the same settings, the same number of steps.

Both get eight games side by side, 128 steps each between updates, ten epochs of four minibatches, Adam at 3e-4 and two
layers of 64; both are judged by 50 episodes of likeliest actions. They differ in that ours shares the layers between
policy and value and scales rewards by the deviation of returns. Writes results/rl_peers.json, in which environments
that are left out stay as they are.

    python experiments/rl_peers.py --envs Acrobot-v1
"""

import argparse
import json
from time import process_time

import numpy as np
import torch
from run_and_record import RESULTS, write
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

from manyshot.rl.rl_config import RLConfig, RLSettings
from manyshot.rl.rl_train import evaluate_run, train_agent

TASKS = {"CartPole-v1": 40_000, "Acrobot-v1": 60_000}
EPISODES = 50


def ours(env: str, steps: int, seed: int) -> tuple[float, float]:
    """Mean return of our agent, and CPU seconds."""
    fit = RLSettings(
        steps=steps, games=8, rollout=128, learning_rate=3e-4, epochs=10, minibatches=4, entropy=0.0, width=64,
        eval_every=10_000, save_every=10_000, seed=seed,
    )  # fmt: skip
    config = RLConfig(f'gym("{env}")', worlds=10, validation=EPISODES, values="level=0..69", fit=fit)
    began = process_time()
    run = train_agent(config)
    seconds = process_time() - began
    return float(evaluate_run(run, "validation").returns.mean()), seconds


def theirs(env: str, steps: int, seed: int) -> tuple[float, float]:
    """Mean return of the peer's agent, and CPU seconds."""
    began = process_time()
    games = make_vec_env(env, 8, seed=seed)
    shared = {"n_steps": 128, "batch_size": 256, "n_epochs": 10, "learning_rate": 3e-4}
    model = PPO("MlpPolicy", games, **shared, seed=seed, device="cpu")
    model.learn(steps)
    seconds = process_time() - began
    mean, _ = evaluate_policy(model, make_vec_env(env, 8, seed=seed + 1000), EPISODES, deterministic=True)
    return float(mean), seconds


def main() -> None:
    """Train both with every seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, help="instead of the experiment's own")
    parser.add_argument("--envs", nargs="+", choices=list(TASKS), default=list(TASKS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    file = RESULTS / "rl_peers.json"
    found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    for env in options.envs:
        steps = options.steps or TASKS[env]
        both = {
            name: [train(env, steps, seed) for seed in range(options.seeds)]
            for name, train in (("ours", ours), ("stable-baselines3", theirs))
        }
        found[env] = {"steps": steps} | {
            name: {
                "return_by_seed": [round(value, 1) for value, _ in runs],
                "return": round(float(np.mean([value for value, _ in runs])), 1),
                "cpu_seconds": round(float(np.mean([seconds for _, seconds in runs])), 1),
            }
            for name, runs in both.items()
        }
        print(env, found[env], flush=True)
        if options.steps is None:
            write("rl_peers", {name: found[name] for name in TASKS if name in found})


if __name__ == "__main__":
    main()
