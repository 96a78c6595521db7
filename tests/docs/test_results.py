"""The README's figures are those of the files in results/."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_readmes_results_are_what_the_script_writes():
    spec = importlib.util.spec_from_file_location("readme", ROOT / "experiments" / "readme.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.section() in (ROOT / "README.md").read_text(encoding="utf-8")
