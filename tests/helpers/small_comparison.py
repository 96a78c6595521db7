"""A comparison of two arms that trains for seconds."""

from dataclasses import replace

from manyshot.compare import Arm, Comparison, EvaluationSuite
from manyshot.training import Config, Settings

CONFIG = Config(
    "digits",
    encoder="conv4(4, 4, 4, 4)",
    ways=2,
    queries=2,
    validation=0.0,
    test=0.3,
    fit=Settings(steps=2, meta_batch_size=1),
)
ARMS = (Arm("without", "none"), Arm("turned", "task: turn"))


def small_comparison(classes: int, name: str) -> Comparison:
    suites = (EvaluationSuite("all", 2, queries=3, tasks=4),)
    return Comparison(name, replace(CONFIG, classes=classes), ARMS, suites, 1)
