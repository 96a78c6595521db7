"""Meta-train on printed Greek letters, evaluate on real handwritten digits, save the run and load it."""

import tempfile
from pathlib import Path

from manyshot import Config, EpisodeSampler, Plan, Settings, evaluate, load, load_dataset, train

config = Config(
    "glyphs",
    split="greek",
    learner="prototypes",  # or "maml(steps=5)"
    encoder="conv4(16, 16, 32, 32)",
    ways=10,
    queries=2,
    plan="task: turn flip; support+query: affine(15, 1.3, 0.3) elastic(0.1) stroke(1, p=0.5)",
    fit=Settings(steps=40, learning_rate=2e-3, meta_batch_size=2, validation_tasks=20),
)

with tempfile.TemporaryDirectory() as folder:
    train(config, Path(folder) / "run")  # weights, metrics.jsonl and TensorBoard's files; resume=True goes on
    run = load(Path(folder) / "run")

sampler = EpisodeSampler(load_dataset("digits"), ways=10, shots=1, queries=10)
result = evaluate(run.learner, sampler.batches(100))
low, high = result.interval
print(f"1 shot: {result.mean:.1%} [{low:.1%}, {high:.1%}], calibration error {result.calibration_error:.1%}")

# At test time: eight deformed variants of each support example, four of each query; the nearest variant decides.
matched = run.with_learner("prototypes(nearest)")
variants = Plan("shots: 8 x affine elastic; query: 4 x affine elastic")
result = evaluate(matched.learner, sampler.batches(20), variants)
low, high = result.interval
print(f"1 shot, the nearest of deformed variants: {result.mean:.1%} [{low:.1%}, {high:.1%}]")
