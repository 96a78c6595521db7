import io
import json
import os
from typing import Any, NotRequired, TypedDict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyshot.base import InputError, check_type, has_type, open_file, parse_json, read_bytes, read_json, read_line
from manyshot.base.read_files import MAX_DEPTH, MAX_LINE


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"a": 1',
        b"\xff\xfe\x00",
        b"[1, 2",
        b"[" * 1_000_000,
        b'{"a": ' * 100_000,
        b'{"a": 1' + b"1" * 5000 + b"}",
        b'{"a": NaN}',
        b'{"a": [-Infinity]}',
        b'{"a": 1e999}',
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
    ],
)
def test_what_is_not_json_ends_in_one_line_that_names_the_file(tmp_path, content):
    path = tmp_path / "value.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"value\.json: not valid JSON") as caught:
        read_json(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200 + len(str(path))


def test_json_that_is_deep_but_not_too_deep_is_read():
    assert parse_json("[" * MAX_DEPTH + "]" * MAX_DEPTH, "here") is not None


@settings(max_examples=40, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
        max_leaves=20,
    )
)
def test_whatever_json_can_hold_is_read_as_pythons_own_reader_reads_it(value):
    assert parse_json(json.dumps(value), "here") == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode(), "here", unicode=True) == value


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60) | st.text(alphabet='[]{}",:0123456789eE+-.\\ud8', max_size=60))
def test_arbitrary_text_is_json_or_an_input_error(content):
    try:
        parse_json(content, "here", unicode=True)
    except InputError as error:
        assert str(error).startswith("here: ")  # noqa: PT017 - either outcome is right


def test_lone_surrogates_are_kept_for_file_names_and_refused_for_text():
    assert parse_json(r'["\udcff"]', "here") == ["\udcff"]
    assert parse_json(r'["\ud83d\ude00"]', "here", unicode=True) == ["\U0001f600"]
    assert parse_json(r'["\\ud800"]', "here", unicode=True) == [r"\ud800"]
    with pytest.raises(InputError, match=r"here: not valid JSON.*surrogate"):
        parse_json(r'["a \ud800 b"]', "here", unicode=True)


def test_nan_is_read_where_it_is_allowed():
    assert parse_json("[Infinity]", "here", finite=False) == [float("inf")]


class Answer(TypedDict):
    text: str
    start: int


class Question(TypedDict):
    id: str | int
    answers: NotRequired[list[Answer]]


@pytest.mark.parametrize(
    ("value", "kind", "fault"),
    [
        (5, str, "here: 5 is not a text"),
        (True, int, "here: True is not a whole number"),
        (1, bool, "here: 1 is not true or false"),
        (1.5, int | None, "here: 1.5 is not a whole number or null"),
        ("x", float, "here: 'x' is not a number"),
        ([1, "x"], list[int], r"here: \[1\]: 'x' is not a whole number"),
        ({"a": {"b": [None]}}, dict[str, dict[str, list[str]]], r"here: a\.b\[0\]: None is not a text"),
        ([1], tuple[int, int], "here: a list is not a list of 2"),
        ((1, 2, 3), tuple[int, int], r"here: \(1, 2, 3\) is not a list of 2"),
        ({}, Question, "here: no 'id'"),
        ({"id": [1]}, Question, "here: id: a list is not a text or a whole number"),
        ({"id": 1, "answers": 5}, Question, "here: answers: 5 is not a list"),
        ({"id": 1, "answers": ["abc"]}, Question, r"here: answers\[0\]: 'abc' is not an object"),
        ({"id": 1, "answers": [{"text": "a"}]}, Question, r"here: answers\[0\]: no 'start'"),
        ("x" * 1000, int, "here: 'x{39}[.]{3} is not a whole number"),
    ],
)
def test_a_value_of_another_type_is_named_with_its_position(value, kind, fault):
    assert not has_type(value, kind)
    with pytest.raises(InputError, match=f"^{fault}$"):
        check_type(value, kind, "here")


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (5, float),
        (None, int | None),
        (None, None),
        ({"id": "a", "answers": [{"text": "", "start": 0, "more": [1]}]}, Question),
        ({"id": 1}, Question),
        ([{"a": 1}, "x"], list[Any]),
        ([1], list),
        ({"a": object()}, dict),
        ((3, 5), int | tuple[int, int]),
        ((1, 2, 3), tuple[int, ...]),
    ],
)
def test_a_value_of_the_type_is_returned(value, kind):
    assert check_type(value, kind, "here") is value


def test_a_missing_file_a_folder_and_an_impossible_name_are_named(tmp_path):
    for path, reason in (
        (tmp_path / "value.json", "no such file"),
        (tmp_path, "a folder"),
        ("a\0b", "no file can have this name"),
        ("\ud800", "no file can have this name"),
        ("n" * 300, "cannot be read"),
    ):
        with pytest.raises(InputError, match=reason) as caught:
            open_file(path)
        assert "\n" not in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_a_pipe_and_a_device_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "zero.json").symlink_to("/dev/zero")
    for name in ("pipe.csv", "zero.json"):
        with pytest.raises(InputError, match=f"{name}: a pipe or device"):
            open_file(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read anything")
def test_a_file_that_may_not_be_read_is_named(tmp_path):
    (tmp_path / "a").write_text("")
    (tmp_path / "a").chmod(0)
    with pytest.raises(InputError, match="Permission denied"):
        open_file(tmp_path / "a")


def test_a_file_that_is_too_large_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(b"123456789")
    assert read_bytes(tmp_path / "a", 9) == b"123456789"
    with pytest.raises(InputError, match="larger than the 8 bytes that are read"):
        read_bytes(tmp_path / "a", 8)


def test_a_line_without_an_end_is_refused():
    assert read_line(io.BytesIO(b"a\nb"), "here") == b"a\n"
    assert read_line(io.BytesIO(b"b"), "here") == b"b"
    with pytest.raises(InputError, match="here: longer than"):
        read_line(io.BytesIO(b"a" * (MAX_LINE + 2)), "here")
