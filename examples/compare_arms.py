"""Does augmentation help? Arms are trained and evaluated on the same tasks, with paired intervals."""

import tempfile
from pathlib import Path

from manyshot import Config, EpisodeSampler, Settings, load_dataset
from manyshot.compare import Arm, compare, train_arms

ARMS = [Arm.parse("plain = none"), Arm.parse("deformed = support+query: affine(15, 1.3, 0.3) elastic(0.1)")]
CONFIG = Config(
    "glyphs",
    split="greek",
    encoder="conv4(16, 16, 16, 16)",
    ways=10,
    queries=2,
    validation=0.0,
    fit=Settings(steps=20, learning_rate=2e-3, meta_batch_size=2),
)

if __name__ == "__main__":  # the trainings run in processes of their own, which import this file
    with tempfile.TemporaryDirectory() as folder:
        runs, seconds = train_arms(ARMS, CONFIG, seeds=2, folder=Path(folder))
    sampler = EpisodeSampler(load_dataset("digits"), ways=10, shots=1, queries=10)
    for name, result in compare(runs, sampler, tasks=100).items():
        print(f"{name}: {result.mean:.1%}, {seconds[name]:.0f} CPU seconds of training")
        if result.against_first is not None:
            gap = result.against_first
            print(f"    {gap.difference:+.1%} [{gap.low:+.1%}, {gap.high:+.1%}] against {ARMS[0].name}")
