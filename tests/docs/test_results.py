"""The figures of the README and of the page of results are those of the files in results/."""

import doctest
import importlib
import json
import sys
from pathlib import Path

import pytest

from manyshot.compare.preset_comparisons import COMPARISONS

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "results"


@pytest.fixture
def script(monkeypatch):
    """Imports a script of experiments/, or a part of one, as if started there."""
    monkeypatch.setattr(sys, "path", [str(ROOT / "experiments"), *sys.path])
    return importlib.import_module


def test_the_readmes_results_are_what_the_script_writes(script):
    assert script("readme").section() in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_page_of_results_is_what_the_script_writes(script):
    module = script("results_page")
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), "run: python experiments/results_page.py"


def test_every_comparison_whose_results_are_there_has_its_section():
    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    for name in COMPARISONS:
        assert (f"## {name}\n" in text) == (RESULTS / f"{name.replace('-', '_')}.json").exists()


def test_several_comparisons_stand_in_one_table_and_null_results_are_not_bold(script, tmp_path):
    result = json.loads((RESULTS / "transfer.json").read_text(encoding="utf-8"))
    (comparison,) = result["comparisons"].values()
    for suite in comparison["suites"].values():
        for number, one in enumerate(suite["arms"].values()):
            if one["against_first"] is not None:
                one["against_first"] |= {"difference": -0.02, "interval": [-0.05, 0.01], "p_value_holm": number - 0.96}
    few = result | {"preset": "few-tasks", "comparisons": {"10 classes": comparison, "20 classes": comparison}}
    (tmp_path / "few_tasks.json").write_text(json.dumps(few), encoding="utf-8")
    text = script("results_page").page(tmp_path)
    assert "## few-tasks\n" in text
    assert "## transfer\n" not in text
    assert text.count("| 10 classes | without |") == text.count("| 20 classes | without |") == 1
    assert "| 20 classes | mirrored and deformed | 76.5% | **-2.0** [-5.0, +1.0] |" in text
    assert "| 20 classes | turned and deformed | 71.6% | -2.0 [-5.0, +1.0] |" in text


def test_the_parts_of_tables_are_as_their_examples_say(script):
    result = doctest.testmod(script("sections.cells"))
    assert result.attempted >= 3
    assert not result.failed
