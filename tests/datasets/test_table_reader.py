"""Tables of sentences: however odd a file of a person's own is, it works, or one line tells what is wrong and where."""

import csv
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyshot.base import InputError
from manyshot.datasets import Columns
from manyshot.datasets.table_reader import TextsOnDisk, column_names, read_rows

CHINESE = "text,label\n你好吗,问候\n再见,告别\n"


def rows(path, *columns) -> list[tuple[int, str, str]]:
    return [(row.line, row.text, row.label) for row in read_rows(path, Columns(*columns))]


def written(tmp_path, content: str | bytes, name: str = "faq.csv"):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


class TestWhatWorks:
    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("faq.csv", "text,label\nhi,greet\nbye,leave\n"),
            ("faq.csv", "text;label\nhi;greet\nbye;leave\n"),
            ("faq.CSV", "label\ttext\ngreet\thi\nleave\tbye\n"),
            ("faq.tsv", "Text\tIntent\r\nhi\tgreet\r\nbye\tleave"),
            ("faq.jsonl", '{"text": "hi", "label": "greet"}\n{"text": "bye", "label": "leave", "more": 1}\n'),
        ],
    )
    def test_tables_of_all_kinds_give_the_same_rows(self, tmp_path, name, content):
        assert [row[1:] for row in rows(written(tmp_path, content, name))] == [("hi", "greet"), ("bye", "leave")]

    def test_a_byte_order_mark_is_no_part_of_the_first_name(self, tmp_path):
        assert rows(written(tmp_path, b"\xef\xbb\xbf" + CHINESE.encode())) == rows(written(tmp_path, CHINESE, "b.csv"))

    def test_another_encoding_is_read_when_it_is_named(self, tmp_path):
        path = written(tmp_path, CHINESE.encode("gb18030"))
        assert rows(path, None, None, "gb18030") == [(2, "你好吗", "问候"), (3, "再见", "告别")]

    def test_quoted_texts_may_hold_commas_quotes_and_lines(self, tmp_path):
        path = written(tmp_path, 'text,label\n"a, ""b""\nc",x\n\nd,y\n')
        assert rows(path) == [(2, 'a, "b"\nc', "x"), (5, "d", "y")]

    def test_columns_are_taken_by_name(self, tmp_path):
        path = written(tmp_path, "id,frage,text,thema\n1,wer?,no,a\n2,was?,no,b\n")
        assert rows(path, "frage", "thema") == [(2, "wer?", "a"), (3, "was?", "b")]

    def test_numbers_may_name_classes_in_json(self, tmp_path):
        assert rows(written(tmp_path, '{"text": "hi", "label": 3}\n', "a.jsonl")) == [(1, "hi", "3")]

    @given(st.lists(st.tuples(st.text(max_size=30), st.sampled_from("ab")), min_size=1, max_size=8))
    def test_whatever_the_csv_module_writes_is_read_back(self, tmp_path_factory, table):
        path = tmp_path_factory.mktemp("csv") / "t.csv"
        table = [(text.replace("\0", "").encode("utf-8", "ignore").decode(), label) for text, label in table]
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text", "label"), *table])
        assert [row[1:] for row in rows(path)] == [(text.strip(), label) for text, label in table]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty; the first line must name the columns"),
        ("a,b\n1,2\n", "which column holds the sentences.*--text-column; columns: a, b"),
        ("text,b\n1,2\n", "which column holds the classes.*--label-column"),
        ("text,label\nhi, you,greet\n", "line 2: 3 columns, but the header has 2; put texts that contain ','"),
        ("text,label\na,b\nhi\n", "line 3: 1 columns"),
        ("text,label\nhi,\n", "line 2: no class"),
        ('text,label\na,b\n"hi,greet\nmore,x\n', "line 3: a quote that is opened here is never closed"),
        ('text,label\n"hi" you,greet\n', "line 2: a quote stands inside a quoted text; double it"),
        ('text,label\n"' + "x" * 140_000 + '",a\n', "line 2: a text of more than 131,072 characters"),
        (CHINESE.encode("gb18030"), "line 2: byte 0x.. is not utf-8; name the encoding, such as --encoding gb18"),
        (CHINESE.encode("utf-16"), "is stored as UTF-16; store it as UTF-8"),
    ],
)
def test_a_broken_table_is_one_line_that_names_file_and_row(tmp_path, content, message):
    with pytest.raises(InputError, match=rf"faq\.csv: {message}") as caught:
        rows(written(tmp_path, content))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"text": "a", "label": "b"}\n{"text": \n', "line 2: not valid JSON"),
        ("[1]\n", "line 1: not a JSON object"),
        ('{"text": 3, "label": "b"}', "line 1: its text is not a string but int"),
        ('{"text": "a", "label": null}', "line 1: its class is not a string but NoneType"),
        ('{"text": "a", "label": "b"}\n{"text": "c", "lable": "b"}', "line 2: no 'label'; did you mean 'lable'"),
    ],
)
def test_broken_json_lines_name_the_line(tmp_path, content, message):
    with pytest.raises(InputError, match=rf"faq\.jsonl: {message}"):
        rows(written(tmp_path, content, "faq.jsonl"))


def test_a_missing_file_and_unknown_names_are_reported(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        rows(tmp_path / "none.csv")
    with pytest.raises(InputError, match="no column 'txt'; did you mean 'text'"):
        rows(written(tmp_path, CHINESE), "txt")
    with pytest.raises(InputError, match="cannot be both text and label"):
        rows(written(tmp_path, CHINESE), "text", "text")
    with pytest.raises(InputError, match="encoding 'utf-17': unknown"):
        Columns(encoding="utf-17")
    with pytest.raises(InputError, match="encoding 'utf-16': its lines cannot be separated; store the file as utf-8"):
        Columns(encoding="utf-16")


class TestTextsOnDisk:
    @pytest.mark.parametrize("name", ["big.csv", "big.jsonl"])
    def test_any_row_is_read_alone(self, tmp_path, name):
        table = [('hi, "you"', "a"), ("two\nlines", "b"), ("你好", "a")]
        path = tmp_path / name
        with path.open("w", newline="", encoding="utf-8-sig") as file:
            if name.endswith("csv"):
                csv.writer(file).writerows([("text", "label"), *table])
            else:
                file.writelines(json.dumps({"text": text, "label": label}) + "\n" for text, label in table)
        texts = TextsOnDisk(path, Columns(), [row.offset for row in read_rows(path, Columns())])
        assert [texts[2], texts[0], texts[1]] == [table[2][0], table[0][0], table[1][0]]
        assert texts[:2] == [table[0][0], table[1][0]]

    def test_a_file_that_changes_meanwhile_is_reported(self, tmp_path):
        path = written(tmp_path, CHINESE)
        texts = TextsOnDisk(path, Columns(), [row.offset for row in read_rows(path, Columns())])
        path.write_text("text,label\n")
        with pytest.raises(InputError, match="was changed while it was in use"):
            texts[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"text": "a", "label": 1' + b"0" * 5000 + b"}", "line 1: not valid JSON .*digits"),
        (b"[" * 200_000, "line 1: not valid JSON .*deep"),
    ],
)
def test_a_line_of_json_that_nothing_can_be_done_with_is_named(tmp_path, content, message):
    path = tmp_path / "t.jsonl"
    path.write_bytes(content + b"\n")
    with pytest.raises(InputError, match=message) as caught:
        list(read_rows(path, Columns()))
    assert len(str(caught.value)) < 200 + len(str(path))


def test_a_line_without_an_end_is_refused_before_it_fills_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("manyshot.base.read_files.MAX_LINE", 1000)
    for name in ("t.csv", "t.jsonl"):
        (tmp_path / name).write_bytes(b"text,label\n" + b"a" * 5000)
        with pytest.raises(InputError, match=rf"{name}: line .: (longer than 1,000 bytes|not valid JSON)"):
            list(read_rows(tmp_path / name, Columns()))


def test_a_table_of_very_many_columns_is_refused_in_a_short_line(tmp_path):
    (tmp_path / "t.csv").write_text(",".join(f"column {i}" for i in range(20_000)) + "\n")
    with pytest.raises(InputError, match="and 19,988 more") as caught:
        list(read_rows(tmp_path / "t.csv", Columns()))
    assert len(str(caught.value)) < 400 + len(str(tmp_path))


def test_a_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "t.csv")
    with pytest.raises(InputError, match="a pipe or device"):
        list(read_rows(tmp_path / "t.csv", Columns()))


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("faq.csv", '"text";label\n"hello, all; there";greet\nbye, now;leave\n', ["hello, all; there", "bye, now"]),
        ("faq.csv", 'text,"label (a, b; or c)"\nhello,greet\nbye,leave\n', ["hello", "bye"]),
        ("faq.csv", '"text\n","label"\nhello,greet\n"bye\nnow",leave\n', ["hello", "bye\nnow"]),
        ("faq.csv", 'text,label\rhello,greet\r"bye, now",leave\r', ["hello", "bye, now"]),
        ("faq.csv", "sep=;\r\ntext;label\r\nhello;greet\r\nbye;leave\r\n", ["hello", "bye"]),
        ("faq.csv", "text|label\nhello|greet\nbye|leave\n", ["hello", "bye"]),
        ("faq.csv", "text,label\n\nhello,greet\n , \nbye,leave\n,,\n", ["hello", "bye"]),
        (
            "faq.tsv",
            'text\tlabel\n"Well" done, he said\tpraise\nso "bad"\tblame\n',
            ['"Well" done, he said', 'so "bad"'],
        ),
        ("faq.tsv", 'text\tlabel\n"one\ntwo"\ta\n"say ""hi"""\tb\n', ["one\ntwo", 'say "hi"']),
    ],
)
def test_tables_of_other_programs_are_read(tmp_path, name, content, expected):
    path = written(tmp_path, content.encode(), name)
    label = column_names(path)[1]
    read = list(read_rows(path, Columns("text", label)))
    assert [row.text for row in read] == expected
    assert list(TextsOnDisk(path, Columns("text", label), [row.offset for row in read])) == expected


def test_rows_without_a_text_need_no_class(tmp_path):
    content = '{"text": "hi", "label": "a"}\n{"text": null, "label": "b"}\n{"text": " ", "label": null}\n'
    assert [row[1:] for row in rows(written(tmp_path, content, "a.jsonl"))] == [("hi", "a"), ("", "b"), ("", "")]


def test_numbers_stay_numbers_as_classes(tmp_path):
    path = written(tmp_path, '{"text": "hi", "label": 3}\n{"text": "ho", "label": 0.5}\n', "a.jsonl")
    assert [(row.label, row.written_label) for row in read_rows(path, Columns())] == [("3", 3), ("0.5", 0.5)]
    with pytest.raises(InputError, match="line 1: its class is not a string but float"):
        rows(written(tmp_path, '{"text": "hi", "label": NaN}\n', "b.jsonl"))


def test_lone_surrogates_become_replacement_characters(tmp_path):
    content = '{"text": "so nice \\ud83d thank you", "label": "praise"}\n'
    assert rows(written(tmp_path, content, "a.jsonl")) == [(1, "so nice \ufffd thank you", "praise")]


def test_two_columns_of_one_name_are_refused_only_where_they_are_read(tmp_path):
    with pytest.raises(InputError, match="2 columns are called 'text'; rename all but one"):
        rows(written(tmp_path, "text,label,text\na,b,c\n"))
    assert rows(written(tmp_path, "text,label,more,more\na,b,c,d\n", "b.csv")) == [(2, "a", "b")]
