"""New sentences in a table: nothing repeats, no class takes another one's, and every reader reads the same."""

import csv
import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.datasets.table_reader import Columns, read_rows
from manyshot.samples.export_text import export_sentences, replay_sentence

ODD = "ab ,;\t|\"'\n\r\v\x85\u2028\0=NA\ufeff好👍\\"
ANYTHING = st.text(min_size=1, max_size=20) | st.text(st.sampled_from(ODD), max_size=12)


def written(tmp_path, rows, name="faq.jsonl"):
    path = tmp_path / name
    path.write_text("".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows))
    return path


def texts(path):
    return [(row.text, row.label) for row in read_rows(path, Columns("text", "label"))]


def test_nothing_is_written_twice_and_the_note_says_what_could_not_be_made(tmp_path, capsys):
    table = written(tmp_path, [("buy it", "shop"), ("hello my good old friend", "greet")])
    exported = export_sentences(table, Plan("shots: swap_words"), 6, tmp_path / "more.csv")
    sentences = [text for text, _ in texts(exported.path)]
    assert len(set(sentences)) == len(sentences)
    assert "buy it" not in sentences
    assert exported.generated == {"greet": 6, "shop": 1}  # "it buy" alone
    assert "5 of 12 sentences are left out: the plan found no change that is new" in capsys.readouterr().err


def test_no_sentence_stands_under_two_classes(tmp_path):
    table = written(tmp_path, [("a b", "one"), ("b a", "two"), ("a b c", "one"), ("c a b", "two")])
    rows = texts(export_sentences(table, Plan("shots: swap_words(0.9)"), 20, tmp_path / "more.csv").path)
    rows += texts(table)
    assert max(Counter(text for text, _ in rows).values()) == 1


def test_a_plan_that_finds_nothing_at_all_is_refused_and_leaves_no_file(tmp_path):
    table = written(tmp_path, [("tea", "shop"), ("hello", "greet")])
    with pytest.raises(InputError, match=r"the plan 'shots: swap_words' finds nothing to change in any sentence"):
        export_sentences(table, Plan("shots: swap_words"), 2, tmp_path / "more.csv")
    assert not (tmp_path / "more.csv").exists()


def test_a_sentence_that_was_drawn_again_can_be_made_again(tmp_path):
    table = written(tmp_path, [("my old friend", "greet")])
    out = export_sentences(table, Plan("shots: swap_words"), 5, tmp_path / "more.csv").path
    with out.open(newline="") as file:
        for row in csv.DictReader(file):
            assert replay_sentence(row, "my old friend") == row["text"]


def test_classes_that_are_numbers_stay_numbers(tmp_path):
    table = written(tmp_path, [("where is my parcel", 0), ("can i pay by card", 1)])
    out = export_sentences(table, Plan("shots: typos"), 1, tmp_path / "more.jsonl").path
    assert [json.loads(line)["label"] for line in out.read_text().splitlines()] == [0, 1]


@settings(max_examples=100)
@given(st.lists(st.tuples(ANYTHING, ANYTHING), min_size=1, max_size=4), st.sampled_from([".csv", ".tsv", ".jsonl"]))
def test_our_reader_and_pandas_read_the_same(tmp_path_factory, table, suffix):
    pandas = pytest.importorskip("pandas")
    folder = tmp_path_factory.mktemp("table")
    rows = [(f"x {text} y", f"c{label}z") for text, label in table]
    out = folder / f"more{suffix}"
    (folder / "templates.txt").write_text("{text} again\nagain {text}\n")
    export_sentences(written(folder, rows), Plan(f'shots: template("{folder}/templates.txt")'), 2, out)
    if suffix == ".jsonl":
        frame = pandas.read_json(out, lines=True, dtype=False)
    else:
        frame = pandas.read_csv(out, sep="," if suffix == ".csv" else "\t", dtype=str, keep_default_na=False)
    assert list(zip(frame["text"], frame["label"], strict=True)) == texts(out)
