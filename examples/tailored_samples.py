"""Learn augmentation on printed letters, then generate samples tailored to five digits from one example of each."""

import tempfile
from pathlib import Path

from manyshot import Config, EpisodeSampler, Plan, Settings, evaluate, load, load_dataset, train
from manyshot.meta_augment.augmenter_config import AugmenterConfig
from manyshot.meta_augment.train_augmenter import train_augmenter

LETTERS = Config(
    "glyphs",
    split="greek",
    encoder="conv4(8, 8, 16, 16)",
    ways=5,
    validation=0.0,
    augmenter=0.25,  # letters that the learner does not see, for the augmenter to learn from
    fit=Settings(steps=20, meta_batch_size=2, learning_rate=2e-3),
)

with tempfile.TemporaryDirectory() as name:
    learner, augmenter = f"{name}/learner", f"{name}/augmenter"
    train(LETTERS, Path(learner))
    few_steps = Settings(steps=10, meta_batch_size=2, learning_rate=2e-3)
    train_augmenter(AugmenterConfig(learner, "deformation", shots=1, queries=2, fit=few_steps), Path(augmenter))

    run, digits = load(augmenter), load_dataset("digits")
    images, labels = digits.gather(digits.starts[:5]), digits.class_names[:5]
    more = run.augment(images, labels, per_class=20, seed=0)
    print(len(more), "samples of shape", tuple(more.items.shape[1:]), "of the classes", sorted(set(more.labels)))

    sampler = EpisodeSampler(digits, ways=5, shots=1, queries=10)
    plan = Plan("shots: 4 x learned").with_augmenter(run.augmenter)
    for label, test_plan in (("without generated shots", None), ("with them", plan)):
        print(f"{label}: {evaluate(run.learner, sampler.batches(50), test_plan).mean:.1%}")
