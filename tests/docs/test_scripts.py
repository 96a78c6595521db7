"""Scripts that the tests do not run (experiments, benchmarks) call what the package has, with arguments that fit."""

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(path for folder in ("experiments", "benchmarks", "examples") for path in (ROOT / folder).rglob("*.py"))


def imports(tree: ast.AST) -> dict[str, Any]:
    """What a script takes from the package, by the name that it has there.

    Raises:
        AttributeError, ImportError: If the package has no such name.
    """
    found: dict[str, Any] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "manyshot":
                    module = importlib.import_module(alias.name)
                    found[alias.asname or "manyshot"] = module if alias.asname else importlib.import_module("manyshot")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "manyshot":
            module = importlib.import_module(str(node.module))
            for alias in node.names:
                if not hasattr(module, alias.name):
                    importlib.import_module(f"{node.module}.{alias.name}")
                found[alias.asname or alias.name] = getattr(module, alias.name)
    return found


def calls(tree: ast.AST, names: dict[str, Any]) -> Iterator[tuple[ast.Call, Any]]:
    """Each call of something that is imported from the package, or an attribute of it, and what is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            attributes: list[str] = []
            function = node.func
            while isinstance(function, ast.Attribute):
                attributes.insert(0, function.attr)
                function = function.value
            if isinstance(function, ast.Name) and function.id in names:
                called = names[function.id]
                for attribute in attributes:
                    called = getattr(called, attribute)
                yield node, called


def faults(text: str) -> list[str]:
    """The calls in a script whose arguments do not fit, with their lines."""
    tree = ast.parse(text)
    found = []
    for node, called in calls(tree, imports(tree)):
        starred = any(isinstance(one, ast.Starred) for one in node.args) or any(
            one.arg is None for one in node.keywords
        )
        try:
            signature = inspect.signature(called)
        except (TypeError, ValueError):  # builtins without one
            continue
        given = {one.arg: None for one in node.keywords if one.arg is not None}
        try:
            (signature.bind_partial if starred else signature.bind)(
                *(None for one in node.args if not isinstance(one, ast.Starred)), **given
            )
        except TypeError as error:
            found.append(f"line {node.lineno}: {ast.unparse(node.func)}: {error}")
    return found


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_script_calls_the_package_rightly(script):
    assert not faults(script.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("ms.load_dataset()", "missing a required argument"),
        ("ms.Plan('none', 1, 2, 3, 4)", "too many positional"),
        ("ms.load_dataset('digits', folder_of='x')", "unexpected keyword"),
    ],
)
def test_check_finds_calls_that_do_not_fit(call, message):
    (found,) = faults(f"import manyshot as ms\n{call}\n")
    assert message in found


def test_check_finds_names_that_are_gone():
    with pytest.raises(ImportError):
        faults("from manyshot.training import no_such_name\n")
