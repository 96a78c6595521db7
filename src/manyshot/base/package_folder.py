"""Where the files of an installed package lie, without importing it."""

from importlib.util import find_spec
from pathlib import Path


def package_folder(name: str) -> Path:
    """Folder of an installed package, which is not imported.

    Args:
        name: Name of a package that is a folder, not below another one.

    Raises:
        ModuleNotFoundError: If it is not installed.

    Example:
        >>> (package_folder("manyshot") / "base").is_dir()
        True
    """
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"no package '{name}' is installed", name=name)
    return Path(next(iter(spec.submodule_search_locations)))
