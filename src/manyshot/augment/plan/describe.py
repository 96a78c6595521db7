"""Descriptions of ops, read from their classes: what they do, their options, and at which placements they can act."""

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from manyshot.augment.audio import AudioOp
from manyshot.augment.augmenter import LEARNED
from manyshot.augment.plan.fields import is_required, options
from manyshot.augment.plan.placements import PLACEMENTS
from manyshot.augment.registry import NAMED
from manyshot.augment.task import TaskOp
from manyshot.augment.text.text_op import TextOp
from manyshot.base.call_syntax import number

EXAMPLE_OPS = "affine noise"
"""The ops in the example of an op that takes ops."""
EXAMPLE_OF_A_CLASS = "turn"
"""The op in the example of a task op, which takes one."""


@dataclass(frozen=True)
class OptionHelp:
    """One option of an op.

    Args:
        name: Name of the option in a plan.
        default: Default value; None for a required option.
        help: What the option means.
    """

    name: str
    default: Any
    help: str

    @property
    def written(self) -> str:
        """The default as a plan writes it."""
        if self.default is None:
            return "must be given"
        if isinstance(self.default, bool):
            return "yes" if self.default else "no"
        if isinstance(self.default, (int, float)):
            return number(self.default)
        return str(self.default) or '""'


@dataclass(frozen=True)
class OpHelp:
    """The description of one op; `dataclasses.asdict` gives JSON.

    Args:
        name: Name of the op in a plan.
        summary: One line on what it does.
        details: The rest of its docstring, such as the formula; may be empty.
        options: Its options, in the order in which values by position fill them.
        placements: Names of the placements at which it can act.
        example: The op as written in a plan.
    """

    name: str
    summary: str
    details: str
    options: tuple[OptionHelp, ...]
    placements: tuple[str, ...]
    example: str


LEARNED_HELP = OpHelp(
    name=LEARNED,
    summary="Shots that a learned augmenter generates from the whole support set.",
    details="The augmenter is trained on other tasks (`manyshot train --stage augmenter`) and named by "
    "`--augmenter RUN`, in Python by `plan.with_augmenter(...)`. The word stands alone in its clause; `weight` "
    "multiplies the weights that the augmenter gives.",
    options=(),
    placements=("shots",),
    example=f"8 x {LEARNED}",
)
"""The description of the word `learned`, which is not an op."""


def describe_ops(table: Mapping[str, Any] = NAMED) -> tuple[OpHelp, ...]:
    """Describe every op of a table, in the table's order.

    Example:
        >>> flip = next(op for op in describe_ops() if op.name == "flip")
        >>> [(option.name, option.default) for option in flip.options]
        [('p', 0.5)]
    """
    return tuple(_describe(name, kind) for name, kind in table.items())


def _describe(name: str, kind: type) -> OpHelp:
    # A docstring is a summary, details and sections, with empty lines between; a section begins with its name.
    text, *sections = re.split(r"\n+(?=(?:Args|Raises|Returns|Example|Examples):\n)", inspect.getdoc(kind) or "")
    summary, _, details = text.partition("\n\n")
    arguments = next((section for section in sections if section.startswith("Args:")), "")
    meaning = {
        found["name"]: " ".join(found["help"].split())
        for found in re.finditer(r"^    (?P<name>\w+): (?P<help>.*(?:\n     .*)*)", arguments, re.MULTILINE)
    }
    given = EXAMPLE_OF_A_CLASS if issubclass(kind, TaskOp) else EXAMPLE_OPS
    if issubclass(kind, (TextOp, AudioOp)):
        given = ", ".join(f'"{option}"' for option, field in options(kind).items() if is_required(field))
    return OpHelp(
        name=name,
        summary=" ".join(summary.split()),
        details=details.strip(),
        options=tuple(
            OptionHelp(option, None if is_required(field) else field.default, meaning.get(option, ""))
            for option, field in options(kind).items()
        ),
        placements=tuple(name for name, placement in PLACEMENTS.items() if placement.accepts(kind)),
        example=f"{name}({given})" if any(map(is_required, options(kind).values())) else name,
    )
