"""The folder of a run: its kind, its settings, and whether a training may write to it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from manyshot.base import InputError, read_json, write_json
from manyshot.base.atomic_files import leftovers
from manyshot.base.lock import LOCK
from manyshot.runtime.upgrade import FORMAT, upgrade

CONFIG = "config.json"
"""The file that marks a folder as a run's and holds the settings of its training."""


def kind_of_run(folder: Path | str) -> str | None:
    """What kind of run a folder holds, as its settings say; None for a learner's run and where there is none.

    Raises:
        InputError: If the settings cannot be read.

    Example:
        >>> kind_of_run("/nowhere") is None
        True
    """
    path = Path(folder) / CONFIG
    values = read_json(path) if path.exists() else None
    kind = values.get("kind") if isinstance(values, dict) else None
    return kind if isinstance(kind, str) else None


def write_config(folder: Path, config: dict[str, Any], kind: str | None = None, **facts: Any) -> None:  # noqa: ANN401
    """Write a run's `config.json`.

    Args:
        folder: Folder of the run.
        config: Settings of its training.
        kind: Kind of the run; None for a learner's.
        **facts: What else the run is loaded by, such as the shape of its items; for JSON.
    """
    head = {"format": FORMAT} if kind is None else {"format": FORMAT, "kind": kind}
    write_json(folder / CONFIG, head | {"config": config} | facts)


def read_config(folder: Path) -> dict[str, Any]:
    """The content of a run's `config.json`, as this version writes it.

    Raises:
        InputError: If the file cannot be read, or a later version wrote it.
    """
    path = folder / CONFIG
    values = read_json(path)
    if not isinstance(values, dict):
        raise InputError(f"{path}: not a run's settings; restore the file")
    return upgrade(values, str(path))


def check_run_folder(
    folder: Path, read_settings: Callable[[Path], dict[str, Any]], settings: dict[str, Any], resume: bool = False
) -> None:
    """Make sure that a training may write to a folder.

    Args:
        folder: Folder that the run is written to.
        read_settings: Function that reads the settings of the run that is there already.
        settings: Settings of the training by name, those of its loop as `fit`.
        resume: Whether to continue the run that is there.

    Raises:
        InputError: If the folder holds something else, or a run that is not to be resumed or has other settings.

    Example:
        >>> from manyshot.training import Config
        >>> check_run_folder(Path("/nowhere"), lambda folder: {}, Config("digits").as_dict())
    """
    if not (folder / CONFIG).exists():
        if not is_free(folder, CONFIG):
            raise InputError(f"{folder} is not empty and holds no run; choose another --out")
        return
    if not resume:
        raise InputError(f"{folder} holds a run already; go on with it by --resume, or choose another --out")
    had = _written(read_settings(folder))
    for name, value in _written(settings).items():
        if value != had[name]:
            raise InputError(
                f"{name}={value}, but the run in {folder} has {had[name]}; resume with the run's own settings"
            )


def is_free(folder: Path, first: str) -> bool:
    """Whether a run may begin in a folder: it does not exist, or is empty but for what a killed process left.

    Args:
        folder: Folder to look at.
        first: Name of the file that is written first, of which a killed process may have left a part.

    Example:
        >>> is_free(Path("/nowhere"), CONFIG)
        True
    """
    if not folder.exists():
        return True
    ours = {LOCK, ".DS_Store", *(path.name for path in leftovers(folder / first))}
    return folder.is_dir() and all(file.name in ours for file in folder.iterdir())


def _written(settings: dict[str, Any]) -> dict[str, str]:
    """Each setting as a person would write it."""
    flat = {name: value for name, value in settings.items() if name != "fit"} | settings["fit"]
    return {name: "-".join(map(str, value)) if isinstance(value, tuple) else str(value) for name, value in flat.items()}
