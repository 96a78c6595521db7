"""The training of an encoder of Omniglot's letters that leaves alphabets for augmenters, choosing and evaluating."""

from manyshot.training import Config, Settings

LETTERS = Config(
    "omniglot",
    split="background",
    size=28,
    ways=20,
    shots=1,
    queries=3,
    within_group=0.5,
    plan="handwriting",
    validation=0.1,
    test=0.17,
    augmenter=0.23,
    split_by="group",
    fit=Settings(steps=1500, meta_batch_size=2, learning_rate=1.5e-3, eval_every=500, validation_tasks=100),
)
