"""Manyshot: data augmentation for few-shot and meta-learning.

The public names, flat: `import manyshot as ms`. Each is imported from its package when it is first used, so that
`import manyshot` does not wait for torch. `ms.ops` holds the augmentation operations.

Example:
    >>> import manyshot as ms
    >>> sampler = ms.EpisodeSampler(ms.load_dataset("digits"), ways=5, shots=1, queries=4)
    >>> plan = ms.Plan("support+query: affine(15)")
    >>> learner = ms.Prototypes(ms.Conv4(channels=1, size=28))
    >>> learner(plan(sampler.batch(0, 8))).shape
    torch.Size([8, 20, 5])
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from manyshot import ops
    from manyshot.augment import Plan
    from manyshot.base import InputError
    from manyshot.datasets import load_dataset
    from manyshot.estimators import AugmentResampler, FewShotClassifier
    from manyshot.learners import (
        ANIL,
        MAML,
        BaselinePlusPlus,
        DistributionalSignatures,
        Ensemble,
        FeatureLearner,
        FineTune,
        Fusion,
        GradientLearner,
        Learner,
        LinearProbe,
        Logistic,
        MAMLPlusPlus,
        Matching,
        MetaDropout,
        MetaSGD,
        Prototypes,
        Relation,
        Reptile,
        Ridge,
    )
    from manyshot.meta_augment.auto.auto_plan import auto_plan
    from manyshot.nets import Conv4, PretrainedEncoder, ResNet12, TextEncoder
    from manyshot.registration import register
    from manyshot.runs import load
    from manyshot.samples.export_pictures import export
    from manyshot.tasks import (
        Episode,
        EpisodeSampler,
        Examples,
        Parts,
        RegressionTasks,
        Sinusoids,
        Source,
        join_sources,
    )
    from manyshot.training import Config, Settings, evaluate, fit, train

__version__ = "0.2.0"

__all__ = [
    "ANIL",
    "MAML",
    "AugmentResampler",
    "BaselinePlusPlus",
    "Config",
    "Conv4",
    "DistributionalSignatures",
    "Ensemble",
    "Episode",
    "EpisodeSampler",
    "Examples",
    "FeatureLearner",
    "FewShotClassifier",
    "FineTune",
    "Fusion",
    "GradientLearner",
    "InputError",
    "Learner",
    "LinearProbe",
    "Logistic",
    "MAMLPlusPlus",
    "Matching",
    "MetaDropout",
    "MetaSGD",
    "Parts",
    "Plan",
    "PretrainedEncoder",
    "Prototypes",
    "RegressionTasks",
    "Relation",
    "Reptile",
    "ResNet12",
    "Ridge",
    "Settings",
    "Sinusoids",
    "Source",
    "TextEncoder",
    "auto_plan",
    "evaluate",
    "export",
    "fit",
    "join_sources",
    "load",
    "load_dataset",
    "ops",
    "register",
    "train",
]

_PACKAGES = {
    "Plan": "augment",
    "auto_plan": "meta_augment.auto.auto_plan",
    "InputError": "base",
    "load_dataset": "datasets",
    "load": "runs",
    "register": "registration",
    "export": "samples.export_pictures",
    **dict.fromkeys(("AugmentResampler", "FewShotClassifier"), "estimators"),
    **dict.fromkeys(("Conv4", "PretrainedEncoder", "ResNet12", "TextEncoder"), "nets"),
    **dict.fromkeys(("Config", "Settings", "evaluate", "fit", "train"), "training"),
    **dict.fromkeys(
        ("Episode", "EpisodeSampler", "Examples", "Parts", "RegressionTasks", "Sinusoids", "Source", "join_sources"),
        "tasks",
    ),
}
"""The package of each public name; the names that are not listed are learners."""

if not TYPE_CHECKING:  # a type checker would accept any name if it saw `__getattr__`

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module 'manyshot' has no attribute '{name}'")
        if name == "ops":
            return import_module("manyshot.ops")
        value = getattr(import_module(f"manyshot.{_PACKAGES.get(name, 'learners')}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
