"""Comparisons with a name: what task-level augmentation is worth, on public data."""

from dataclasses import dataclass

from manyshot.training.arms import Arm
from manyshot.training.comparison import Comparison, Judging
from manyshot.training.config import Config
from manyshot.training.fit import Settings


@dataclass(frozen=True)
class ComparisonPreset:
    """Comparisons that are run one after the other and told on one page.

    Args:
        summary: what they are about, in a line.
        comparisons: with different names.
        needs: the data sets whose files they need.
    """

    summary: str
    comparisons: tuple[Comparison, ...]
    needs: tuple[str, ...]


_DEFORM = "affine(10, 1.2, 0.2, 0.1) elastic(0.06) stroke(0.7, p=0.5)"
_TURNED = "task: turn flip"

_FEW_TASKS = tuple(
    Comparison(
        f"{classes} classes",
        Config(
            "omniglot",
            split="background",
            encoder="conv4(32, 32, 64, 64)",
            classes=classes,
            split_by="group",
            test=0.3,
            validation=0.0,
            fit=Settings(steps=1000, tasks_per_step=2),
        ),
        (
            Arm("without", "none"),
            Arm("turned classes", _TURNED),
            Arm("turned and deformed", f"{_TURNED}; support+query: {_DEFORM}"),
        ),
        (Judging("5 ways", ways=5), Judging("20 ways", ways=20)),
    )
    for classes in (10, 20, 50, 100)
)

_TRANSFER = Comparison(
    "Omniglot to MNIST",
    Config(
        "omniglot",
        split="background",
        encoder="conv4(32, 32, 64, 64)",
        ways=20,
        queries=1,
        validation=0.0,
        fit=Settings(steps=1000, tasks_per_step=3, rate=2e-3),
    ),
    (
        Arm("without", "none"),
        Arm("mirrored and deformed", f"task: flip; support+query: {_DEFORM}"),
        Arm("turned and deformed", f"{_TURNED}; support+query: {_DEFORM}"),
    ),
    (
        Judging("1 shot", ways=10, shots=1, data="mnist", split="test"),
        Judging("5 shots", ways=10, shots=5, data="mnist", split="test"),
    ),
)

COMPARISONS: dict[str, ComparisonPreset] = {
    "few-tasks": ComparisonPreset(
        "Omniglot from 10, 20, 50 and 100 training classes, with and without turned classes", _FEW_TASKS, ("omniglot",)
    ),
    "transfer": ComparisonPreset(
        "Omniglot's letters to MNIST's digits, from 1 and 5 examples each", (_TRANSFER,), ("omniglot", "mnist")
    ),
}
"""The presets of `manyshot compare --preset`, by name."""
