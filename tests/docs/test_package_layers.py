"""The table of packages in CONTRIBUTING lists the layers that import-linter checks."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_table_of_packages_lists_the_layers_of_import_linter_from_the_ground_up():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text.partition("| package | holds |")[2].partition("\n\n")[0]
    first_cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    packages = [set(re.findall(r"`(\w+)`", cell)) for cell in first_cells]
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    assert packages == [{name.strip().removeprefix("manyshot.") for name in layer.split("|")} for layer in layers[::-1]]
