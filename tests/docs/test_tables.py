import runpy
from pathlib import Path

from manyshot.augment.registry import NAMED
from manyshot.classify.encode.frozen_encoders import FROZEN
from manyshot.datasets import DATASETS
from manyshot.learners import LEARNERS
from manyshot.objectives import OBJECTIVES

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "make_ops.py"


def test_the_page_of_ops_is_what_the_docstrings_say():
    module = runpy.run_path(str(SCRIPT))
    assert module["PAGE"].read_text(encoding="utf-8") == module["page"](), "run: python docs/make_ops.py"


def test_the_page_of_ops_has_every_op():
    text = SCRIPT.with_name("ops.md").read_text(encoding="utf-8")
    assert all(f"### {name}\n" in text for name in NAMED)


def test_every_data_set_learner_and_objective_is_in_the_docs():
    for page, table in (("datasets.md", DATASETS), ("learners.md", LEARNERS), ("objectives.md", OBJECTIVES)):
        text = SCRIPT.with_name(page).read_text(encoding="utf-8")
        assert [name for name in table if f"`{name}" not in text] == [], page


def test_the_table_of_frozen_encoders_is_what_the_registry_says():
    text = SCRIPT.with_name("fit.md").read_text(encoding="utf-8")
    for row in FROZEN:
        extra = f"`{row.extra}`" if row.extra else "none needed"
        cells = (
            f"`{row.name}`",
            row.kind,
            row.quality,
            f"{row.millions:g}",
            f"{row.milliseconds:g}",
            row.licence,
            extra,
        )
        assert f"| {' | '.join(cells)} |\n" in text, row.name
