"""Weights that were stored under an older name of a submodule, parameter or buffer."""

from collections.abc import Mapping
from typing import Any

from torch import nn


def accept_old_names(module: nn.Module, renamed: Mapping[str, str]) -> None:
    """Let `load_state_dict` of a module also read weights that were stored under older names.

    Args:
        module: Module whose submodules, parameters or buffers have been renamed; changed in place.
        renamed: New name of each by its old one.

    Example:
        >>> old, new = nn.ModuleDict({"first": nn.Linear(2, 1)}), nn.ModuleDict({"second": nn.Linear(2, 1)})
        >>> accept_old_names(new, {"first": "second"})
        >>> new.load_state_dict(old.state_dict())
        <All keys matched successfully>
    """

    def rename(_: nn.Module, state_dict: dict[str, Any], prefix: str, *rest: object) -> None:
        for old, new in renamed.items():
            for name in [name for name in state_dict if f"{name}.".startswith(f"{prefix}{old}.")]:
                state_dict[f"{prefix}{new}{name.removeprefix(prefix + old)}"] = state_dict.pop(name)

    module.register_load_state_dict_pre_hook(rename)  # type: ignore[no-untyped-call]
