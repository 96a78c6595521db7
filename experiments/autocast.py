"""Does bfloat16 autocast make a training step faster on this processor? Writes results/autocast.json.

OMP_NUM_THREADS=1 python experiments/autocast.py
"""

import time
from contextlib import nullcontext
from statistics import median

import torch
from run_and_record import write
from torch import nn

from manyshot.learners import MAML, Learner, Prototypes
from manyshot.nets import Conv4
from manyshot.tasks import Episode, EpisodeSampler, Source

ROUNDS = 7


def prototypes(channels: int, size: int) -> Learner:
    """Conv4 with batch normalization."""
    return Prototypes(Conv4(channels, size))


def maml(channels: int, size: int) -> Learner:
    """One inner step, second order, group normalization."""
    body = Conv4(channels, size, norm="group")
    return MAML(nn.Sequential(body, nn.Linear(body.features, 5)), ways=5, step_size=0.1)


def tasks(channels: int, size: int, count: int) -> Episode:
    """Noise: only the time counts."""
    pixels = torch.randint(256, (200, channels, size, size), generator=torch.Generator().manual_seed(0))
    source = Source.of(pixels.to(torch.uint8), [f"class {i % 10}" for i in range(200)])
    return EpisodeSampler(source, 5, 1, 5).batch(0, count).as_float()


def step(learner: Learner, episode: Episode, cast: bool) -> tuple[float, float]:
    """CPU seconds of a loss and its gradient, and the loss."""
    learner.zero_grad()
    began = time.process_time()
    with torch.autocast("cpu", torch.bfloat16) if cast else nullcontext():
        loss = learner.loss(episode)
    loss.backward()
    return time.process_time() - began, float(loss.detach())


def main() -> None:
    """Measure, interleaved; write."""
    torch.set_num_threads(1)
    result = {}
    for name, make, channels, size, count in (
        ("prototypes, 28x28x1", prototypes, 1, 28, 4),
        ("prototypes, 84x84x3", prototypes, 3, 84, 1),
        ("maml, 28x28x1", maml, 1, 28, 4),
    ):
        torch.manual_seed(0)
        learner, episode = make(channels, size), tasks(channels, size, count)
        times: dict[bool, list[float]] = {False: [], True: []}
        for cast in (False, True) * (ROUNDS + 1):
            times[cast].append(step(learner, episode, cast)[0])
        single, half = (1000 * median(times[cast][1:]) for cast in (False, True))  # the first round warms up
        losses = {"float32": step(learner, episode, False)[1], "bfloat16": step(learner, episode, True)[1]}
        result[name] = {"float32_ms": single, "bfloat16_ms": half, "speed_up": single / half, "loss": losses}
    command = "OMP_NUM_THREADS=1 python experiments/autocast.py"
    write("autocast", {"command": command, "seed": 0, "encoder": "conv4", "steps": result})


if __name__ == "__main__":
    main()
