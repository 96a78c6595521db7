"""Presets: comparisons that measure task-level augmentation on public data."""

from dataclasses import dataclass

from manyshot.compare.arm import Arm
from manyshot.compare.comparison import Comparison, EvaluationSuite
from manyshot.training.fit_settings import Settings
from manyshot.training.run_config import Config


@dataclass(frozen=True)
class ComparisonPreset:
    """Comparisons that are run one after the other and reported on one page.

    Args:
        summary: Summary in one line.
        comparisons: Comparisons with different names.
    """

    summary: str
    comparisons: tuple[Comparison, ...]


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
            fit=Settings(steps=800, meta_batch_size=2),
        ),
        (
            Arm("without", "none"),
            Arm("turned classes", _TURNED),
            Arm("mlti", "none", settings=(("objective", "mlti"),)),
            Arm("turned classes, mlti", _TURNED, settings=(("objective", "mlti"),)),
        ),
        (EvaluationSuite("5 ways", ways=5), EvaluationSuite("20 ways", ways=20)),
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
        fit=Settings(steps=1000, meta_batch_size=3, learning_rate=2e-3),
    ),
    (
        Arm("without", "none"),
        Arm("mirrored and deformed", f"task: flip; support+query: {_DEFORM}"),
        Arm("turned and deformed", f"{_TURNED}; support+query: {_DEFORM}"),
    ),
    (
        EvaluationSuite("1 shot", ways=10, shots=1, data="mnist", split="test"),
        EvaluationSuite("5 shots", ways=10, shots=5, data="mnist", split="test"),
    ),
)

_POOL = "task: turn(p=0.67); query: oneof(erase self_mix, p=0.3) cutmix(2, p=0.5)"

_CIFAR_FS = Comparison(
    "CIFAR-FS",
    Config(
        "cifar-fs",
        split="train",
        encoder="conv4(32, 32, 64, 64)",
        ways=5,
        shots=(1, 5),
        validation=0.0,
        fit=Settings(steps=1000, meta_batch_size=2),
    ),
    (
        Arm("without", "none"),
        Arm("items: natural", "natural"),
        Arm("task: turned classes", "task: turn(p=0.67)"),
        Arm("task: composites", "task: composites(count=2)"),
        Arm("support: erase", "support: erase(p=0.5)"),
        Arm("support: self-mix", "support: self_mix(p=0.5)"),
        Arm("query: cutmix", "query: cutmix(2)"),
        Arm("query: erase", "query: erase(p=0.5)"),
        Arm("shots: flips", "shot-flip"),
        Arm("shots: flips, at use too", "shot-flip", "shot-flip"),
        Arm("metamix", "none", settings=(("objective", "metamix"),)),
        Arm("channel shuffle", "none", settings=(("objective", "channel_shuffle"),)),
        Arm("mlti", "none", settings=(("objective", "mlti"),)),
        Arm("adversarial", "none", settings=(("objective", "adversarial"),)),
        Arm("maxup of a pool", _POOL, settings=(("objective", "maxup(2)"),)),
        Arm("natural, turned, cutmix", "query-cutmix-turned"),
        Arm("turned, erase", "task: turn(p=0.67); query: erase(p=0.5)"),
    ),
    (
        EvaluationSuite("1 shot", ways=5, shots=1, data="cifar-fs", split="validation"),
        EvaluationSuite("5 shots", ways=5, shots=5, data="cifar-fs", split="validation"),
    ),
)

COMPARISONS: dict[str, ComparisonPreset] = {
    "cifar-fs-tasks": ComparisonPreset(
        "CIFAR-FS, 5 ways: each method of augmenting whole tasks alone, and several together", (_CIFAR_FS,)
    ),
    "few-tasks": ComparisonPreset(
        "Omniglot from 10, 20, 50 and 100 training classes, with and without new ones made of them",
        _FEW_TASKS,
    ),
    "transfer": ComparisonPreset("Omniglot's letters to MNIST's digits, from 1 and 5 examples each", (_TRANSFER,)),
}
"""The presets of `manyshot compare --preset`, by name."""
