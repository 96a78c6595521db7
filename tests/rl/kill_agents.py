"""Trains agents in children that kill themselves, resumes them, and compares files with those of whole trainings."""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import torch

from child_processes import fork
from manyshot.base import quieten
from manyshot.rl.rl_config import RLConfig, RLSettings
from manyshot.rl.rl_train import train_agent
from manyshot.rl.trainer import Trainer

FIT = RLSettings(steps=8 * 24, games=4, rollout=6, width=8, eval_every=4, save_every=2, minibatches=2, epochs=1)
FEW = RLConfig("point", worlds=2, validation=1, values="goal_x=0.2..0.8/0.2, goal_y=0.5, controls=0", fit=FIT)
LEAP = RLConfig("leap", values="floor=4, obstacle=9..14", worlds=3, validation=2, fit=FIT)
CONFIGS = {
    "chosen": replace(LEAP, plan="rollout: crop", choose="bandit(crop, flip)", levels="plr"),
    "learned": replace(LEAP, choose="learned(crop, flip)"),
    "memory": replace(FEW, learner="rl2(memory=8)", plan="world: jitter(0.1); trial: turn"),
    "maml": replace(FEW, learner="maml(tasks=2)"),
}


def killed_at(number):
    """Make trainings kill their process at the beginning of an update."""
    update = Trainer.update

    def kill(self, now):
        if now == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return update(self, now)

    Trainer.update = kill


def main():
    torch.set_num_threads(1)
    quieten()
    for name, config in CONFIGS.items():
        whole, broken = Path(sys.argv[1]) / name / "whole", Path(sys.argv[1]) / name / "broken"
        train_agent(config, whole)

        def work(config=config, broken=broken):
            killed_at(3)
            train_agent(config, broken)

        _, status = os.waitpid(fork(work, {}), 0)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
        train_agent(config, broken, resume=True)
        for file in ("last.safetensors", "metrics.jsonl", "config.json"):
            assert (whole / file).read_bytes() == (broken / file).read_bytes(), (name, file)


if __name__ == "__main__":
    main()
