from dataclasses import replace

import pytest

from manyshot.compare.preset_comparisons import COMPARISONS
from small_comparison import small_comparison


@pytest.fixture
def tiny(monkeypatch):
    """A preset of two small comparisons."""
    comparisons = tuple(small_comparison(n, f"{n} classes") for n in (5, 6))
    monkeypatch.setitem(COMPARISONS, "few-tasks", replace(COMPARISONS["few-tasks"], comparisons=comparisons))


@pytest.mark.usefixtures("forked_workers")
def test_a_preset_is_one_page_and_one_answer(manyshot, tiny, tmp_path):
    out = tmp_path / "out"
    words = ("compare", "--preset", "few-tasks", "--tasks", 3, "--jobs", 1, "--out", out, "-q")
    answer = manyshot(*words, "--json").json
    assert answer["preset"] == "few-tasks"
    assert list(answer["comparisons"]) == ["5 classes", "6 classes"]
    assert answer["comparisons"]["5 classes"]["suites"]["all"]["tasks"] == 3
    page = (out / "report.html").read_text(encoding="utf-8")
    for words_there in ("5 classes, all", "6 classes, all", "5 classes: 5; 6 classes: 6", "task: turn"):
        assert words_there in page
    assert "5 classes, all:" in manyshot(*words).out


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--preset", "few-task"), "did you mean 'few-tasks'"),
        (("digits", "--preset", "few-tasks"), "DATA has no effect with --preset few-tasks"),
        (("--preset", "few-tasks", "--arms", "none"), "--arms has no effect"),
        (("--preset", "few-tasks", "--meta-batch-size", 2), "--meta-batch-size has no effect"),
        (("--preset", "memorization", "--root", "."), "--root has no effect"),
        (("--preset", "memorization", "--seeds", 0), "--seeds 0"),
        ((), "give DATA and at least one --arms, or --preset NAME"),
        (("digits",), "give DATA and at least one --arms"),
    ],
)
def test_names_what_is_wrong_in_one_line(manyshot, words, named, tmp_path):
    answer = manyshot("compare", *words, "--out", tmp_path / "out")
    assert (answer.status, answer.errors.count("\n")) == (2, 1)
    assert named in answer.errors
    assert not (tmp_path / "out").exists()


def test_memorization_needs_no_data(manyshot, tmp_path):
    words = ("compare", "--preset", "memorization", "--steps", 3, "--seeds", 2, "--tasks", 12, "-q")
    answer = manyshot(*words, "--out", tmp_path / "out", "--json").json
    assert list(answer["comparisons"]) == ["4 waves", "10 waves"]
    assert answer["comparisons"]["4 waves"]["without"]["against_first"] is None
    assert "label-shared noise" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "squared errors" in manyshot(*words, "--out", tmp_path / "out").out
