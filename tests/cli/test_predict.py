"""`manyshot predict`: files, columns, unknown, the next to label, and one line for what is wrong."""

import csv
import io
import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from manyshot.classify.examples import list_examples
from manyshot.classify.examples.read_examples import examples_from_arrays
from manyshot.classify.model.save_load_model import save_model
from small_classifiers import PARCEL, TEA, fit_small, questions


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fitted") / "model"
    save_model(fit_small(questions()), folder)
    return folder


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("frage\nmy parcel please\ngreen tea\nwhere is my parcel\n", encoding="utf-8")
    return path


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_csv_has_a_column_for_each_class(manyshot, model, table, tmp_path):
    out = tmp_path / "answers.csv"
    answer = manyshot("predict", model, table, "--text-column", "frage", "--out", out)
    assert answer.status == 0, answer.errors
    result = rows(out)
    assert list(result[0]) == ["file", "prediction", "probability", "parcel", "tea"]
    assert [row["file"] for row in result] == ["row 2", "row 3", "row 4"]
    assert [row["prediction"] for row in result] == ["parcel", "tea", "parcel"]
    for row in result:
        assert float(row["probability"]) == max(float(row["parcel"]), float(row["tea"]))
        assert float(row["parcel"]) + float(row["tea"]) == pytest.approx(1, abs=1e-5)
    assert "3 predictions: parcel 2, tea 1" in answer.out


def test_json_lines_have_the_same_and_the_most_probable_classes(manyshot, model, table, tmp_path):
    out = tmp_path / "answers.jsonl"
    answer = manyshot("predict", model, table, "--text-column", "frage", "--out", out, "--top", 5, "--json")
    summary = answer.json
    assert summary["file"] == str(out)
    assert summary["examples"] == 3
    assert summary["counts"] == {"parcel": 2, "tea": 1}
    assert "predictions" not in summary
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [line["prediction"] for line in lines] == ["parcel", "tea", "parcel"]
    assert [one["class"] for one in lines[1]["top"]] == ["tea", "parcel"]
    assert lines[1]["top"][0]["probability"] == lines[1]["probability"] == lines[1]["probabilities"]["tea"]


def test_ranks_are_columns_behind_those_of_the_classes(manyshot, model, table, tmp_path):
    out = tmp_path / "answers.csv"
    manyshot("predict", model, table, "--text-column", "frage", "--out", out, "--top", 1)
    assert list(rows(out)[1].items())[-2:] == [("class_1", "tea"), ("probability_1", rows(out)[1]["tea"])]


def test_sentences_come_from_standard_input(manyshot, model, monkeypatch):
    given = io.TextIOWrapper(io.BytesIO(b"green tea\n\nmy parcel\n"), encoding="utf-8")
    monkeypatch.setattr(list_examples, "sys", SimpleNamespace(stdin=given))
    answer = manyshot("predict", model, "-", "--json")
    assert [one["prediction"] for one in answer.json["predictions"]] == ["tea", "parcel"]
    assert [one["file"] for one in answer.json["predictions"]] == ["row 1", "row 3"]


def test_without_a_file_a_table_is_printed(manyshot, model, table):
    answer = manyshot("predict", model, table, "--text-column", "frage", "--top", 2)
    assert "row 2" in answer.out
    assert "most probable classes" in answer.out


def test_a_class_that_is_called_like_a_column_keeps_a_column(manyshot, tmp_path):
    result = examples_from_arrays([*PARCEL, *TEA], ["file"] * 4 + ["unknown"] * 4)
    save_model(fit_small(result), tmp_path / "model")
    (tmp_path / "new.txt").write_text("green tea\n")
    out = tmp_path / "answers.csv"
    assert manyshot("predict", tmp_path / "model", tmp_path / "new.txt", "--out", out).status == 0
    assert list(rows(out)[0]) == ["file", "prediction", "probability", "file (class)", "unknown"]


def test_the_next_to_label_are_named(manyshot, model, tmp_path):
    (tmp_path / "new.txt").write_text("the parcel of tea\nthe parcel of tea\nwhere is my parcel\n")
    answer = manyshot("predict", model, tmp_path / "new.txt", "--next", 1)
    assert answer.out.splitlines()[-2].startswith("Label these next (uncertain, and unlike each other")
    assert answer.out.splitlines()[-1] in ("row 1", "row 2")
    assert manyshot("predict", model, tmp_path / "new.txt", "--next", 1, "--json").json["next"] == ["row 1"]


def test_a_file_of_something_else_is_kept_unless_it_may_be_replaced(manyshot, model, table, tmp_path):
    out = tmp_path / "answers.csv"
    out.write_text("mine")
    words = ("predict", model, table, "--text-column", "frage", "--out", out)
    answer = manyshot(*words)
    assert (answer.status, answer.errors.count("\n")) == (2, 1)
    assert "exists, and Manyshot did not write it" in answer.errors
    assert out.read_text() == "mine"
    assert manyshot(*words, "--overwrite").status == 0
    assert manyshot(*words).status == 0  # its own predictions
    assert len(rows(out)) == 3


def test_ctrl_c_says_how_to_go_on(manyshot, model, table, monkeypatch):
    from manyshot.classify.model.model import Model

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Model, "predict", stop)
    answer = manyshot("predict", model, table, "--text-column", "frage")
    assert answer.status == 130
    assert answer.errors == "Stopped; run the same command again: examples that were encoded are in the cache\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("{model}", "{tmp}/none.png"), "none.png"),
        (("{tmp}", "{table}"), "holds no model (no model.json)"),
        (("{model}", "{table}", "--out", "{tmp}/a.txt"), "end the name with .csv or .jsonl"),
        (("{model}", "{table}", "--text-column", "fage"), "did you mean 'frage'"),
        (("{model}", "{tmp}/pictures"), "no sentences"),
        (("{model}", "{table}", "--text-column", "frage", "--device", "cuba"), "cuba"),
    ],
)
def test_what_does_not_fit_is_one_line(manyshot, model, table, tmp_path, words, message):
    (tmp_path / "pictures").mkdir()
    Image.fromarray(np.zeros((8, 8, 3), dtype=np.uint8)).save(tmp_path / "pictures" / "1.png")
    answer = manyshot("predict", *(word.format(model=model, table=table, tmp=tmp_path) for word in words))
    assert answer.status == 2
    assert message in answer.errors
    assert answer.errors.strip().count("\n") == 0
