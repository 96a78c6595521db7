"""Sentences as sources: a person's own, and the data sets in their official layouts."""

import json
import zipfile

import pytest

from manyshot.base import InputError
from manyshot.datasets import Columns, load_dataset
from manyshot.datasets import text_table as sentences
from manyshot.tasks import EpisodeSampler

FAQ = "text,label\nhi there,greet\nhello,greet\nbye,leave\nsee you,leave\n"


@pytest.fixture
def faq(tmp_path):
    path = tmp_path / "faq.csv"
    path.write_text(FAQ)
    return path


class TestOwnSentences:
    def test_a_table_is_a_source_that_gives_sentences(self, faq):
        source = load_dataset(faq)
        assert source.class_names == ("greet", "leave")
        assert source.gather([0, 3]) == ["hi there", "see you"]
        assert source.is_text
        assert source.describe()["type"] == "sentences"

    def test_tasks_hold_lists_of_sentences(self, faq):
        episode = EpisodeSampler(load_dataset(faq), ways=2, shots=1, queries=1).batch(0, 3)
        assert [len(task) for task in episode.support.items] == [2, 2, 2]
        assert all(isinstance(text, str) for task in episode.query.items for text in task)

    def test_a_folder_of_text_files_a_class_and_its_zip_are_one_too(self, tmp_path):
        for number, label in enumerate(("greet", "leave")):
            (tmp_path / "faq" / label).mkdir(parents=True)
            (tmp_path / "faq" / label / "1.txt").write_text(f"text {number}\n", encoding="utf-8-sig")
        with zipfile.ZipFile(tmp_path / "faq.zip", "w") as archive:
            for label in ("greet", "leave"):
                archive.write(tmp_path / "faq" / label / "1.txt", f"{label}/1.txt")
        for path in (tmp_path / "faq", tmp_path / "faq.zip"):
            source = load_dataset(path)
            assert source.class_names == ("greet", "leave")
            assert source.gather([0, 1]) == ["text 0", "text 1"]

    def test_empty_and_repeated_rows_are_passed_over_and_reported(self, faq, capsys):
        faq.write_text(FAQ + " ,greet\nhello,greet\n")
        assert len(load_dataset(faq)) == 4
        output = capsys.readouterr().err
        assert "1 rows without a text are skipped (the first on line 6)" in output.replace("\n", " ")
        assert "1 repeated rows are skipped (one on line 7)" in output.replace("\n", " ")

    def test_one_text_in_two_classes_is_an_error_that_names_both_rows(self, faq):
        faq.write_text(FAQ + "hello,leave\n")
        with pytest.raises(InputError, match=r"line 6 is of class 'leave', and line 3 has the same text in .*'greet'"):
            load_dataset(faq)

    @pytest.mark.parametrize(
        ("content", "message"),
        [("text,label\na,x\nb,x\n", "only one class"), ("text,label\n", "no sentences")],
    )
    def test_what_is_too_little_to_learn_from_is_reported(self, faq, content, message):
        faq.write_text(content)
        with pytest.raises(InputError, match=message):
            load_dataset(faq)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"size": 28}, "no size or color"),
            ({"split": "train"}, "has no splits"),
            ({"centered": True}, "only drawings"),
            ({"columns": Columns("txt")}, "no column 'txt'"),
        ],
    )
    def test_options_of_other_data_are_refused(self, faq, options, message):
        with pytest.raises(InputError, match=message):
            load_dataset(faq, **options)

    def test_columns_are_refused_where_there_are_none(self, tmp_path):
        with pytest.raises(InputError, match="only tables of sentences have columns"):
            load_dataset("digits", columns=Columns())

    def test_a_table_too_large_for_memory_is_read_row_by_row(self, faq, monkeypatch):
        inside = load_dataset(faq)
        monkeypatch.setattr(sentences, "IN_MEMORY", 1)
        outside = load_dataset(faq)
        assert not isinstance(outside.store, list)
        assert outside.is_text
        assert outside.gather(range(4)) == inside.gather(range(4))


class TestOfficialLayouts:
    def test_clinc150_has_intents_by_domain(self, tmp_path):
        content = {part: [["pay it", "bill"], ["hey", "hello"]] for part in ("train", "val", "test")}
        content |= {f"oos_{part}": [["why", "oos"]] for part in ("train", "val", "test")}
        (tmp_path / "data_full.json").write_text(json.dumps(content))
        (tmp_path / "domains.json").write_text(json.dumps({"banking": ["bill"], "small_talk": ["hello"]}))
        whole = load_dataset("clinc150", root=tmp_path)
        assert (len(whole), whole.groups) == (6, ("banking", "small_talk"))
        assert len(load_dataset("clinc150", "test", root=tmp_path)) == 2
        assert load_dataset("clinc150", "out-of-scope", root=tmp_path).class_names == ("oos",)

    def test_banking77_joins_its_two_tables(self, tmp_path):
        for split in ("train", "test"):
            (tmp_path / f"{split}.csv").write_text(f'text,category\n"{split}, a",card\n{split} b,cash\n')
        assert load_dataset("banking77", root=tmp_path).gather([0]) == ["train, a"]
        assert len(load_dataset("banking77", root=tmp_path)) == 4
        assert len(load_dataset("banking77", "test", root=tmp_path)) == 2

    def test_hwu64_leaves_out_what_its_annotators_marked(self, tmp_path):
        header = "userid;answerid;scenario;intent;status;answer_annotation;notes;suggested_entities;answer_normalized;"
        lines = [f"1;{i};alarm;set;;x;;;x;wake me at {i};q" for i in range(11)]
        lines += ["1;1;alarm;set;IRR_XL;x;;;x;nonsense;q", "1;2;alarm;set;;x;;;x;null;q", '1;3;odd;one;;x;;;x;"rare;q']
        path = tmp_path / "NLU-Data-Home-Domain-Annotated-All.csv"
        path.write_text("\n".join([header + "answer;question", *lines]))
        source = load_dataset("hwu64", root=tmp_path)
        assert (source.class_names, source.groups, len(source)) == (("alarm_set",), ("alarm",), 11)

    def test_huffpost_has_headlines_by_category(self, tmp_path):
        rows = [{"category": c, "headline": h, "link": ""} for c, h in (("ARTS", "a"), ("ARTS", "a"), ("TECH", "b"))]
        (tmp_path / "News_Category_Dataset_v2.json").write_text("\n".join(map(json.dumps, rows)))
        source = load_dataset("huffpost", root=tmp_path)
        assert (source.class_names, len(source)) == (("ARTS", "TECH"), 2)

    def test_a_file_that_is_not_here_is_reported_with_its_position(self, tmp_path, monkeypatch):
        monkeypatch.setenv("MANYSHOT_DATA", str(tmp_path))
        with pytest.raises(
            InputError, match=r"data_full\.json: cannot be downloaded auto.*; fetch it from https.*--root"
        ):
            load_dataset("clinc150")

    @pytest.mark.parametrize("content", ["[]", '{"train": [["a"]]}', '{"train": []}'])
    def test_another_layout_is_reported(self, tmp_path, content):
        (tmp_path / "data_full.json").write_text(content)
        with pytest.raises(InputError, match="no 'train' of pairs"):
            load_dataset("clinc150", "train", root=tmp_path)

    def test_the_real_clinc150_is_whole(self, real_data):
        source = load_dataset("clinc150", root=real_data)
        assert (len(source.class_names), len(source), len(set(source.groups))) == (150, 22500, 10)
