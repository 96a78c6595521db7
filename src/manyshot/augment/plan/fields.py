"""The options of an op, which are the fields of its class."""

from dataclasses import MISSING, Field, fields
from typing import Any


def options(kind: type) -> dict[str, Field[Any]]:
    """The fields of an op class that can be set, by name, in order."""
    return {field.name: field for field in fields(kind) if field.init}


def is_required(option: Field[Any]) -> bool:
    """Whether the option has no default."""
    return option.default is MISSING and option.default_factory is MISSING
