"""Groups of options: a parameter of a command that is a dataclass, or keyword arguments of one, becomes its fields.

The dataclasses of settings import torch, for which `--help` must not wait. So `FieldArguments` reads their fields,
types, defaults and documentation from the source text, where they are stated once for Python and the command line.
"""

import ast
import functools
import inspect
import re
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

import manyshot
from manyshot.cli.ranges import number_or_range

PACKAGE = Path(manyshot.__file__).parent
TYPES = {"str": str, "int": int, "float": float, "bool": bool, "Range": str}
"""Types of options by the annotation of a field; a range is written as text, such as 5-20."""

Keywords = dict[str, Any]
"""Keyword arguments of a dataclass."""


@dataclass(frozen=True)
class FieldArguments:
    """The options for fields of a dataclass of settings.

    Args:
        module: Path of its module below the package, such as "training/run_config.py".
        name: Name of the dataclass.
        only: The fields that become options; all if empty.
        without: Fields that become none.
        defaults: Defaults of the command that differ from those of the dataclass.
        info: What typer is to know beside the default and help; its own help is used if it has one.
        prefix: What begins the help of each option.

    Example:
        >>> options = FieldArguments("training/run_config.py", "Config", only=("ways", "shots"))
        >>> [(option.name, option.default) for option in options.parameters()]
        [('ways', '5'), ('shots', '1')]
        >>> options.collect({"ways": "5-20", "shots": "1"})
        {'ways': (5, 20), 'shots': 1}
    """

    module: str
    name: str
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)
    prefix: str = ""

    def parameters(self) -> list[inspect.Parameter]:
        """The options, in the order of the documentation."""
        annotated, documented = _read_dataclass(self.module, self.name)
        return [
            self._parameter(name, *annotated[name], help_)
            for name, help_ in documented.items()
            if name not in self.without and name in (self.only or annotated)
        ]

    def _parameter(self, name: str, annotation: str, default: str | None, help_: str) -> inspect.Parameter:
        type_, *optional = annotation.split(" | ")
        value = inspect.Parameter.empty if default is None else ast.literal_eval(default)
        if type_ == "Range":
            value = "-".join(map(str, value)) if isinstance(value, tuple) else str(value)
        value = self.defaults.get(name, value)
        flag = typer.Option(f"--{name.replace('_', '-')}") if type_ == "bool" else typer.Option()
        info = copy(self.info.get(name, flag))
        info.help = self.prefix + (info.help or help_.replace("if None", "if not given"))
        optional_type = TYPES[type_] | None if optional or value is None else TYPES[type_]
        return _keyword(name, value, Annotated[optional_type, info])

    def collect(self, values: Mapping[str, Any]) -> Keywords:
        """The keyword arguments that values of the options stand for; ranges are read.

        Raises:
            InputError: If a range cannot be read.
        """
        annotated, _ = _read_dataclass(self.module, self.name)
        return {
            name: number_or_range(value, f"--{name}") if annotated[name][0] == "Range" else value
            for name, value in values.items()
        }


def expand_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of its groups.

    A group is a parameter that is annotated with a dataclass, whose fields are annotated for typer, or as
    `Annotated[Keywords, FieldArguments(...)]`. The command gets an instance, or keyword arguments.

    Example:
        >>> @dataclass
        ... class Size:
        ...     width: int = 3
        ...     height: int = 4
        >>> @expand_options
        ... def area(size: Size, doubled: bool = False) -> None:
        ...     print(size.width * size.height * (2 if doubled else 1))
        >>> list(inspect.signature(area).parameters)
        ['width', 'height', 'doubled']
        >>> area(width=5, height=2, doubled=True)
        20
    """
    signature = inspect.signature(command, eval_str=True)
    parameters: list[inspect.Parameter] = []
    groups: dict[str, tuple[list[str], Callable[[Keywords], Any]]] = {}
    for parameter in signature.parameters.values():
        options, collect = _group(parameter.annotation)
        if collect is not None:
            groups[parameter.name] = ([option.name for option in options], collect)
            parameters += options
        else:
            parameters.append(_keyword(parameter.name, parameter.default, parameter.annotation))

    @functools.wraps(command)
    def run(**values: Any) -> None:  # noqa: ANN401 - options of any type
        for name, (options, collect) in groups.items():
            values[name] = collect({option: values.pop(option) for option in options})
        command(**values)

    run.__dict__["__signature__"] = signature.replace(parameters=parameters)
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters} | {"return": None}
    return run


def _group(annotation: Any) -> tuple[list[inspect.Parameter], Callable[[Keywords], Any] | None]:  # noqa: ANN401
    """The options of a group, and what makes the command's argument of their values; None for a plain option."""
    if is_dataclass(annotation) and isinstance(annotation, type):
        empty = inspect.Parameter.empty
        hints = inspect.get_annotations(annotation, eval_str=True)
        options = [
            _keyword(one.name, one.default if one.default is not MISSING else empty, hints[one.name])
            for one in fields(annotation)
        ]
        return options, lambda values: annotation(**values)
    for group in get_args(annotation)[1:]:
        if isinstance(group, FieldArguments):
            return group.parameters(), group.collect
    return [], None


def _keyword(name: str, default: Any, annotation: Any) -> inspect.Parameter:  # noqa: ANN401 - of any type
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


@functools.cache
def _read_dataclass(module: str, name: str) -> tuple[dict[str, tuple[str, str | None]], dict[str, str]]:
    """Annotation and default of each field of a dataclass, as written, and the documentation of its arguments.

    Those of base classes, which are imported by name, are among them; what the class says itself comes first.
    """
    tree = ast.parse((PACKAGE / module).read_text(encoding="utf-8"))
    definition = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    imported = {alias.name: node.module or "" for node in imports for alias in node.names}
    annotated: dict[str, tuple[str, str | None]] = {}
    inherited: dict[str, str] = {}
    for base in map(ast.unparse, definition.bases):
        if imported.get(base, "").startswith(f"{manyshot.__name__}."):
            of_base = _read_dataclass(imported[base].partition(".")[2].replace(".", "/") + ".py", base)
            annotated, inherited = annotated | of_base[0], inherited | of_base[1]
    annotated |= {
        node.target.id: (ast.unparse(node.annotation), ast.unparse(node.value) if node.value else None)
        for node in definition.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and "ClassVar" not in ast.unparse(node)
    }
    docstring = ast.get_docstring(definition) or ""
    arguments = re.search(r"^Args:\n(?P<lines>(?:    .*\n?)+)", docstring, re.MULTILINE)
    entries = re.finditer(
        r"^    (?P<name>\w+): (?P<help>.*(?:\n     .*)*)", arguments["lines"] if arguments else "", re.MULTILINE
    )
    documented = {entry["name"]: _sentence(" ".join(entry["help"].split())) for entry in entries}
    return annotated, documented | {name: text for name, text in inherited.items() if name not in documented}


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
