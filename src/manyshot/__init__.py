"""Manyshot: data augmentation for few-shot and meta-learning.

The names below are what most programs need. Each is fetched from its room when it is first asked for, so that
`import manyshot` and the command line's help do not wait for torch.

Example:
    >>> import manyshot
    >>> digits = manyshot.load_data("digits")
    >>> manyshot.EpisodeSampler(digits, ways=5, shots=1, queries=4).batch(0, 8).query.items.shape
    torch.Size([8, 20, 1, 28, 28])
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from manyshot import ops
    from manyshot.augment import Plan
    from manyshot.base import InputError
    from manyshot.datasets import load as load_data
    from manyshot.learners import MAML, Prototypes
    from manyshot.meta_augment.train import load_augmenter_run as load
    from manyshot.nets import Conv4
    from manyshot.samples.export_pictures import export
    from manyshot.tasks import Episode, EpisodeSampler, Examples, Source
    from manyshot.training import Config, Settings, evaluate, load_run, train

__version__ = "0.1.0"

__all__ = [
    "MAML",
    "Config",
    "Conv4",
    "Episode",
    "EpisodeSampler",
    "Examples",
    "InputError",
    "Plan",
    "Prototypes",
    "Settings",
    "Source",
    "evaluate",
    "export",
    "load",
    "load_data",
    "load_run",
    "ops",
    "train",
]

_ROOMS = {
    "manyshot.augment": ("Plan",),
    "manyshot.base": ("InputError",),
    "manyshot.datasets": ("load_data",),
    "manyshot.learners": ("MAML", "Prototypes"),
    "manyshot.nets": ("Conv4",),
    "manyshot.samples.export_pictures": ("export",),
    "manyshot.tasks": ("Episode", "EpisodeSampler", "Examples", "Source"),
    "manyshot.training": ("Config", "Settings", "evaluate", "load_run", "train"),
    "manyshot.meta_augment.train": ("load",),
}
# What a name is called in its room, where that is not clear on its own.
_THERE = {"load_data": "load", "load": "load_augmenter_run"}

if not TYPE_CHECKING:  # or every misspelt name would pass the type checker

    def __getattr__(name: str) -> object:
        if name == "ops":
            return import_module("manyshot.ops")
        for room, names in _ROOMS.items():
            if name in names:
                found = getattr(import_module(room), _THERE.get(name, name))
                globals()[name] = found
                return found
        raise AttributeError(f"module 'manyshot' has no attribute '{name}'")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
