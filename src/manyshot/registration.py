"""Registration of methods from outside the package, under names for plans, settings and the command line."""

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any, TypeVar, overload

from manyshot.base import InputError, did_you_mean
from manyshot.base.entry_point_catalog import Catalog

F = TypeVar("F")

REGISTRIES = {
    "op": "manyshot.augment.registry:NAMED",
    "learner": "manyshot.learners.registry:LEARNERS",
    "encoder": "manyshot.nets.registry:ENCODERS",
    "dataset": "manyshot.datasets.registry:DATASETS",
    "augmenter": "manyshot.meta_augment.registry:AUGMENTERS",
    "objective": "manyshot.objectives.registry:OBJECTIVES",
    "model": "manyshot.generate.registry:MODELS",
    "head": "manyshot.classify.heads.registry:HEADS",
    "segmenter": "manyshot.segment.registry:SEGMENTERS",
    "world": "manyshot.rl.worlds.registry:WORLDS",
    "rl_learner": "manyshot.rl.adapt.registry:RL_LEARNERS",
}
"""Where methods of each kind are named. A package adds to them without being imported by entry points in the group
"manyshot." and the plural of the kind, such as "manyshot.learners"."""


@overload
def register(kind: str, name: str, factory: F, *, aliases: Iterable[str] = ()) -> F: ...


@overload
def register(kind: str, name: str, *, aliases: Iterable[str] = ()) -> Callable[[F], F]: ...


def register(kind: str, name: str, factory: Any = None, *, aliases: Iterable[str] = ()) -> Any:
    """Name a method, so that texts can use it: an op in plans, a learner in `Config` and on the command line.

    The parameters of the factory become the options in text; see `manyshot.base.registry.Registry`.

    Args:
        kind: "op", "learner", "encoder", "dataset", "augmenter", "objective", "model", "head", "segmenter", "world" or
            "rl_learner".
        name: Its name in text; hyphens and underscores are the same.
        factory: The class or function that builds it, for a data set a `manyshot.datasets.DataSet`. Without it, the
            result is a decorator.
        aliases: Further names.

    Returns:
        The factory.

    Raises:
        InputError: If the kind is unknown, the name is taken, or the factory is not of this kind.

    Example:
        >>> from dataclasses import dataclass
        >>> import manyshot
        >>> @manyshot.register("op", "darken")
        ... @dataclass(frozen=True)
        ... class Darken(manyshot.ops.Brightness):
        ...     pass
        >>> manyshot.Plan("support: darken(0.5)").item_op().ops
        (Darken(strength=0.5),)
        >>> del manyshot.augment.NAMED["darken"]
    """
    if kind not in REGISTRIES:
        raise InputError(f"unknown kind '{kind}'; {did_you_mean(kind, REGISTRIES)}")
    module, _, attribute = REGISTRIES[kind].partition(":")
    registry: Catalog[Any] = getattr(import_module(module), attribute)
    if factory is None:
        return lambda given: registry.register(name, given, aliases=aliases)
    return registry.register(name, factory, aliases=aliases)
