"""The fields of an op's class, which are its options."""

from dataclasses import MISSING, Field, fields
from typing import Any


def options(kind: type) -> dict[str, Field[Any]]:
    """The fields of an op class that can be set, by name, in order."""
    return {field.name: field for field in fields(kind) if field.init}


def is_required(option: Field[Any]) -> bool:
    """Whether the option has no default."""
    return option.default is MISSING and option.default_factory is MISSING
