"""Tables that lead from a question or a paper to a file name files that exist and define what they name."""

import ast
import re
from pathlib import Path

import pytest

from manyshot.learners import LEARNERS
from manyshot.objectives import OBJECTIVES

DOCS = Path(__file__).resolve().parents[2] / "docs"
ROW = re.compile(r"^\|[^|]*\| \[(?P<shown>[^]]+)\]\((?P<path>[^)]+)\) \| `(?P<name>\w+)` \|", re.MULTILINE)
PAGES = ("where_is_what.md", "papers.md")


def rows(page: str) -> list[tuple[str, str, str]]:
    return ROW.findall((DOCS / page).read_text(encoding="utf-8"))


def defined_names(path: Path) -> set[str]:
    """The classes, functions, methods and variables that a file defines."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names.update(target.id for target in targets if isinstance(target, ast.Name))
    return names


@pytest.mark.parametrize(("page", "shown", "path", "name"), [(page, *row) for page in PAGES for row in rows(page)])
def test_the_file_exists_and_defines_the_name(page, shown, path, name):
    file = DOCS / path
    assert file.is_file(), f"{page}: no file {path}"
    assert path == f"../src/manyshot/{shown}".replace("\\", "")
    assert name in defined_names(file), f"{page}: {path} does not define {name}"


@pytest.mark.parametrize("page", PAGES)
def test_every_row_of_a_table_names_a_file(page):
    text = (DOCS / page).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
    headings = [line for line in lines if "| file |" in line]
    assert len(rows(page)) == len(lines) - len(headings) > 30


def test_every_learner_and_objective_of_a_paper_is_on_the_page_of_papers():
    names = {name for _, _, name in rows("papers.md")}
    classes = {cls.__name__ for table in (LEARNERS, OBJECTIVES) for cls in table.values()}
    assert classes - names == {"Plain"}
