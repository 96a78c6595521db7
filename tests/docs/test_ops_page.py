import runpy
from pathlib import Path

from manyshot.augment.table import NAMED

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "make_ops.py"


def test_the_page_of_ops_is_what_the_docstrings_say():
    made = runpy.run_path(str(SCRIPT))
    assert made["PAGE"].read_text(encoding="utf-8") == made["page"](), "run: python docs/make_ops.py"


def test_the_page_of_ops_has_every_op():
    text = SCRIPT.with_name("ops.md").read_text(encoding="utf-8")
    assert all(f"### {name}\n" in text for name in NAMED)
