"""The folder of a run: free, or that of the same training, which is to go on."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyshot.base import InputError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

CONFIG = "config.json"
"""The file that tells a run's folder from others, with the settings of its training."""


def claim(
    folder: Path, before: "Callable[[Path], DataclassInstance]", now: "DataclassInstance", resume: bool = False
) -> None:
    """Make sure that a training may write to a folder.

    Args:
        folder: where its run is to lie.
        before: reads the settings of the run that lies there, if one does.
        now: the settings of the training, with those of its steps as `fit`.
        resume: whether the run there is to go on.

    Raises:
        InputError: if the folder holds something else; if it holds a run, which is not to go on, or had other settings.

    Example:
        >>> from manyshot.training import Config
        >>> claim(Path("/nowhere"), lambda folder: Config("digits"), Config("digits"))
    """
    if not (folder / CONFIG).exists():
        if folder.exists() and (not folder.is_dir() or any(not file.name.startswith(".") for file in folder.iterdir())):
            raise InputError(f"{folder} is not empty and holds no run; choose another --out")
        return
    if not resume:
        raise InputError(f"{folder} holds a run already; go on with it by --resume, or choose another --out")
    had = _settings(before(folder))
    for name, value in _settings(now).items():
        if value != had[name]:
            raise InputError(
                f"{name}={value}, but the run in {folder} has {had[name]}; resume with the run's own settings"
            )


def _settings(config: "DataclassInstance") -> dict[str, str]:
    """Each setting as a person would write it."""
    values: dict[str, Any] = asdict(config)
    values |= values.pop("fit")
    return {
        name: "-".join(map(str, value)) if isinstance(value, tuple) else str(value) for name, value in values.items()
    }
